"""The blameless lint tells people from machines, names place, reason and a better question, and seldom cries wolf.

The corpora in `blameless/` were made up for this project. `blameful_held_out.txt` and `good_held_out/` were not looked
at while rules were written; an outside reader judges the lint by texts that nobody here has seen, so that figure is the
honest one.
"""

from pathlib import Path

import pytest

from domain.blameless import RULES, BlamelessFinding, Level, at_least, lint_text

CORPUS = Path(__file__).parent / "blameless"


def _lines(name: str) -> list[str]:
    return [line for line in (CORPUS / name).read_text().splitlines() if line and not line.startswith("#")]


def _serious(text: str) -> list[BlamelessFinding]:
    return [finding for finding in lint_text(text) if at_least(finding.level, Level.WARNING)]


@pytest.mark.parametrize(("name", "least"), [("blameful.txt", 0.95), ("blameful_held_out.txt", 0.90)])
def test_plainly_blameful_sentences_are_found(name: str, least: float) -> None:
    """Nine in ten of the sentences that were held out, and nearly all of those that the rules were written with."""
    sentences = _lines(name)
    missed = [sentence for sentence in sentences if not _serious(sentence)]
    assert 1 - len(missed) / len(sentences) >= least, "\n".join(missed)


@pytest.mark.parametrize(("folder", "least_words"), [("good", 14_000), ("good_held_out", 2_200)])
def test_good_prose_is_left_alone(folder: str, least_words: int) -> None:
    """At most two findings in a thousand words of ordinary engineering prose, `info` counted too."""
    texts = [path.read_text() for path in sorted((CORPUS / folder).glob("*.md"))]
    words = sum(len(text.split()) for text in texts)
    found = [str(finding) for text in texts for finding in lint_text(text)]
    assert words >= least_words
    assert len(found) <= 2 * words / 1000, "\n".join(found)


@pytest.mark.parametrize("sentence", _lines("fine.txt"))
def test_what_only_looks_like_blame_is_left_alone(sentence: str) -> None:
    """Machines may fail, people may act, and a passive about a disk is no judgement."""
    assert _serious(sentence) == []


@pytest.mark.parametrize(
    ("person", "machine"),
    [
        ("Ana failed to check the lag.", "The health check failed to restart the pod."),
        ("The operator ignored the header.", "The Kubernetes operator ignored the header."),
        ("The manager should have released the lock.", "The connection manager should have released the lock."),
        ("The team did not load the page.", "The dashboard of the team did not load the page."),
        ("The on-call forgot the state.", "The cache forgot the state."),
    ],
)
def test_the_subject_decides(person: str, machine: str) -> None:
    """The same verb is a judgement of a person and a fact about a machine."""
    assert _serious(person)
    assert not lint_text(machine)


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("The engineer should have checked the lag.", "counterfactual"),
        ("The lag should have been checked.", "counterfactual-passive"),
        ("The operator was careless.", "judgement"),
        ("The cause was human error.", "human-error"),
        ("The root cause was a full disk.", "root-cause"),
        ("Of course the disk was full.", "hindsight"),
        ("The outage was due to a lack of testing.", "insufficiency"),
        ("The delay was because of Ana.", "named-person"),
        ("The outage is the fault of the database team.", "blame"),
        ("The team must be more careful.", "sanction"),
        ("Who approved this change?", "who-question"),
        ("We need to have a serious talk with the engineer.", "sanction"),
        ("Developers must stop treating production like a sandbox.", "sanction"),
        ("The intern, who had been told twice, still used the old credentials.", "judgement"),
        ("It's embarrassing that three people looked at the alert.", "judgement"),
        ("Anyone with basic SQL knowledge would have added the index.", "counterfactual"),
        ("You would think that an engineer knows how DNS works.", "hindsight"),
        ("The fault lies with whoever configured the proxy.", "blame"),
        ("The sole reason for the outage was a certificate.", "root-cause"),
        ("Had the alert been set, we would have known.", "counterfactual-passive"),
        ("@jonas merged the change; the pods crashed.", "named-person"),
    ],
)
def test_each_rule_has_its_wording(sentence: str, rule: str) -> None:
    """Every rule of the catalogue is reached, with its source, its reason and a question."""
    finding = next(each for each in lint_text(sentence) if each.rule == rule)
    assert finding.source == RULES[rule].source
    assert finding.why == RULES[rule].why
    assert finding.question.endswith((".", "?"))


def test_the_place_is_where_the_reader_looks() -> None:
    """Line and column count from one, in the file as it is, front matter and marks included."""
    text = "---\ntitle: x\n---\n\n# Review\n\n- At 10:00 **Ana** failed to\n  check the lag.\n"
    (finding,) = lint_text(text)
    assert (finding.line, finding.column) == (7, 14)
    assert finding.text.startswith("Ana** failed to")


@pytest.mark.parametrize(
    "text",
    [
        "```\nAna failed to check.\n```\n",
        "~~~text\nThe engineer forgot it.\n```\nHe was careless.\n~~~\n",
        "    The engineer forgot it.\n",
        "> The engineer forgot it.\n",
        "The report said “the engineer forgot to check”.",
        'One remark: "I should have asked sooner, and we forgot to."',
        "See https://example.org/the-engineer-forgot-it for more.",
        "Run `ana failed to check` first.",
        "<!-- The engineer forgot it. -->",
        "---\nsummary: The engineer forgot it.\n---\n",
        "[The page](human-error 'human error')",
    ],
)
def test_what_is_not_the_writers_own_prose_is_skipped(text: str) -> None:
    """Code, quotes, addresses, comments and front matter are somebody else's words."""
    assert lint_text(text) == ()


def test_improvements_are_read_more_mildly_than_descriptions() -> None:
    """What should have been there is a judgement in the story and an idea in the plan."""
    sentence = "The change should have been reviewed.\n"
    (described,) = lint_text(f"## What happened\n\n{sentence}")
    (planned,) = lint_text(f"## Action items\n\n{sentence}")
    assert (described.level, planned.level) == (Level.WARNING, Level.INFO)
    assert lint_text("## Improvements\n\nThere was a lack of testing.\n") == ()


def test_a_comment_suppresses_what_it_names_and_only_that() -> None:
    """The next block, from here on, or the whole file; without a rule named, every rule."""
    bad = "The engineer forgot it.\n\n"
    assert lint_text(f"<!-- hotwash-lint: disable-next counterfactual -- the court's words -->\n{bad}") == ()
    assert len(lint_text(f"<!-- hotwash-lint: disable-next -->\n{bad}{bad}")) == 1
    assert len(lint_text(f"<!-- hotwash-lint: disable-next judgement -->\n{bad}")) == 1
    assert len(lint_text(f"<!-- hotwash-lint: disable -->\n\n{bad}<!-- hotwash-lint: enable -->\n\n{bad}")) == 1
    assert lint_text(f"{bad}<!-- hotwash-lint: disable-file -->\n") == ()


def test_a_misspelt_suppression_is_said() -> None:
    """A rule that does not exist suppresses nothing, and the writer hears of it."""
    found = lint_text("<!-- hotwash-lint: disable-next counterfactul -->\nThe engineer forgot it.\n")
    assert [each.rule for each in found] == ["suppression", "counterfactual"]
    assert "counterfactul" in found[0].question


def test_one_sentence_is_one_thing_to_mend() -> None:
    """Overlapping wordings give the strongest finding, and a rule speaks once a sentence."""
    found = lint_text("The engineer carelessly forgot, forgot and forgot again to check the lag.")
    assert len({each.rule for each in found}) == len(found) <= 2


def test_hostile_text_is_read_in_time_and_without_failing() -> None:
    """Long lines, marks that never close and characters of the private use area are only text."""
    for text in (
        "\ue000" * 50 + " failed to check",
        "“" * 3000,
        "```\n" * 3,
        "|" * 500,
        "İ forgot ﬁ " * 200,
        "\x00" * 9,
        # Names in a row were tried in every part of the row, for minutes.
        "Ana " * 480 + ".",
        "the team, the team " * 100 + ".",
    ):
        assert lint_text(text) == lint_text(text)
    assert lint_text("the engineer who " * 2000) == ()
