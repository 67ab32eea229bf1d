"""A newly written draft and what people made of the last one: theirs stays, new facts come in, nothing comes twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.review_merge import blanks_in, merged

BASE = """# Review

## Timeline

| When | What |
|---|---|
| 10:00 | declared |
| 10:05 | acknowledged |

## Lessons

_To be filled in: what others should know._

## Impact

- Customers affected: 5
"""
NEW = BASE.replace("| 10:05 | acknowledged |\n", "| 10:05 | acknowledged |\n| 10:20 | mitigated |\n").replace(
    "affected: 5", "affected: 70"
)


def test_an_untouched_text_is_the_new_draft() -> None:
    """Nobody edited, so nothing is kept."""
    assert merged(BASE, BASE, NEW).strip() == NEW.strip()


def test_an_edited_section_keeps_its_words_and_gets_the_new_line_in_its_place() -> None:
    """A remark in the table stays, and the new row stands behind the row that precedes it."""
    mine = BASE.replace("| 10:05 | acknowledged |", "| 10:05 | acknowledged |\n| 10:07 | the phone had no signal |")
    rows = [line for line in merged(BASE, mine, NEW).splitlines() if line.startswith("| 10")]
    assert rows == [
        "| 10:00 | declared |",
        "| 10:05 | acknowledged |",
        "| 10:20 | mitigated |",
        "| 10:07 | the phone had no signal |",
    ]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("- Customers affected: about a hundred", "about a hundred"),
        ("- Customers affected: 5\n- all in Spain", "Spain"),
    ],
)
def test_a_persons_number_wins_and_an_untouched_one_is_renewed(written: str, kept: str) -> None:
    """A line that a person reworded is theirs; one that they left alone follows the facts."""
    text = merged(BASE, BASE.replace("- Customers affected: 5", written), NEW)
    assert kept in text
    assert ("affected: 70" in text) == ("Spain" in kept)


def test_a_line_that_the_draft_has_no_more_goes_from_an_edited_section() -> None:
    """A withdrawn finding is told no more, beside the words of a person and where it was alone."""
    found = BASE.replace("_To be filled in: what others should know._", "- the cache was cold")
    beside = merged(found, found.replace("was cold", "was cold\n\nAnd it was Friday."), BASE)
    assert "the cache was cold" not in beside
    assert "And it was Friday." in beside
    two = found.replace("was cold", "was cold\n- the alert was late")
    remarked = two.replace("was cold", "was cold\n  (says Ben)")
    assert "(says Ben)" in merged(two, remarked, two.replace("- the cache was cold\n", ""))
    assert "the cache was cold" not in merged(two, remarked, two.replace("- the cache was cold\n", ""))


def test_sections_of_people_stay_and_those_they_removed_stay_away() -> None:
    """A section of their own is in its place; a removed one does not come back."""
    mine = BASE.replace("## Lessons\n\n_To be filled in: what others should know._\n", "## Thanks\n\nTo Ines.\n")
    text = merged(BASE, mine, NEW)
    assert "To Ines." in text
    assert "## Lessons" not in text
    assert "| 10:20 | mitigated |" in text


def test_a_filled_in_blank_is_not_asked_again() -> None:
    """What a person wrote in place of the blank stays alone."""
    mine = BASE.replace("_To be filled in: what others should know._", "Try the switch first.")
    text = merged(BASE, mine, NEW)
    assert "Try the switch first." in text
    assert "what others should know" not in text


@given(st.lists(st.sampled_from(["one", "two", "three", "## A", "## B", ""]), max_size=8).map("\n".join))
def test_no_line_of_a_person_is_ever_lost(mine: str) -> None:
    """Whatever they made of it: each line that was not the draft's is still there, and doing it twice adds nothing."""
    once = merged(BASE, mine, NEW)
    assert {line for line in mine.split("\n") if line.strip()} <= set(once.split("\n"))
    assert merged(NEW, once, NEW) == once


def test_what_is_left_to_be_filled_in_is_counted_by_heading() -> None:
    """Until it is filled in; a heading without blanks is not named."""
    assert blanks_in(BASE) == {"Lessons": 1}
    assert blanks_in(f"# Review\n\n_To be filled in: x._\n{BASE}- _To be filled in: y._\n") == {
        "the beginning": 1,
        "Lessons": 1,
        "Impact": 1,
    }
    assert blanks_in(BASE.replace("_To be filled in: what others should know._", "Warm it first.")) == {}
