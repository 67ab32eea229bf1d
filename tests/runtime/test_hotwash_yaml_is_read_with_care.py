"""`hotwash.yaml`: what is right is read, every mistake is named with its line, what was good is kept."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.errors import Rejected
from domain.policy import DEFAULTS, Audience
from domain.severity import Severity
from runtime.configuration import ConfigurationFile, load_configuration, parse_configuration
from runtime.home import Home

TODAY = date(2026, 11, 22)


def read(text: str):
    """A configuration from a text."""
    return parse_configuration(text, "hotwash.yaml", TODAY)


def refusal(text: str) -> str:
    """The sentence with which a text is refused."""
    with pytest.raises(Rejected) as caught:
        read(text)
    return caught.value.sentence


def test_the_first_configuration_is_valid(tmp_path: Path) -> None:
    """What the first start writes is read without a mistake, also with all its examples switched on."""
    home = Home(tmp_path / "home")
    home.prepare()
    first = load_configuration(home.configuration)
    assert list(first.people) == ["admin"]
    assert first.integrations["alertmanager"].secret == "file:secrets/alertmanager"
    lines = home.configuration.read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("people:"))
    examples = "\n".join(line.replace("# ", "", 1) if _is_example(line) else line for line in lines[start:])
    full = read(examples.replace("manager: ben", "manager: ana").replace("people: [ben]", "people: [ana]"))
    assert full.services["checkout"].public
    assert full.policy.of(Severity.SEV1).acknowledge_within == timedelta(minutes=3)


def _is_example(line: str) -> bool:
    # Comments that are sentences begin like one: `Levels …`, and not like `SEV-1:` or `name: …`.
    text = line.strip()
    return text.startswith("# ") and not text[2:].strip()[:2].istitle()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("people: {}\nsevices: {}\n", 2, "unknown key 'sevices'; did you mean 'services'?"),
        ("people:\n  ana:\n    nam: Ana\n    name: Ana\n", 3, "unknown key 'nam'; did you mean 'name'?"),
        ("people:\n  ana: {name: Ana, manager: bob}\n", 2, "person 'bob' is not defined"),
        ("teams:\n  t:\n    name: T\n    members:\n      - zoe\n", 5, "person 'zoe' is not defined"),
        ("routes:\n  - name: r\n    threshold: {for: 5 minutes}\n", 3, "'5 minutes' is not a duration"),
        ("routes:\n  - name: r\n    match: {a: '~('}\n", 3, "is not a regular expression"),
        ("routes:\n  - name: r\n  - name: r\n", 3, "two routes called 'r'"),
        ("people:\n  ana: {name: A}\n  ana: {name: B}\n", 3, "'ana' is here twice; the first is on line 2"),
        ("people: [\n", 2, "hotwash.yaml"),
        ("- a\n", 1, "must be a mapping"),
        ("policy:\n  calendar:\n    time_zone: Berlin\n", 3, "not a time zone"),
        ("policy:\n  calendar:\n    weekdays: []\n", 3, "at least one"),
        ("policy:\n  calendar:\n    opens: '17:00'\n    closes: '09:00'\n", 3, "later than opens"),
        ("policy:\n  severities:\n    SEV-1:\n      acknowledge: 3m\n", 4, "'acknowledge_within'"),
        ("policy:\n  severities:\n    SEV-1: {cadence: {internal: {every: soon}}}\n", 3, "not a duration"),
        ("policy:\n  severities:\n    SEV-9: {}\n", 3, "SEV-1"),
        ("holidays: XX\n", 1, "no country"),
        ("channels:\n  m: {kind: smtp, host: h, sender: s, prt: 1}\n", 2, "did you mean 'port'?"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, said: str) -> None:
    """File, line, what is wrong, and the nearest right name."""
    sentence = refusal(text)
    assert f"hotwash.yaml:{line}:" in sentence
    assert said in sentence


def test_all_mistakes_are_named_at_once() -> None:
    """A person mends the file in one go."""
    sentence = refusal("people:\n  a: {name: A, manager: x}\nservices:\n  s: {name: S, team: y}\n")
    assert "hotwash.yaml:2:" in sentence
    assert "hotwash.yaml:4:" in sentence


def test_a_secret_written_into_the_file_is_refused_and_not_repeated() -> None:
    """Somebody who pastes the password itself does not find it in the log."""
    for text in (
        "integrations:\n  alertmanager: {secret: hunter2hunter2}\n",
        "channels:\n  m: {kind: smtp, host: h, sender: s, password: hunter2hunter2}\n",
    ):
        sentence = refusal(text)
        assert "hunter2" not in sentence
        assert "env:NAME or file:PATH" in sentence


def test_a_partial_policy_is_filled_from_the_defaults() -> None:
    """Only what differs is written; null switches a cadence off."""
    policy = read(
        "policy:\n  severities:\n    SEV-1:\n      acknowledge_within: 3m\n"
        "      cadence:\n        external: {every: 7m}\n        executive: null\n"
    ).policy
    first = policy.of(Severity.SEV1)
    assert first.acknowledge_within == timedelta(minutes=3)
    assert first.review_due == DEFAULTS[Severity.SEV1].review_due
    external = first.cadence[Audience.EXTERNAL]
    assert (external.first, external.every) == (timedelta(minutes=10), timedelta(minutes=7))
    assert Audience.EXECUTIVE not in first.cadence
    assert policy.of(Severity.SEV2) == DEFAULTS[Severity.SEV2]


def test_public_holidays_are_filled_in_for_the_years_that_deadlines_reach() -> None:
    """Germany's days of this year and the next two join those that the file lists itself."""
    days = read("holidays: DE-BY\npolicy:\n  calendar:\n    holidays: [2026-12-24]\n").policy.calendar.holidays
    assert {date(2026, 12, 25), date(2027, 1, 6), date(2028, 1, 1), date(2026, 12, 24)} <= set(days)


def test_an_empty_file_means_the_defaults() -> None:
    """Nothing needs to be said."""
    assert read("").policy.severities == DEFAULTS


def test_a_running_process_follows_the_file_and_keeps_what_was_good(tmp_path: Path) -> None:
    """A change is picked up; a mistake, and even a file that is gone, leaves the last good version in force."""
    path = tmp_path / "hotwash.yaml"
    path.write_text("organization: One\n")
    file = ConfigurationFile(path)
    for text, organization, trouble in (
        ("organization: Two\n", "Two", None),
        ("organisation: Three\n", "Two", "did you mean 'organization'?"),
        (None, "Two", "cannot be read"),
        ("organization: Four\n", "Four", None),
    ):
        if text is None:
            path.unlink()
        else:
            draft = tmp_path / "draft"
            draft.write_text(text)
            draft.replace(path)
        assert file.current().organization == organization
        assert (file.trouble is None) if trouble is None else (trouble in (file.trouble or ""))


def test_links_lead_to_the_console_that_runs_until_the_file_says_where(tmp_path: Path) -> None:
    """What `hotwash up` knows of itself stands in for a missing `base_url`, and never for one that is there."""
    path = tmp_path / "hotwash.yaml"
    path.write_text("organization: One\n")
    file = ConfigurationFile(path, "http://127.0.0.1:8080")
    assert file.current().base_url == "http://127.0.0.1:8080"
    path.write_text("organization: One\nbase_url: https://hotwash.example\n")
    assert file.current().base_url == "https://hotwash.example"
    assert ConfigurationFile(path, None).current().base_url == "https://hotwash.example"
