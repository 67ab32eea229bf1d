"""What a file of an old postmortem says becomes a postmortem; whatever was assumed or lost is said with its line."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.action_item import ActionItemStatus
from domain.postmortem import LONGEST_BODY, NoteKind
from domain.postmortem_mapping import PastField, PostmortemMapping
from domain.postmortem_reading import RawPostmortem, Understood, understand
from domain.postmortem_records import digest_of, incident_id_of, item_id_of, records_of
from domain.postmortem_values import items_of_value, moment_of, severity_of, words_of_list
from domain.record import ProjectionKind
from domain.severity import Severity
from domain.timeline import person

NOW = datetime(2026, 11, 27, tzinfo=UTC)
PLAIN: dict[str, Any] = {"Key": "PM-7", "Title": "Mail stood still", "Sev": "P2", "Detected at": "2024-03-01T14:05:00Z"}


def read(values: dict[str, Any], mapping: PostmortemMapping | None = None, **fields: Any) -> Understood:
    """One postmortem of these values."""
    raw = RawPostmortem(file="x.csv", line=4, values=values, **fields)
    return understand(raw, mapping or PostmortemMapping(), NOW)


@pytest.mark.parametrize(
    ("written", "severity"),
    [("SEV-1", 1), ("sev2", 2), ("Sev 3", 3), ("P4", 4), ("S5", 5), ("2", 2), (1, 1), ("critical", 1), ("minor", 4)],
)
def test_severities_are_read_as_the_field_writes_them(written: object, severity: int) -> None:
    """Numbers, letters and words; what the mapping says comes first."""
    assert severity_of(written, PostmortemMapping()) is Severity(f"SEV-{severity}")
    assert severity_of(written, PostmortemMapping(severities={str(written): Severity.SEV5})) is Severity.SEV5


@pytest.mark.parametrize(
    ("written", "mapping", "at"),
    [
        ("2024-03-01T14:05:00Z", {}, "2024-03-01T14:05:00"),
        ("2024-03-01 14:05", {"time_zone": "Europe/Berlin"}, "2024-03-01T13:05:00"),
        ("2024-07-01 14:05", {"time_zone": "Europe/Berlin"}, "2024-07-01T12:05:00"),
        ("2024-03-01 14:05 UTC", {"time_zone": "Europe/Berlin"}, "2024-03-01T14:05:00"),
        ("01/03/2024 14:05", {"time_format": "%d/%m/%Y %H:%M"}, "2024-03-01T14:05:00"),
        (1709301900, {}, "2024-03-01T14:05:00"),
        (1709301900000, {}, "2024-03-01T14:05:00"),
    ],
)
def test_times_are_read_as_the_mapping_says(written: object, mapping: dict[str, str], at: str) -> None:
    """With their own zone, else with that of the mapping."""
    found = moment_of(written, PostmortemMapping(**mapping))
    assert found is not None
    assert (found.at, found.is_day) == (datetime.fromisoformat(at).replace(tzinfo=UTC), False)


@pytest.mark.parametrize(
    "written", ["yesterday", "01/03/2024", "2024-13-45", "", None, True, 12, 1e300, [], "1" * 5000]
)
def test_what_is_no_time_is_not_guessed(written: object) -> None:
    """Day and month are not told apart by luck."""
    assert moment_of(written, PostmortemMapping()) is None


def test_a_stand_in_is_named_and_no_duration_is_made_of_it() -> None:
    """Nobody wrote down when it was declared; of another time only the day is known."""
    found = read(PLAIN | {"Resolved": "2024-03-02"})
    assert found.postmortem is not None
    assert found.postmortem.declared_at == found.postmortem.detected_at
    assert set(found.postmortem.assumed_times) == {"declared_at", "resolved_at"}
    assert [(note.kind, note.field) for note in found.notes] == [
        (NoteKind.ASSUMED, "resolved_at"),
        (NoteKind.ASSUMED, "declared_at"),
    ]


@pytest.mark.parametrize("missing", ["Key", "Title", "Detected at"])
def test_without_key_title_or_time_there_is_none(missing: str) -> None:
    """The sentence names what to map."""
    found = read({name: value for name, value in PLAIN.items() if name != missing})
    assert found.postmortem is None
    (note,) = [each for each in found.notes if each.kind is NoteKind.REFUSED]
    assert note.line == 4
    assert "say under 'fields' in the mapping" in note.sentence


def test_what_has_no_place_is_reported() -> None:
    """A column that nobody mapped, an unknown severity, a time in the future; what is ignored is not reported."""
    mapping = PostmortemMapping(ignore=("Weather",))
    found = read(
        PLAIN | {"Sev": "bad", "Mood": "low", "Weather": "rain", "Resolved": "2031-01-01"}, mapping, lines={"Mood": 9}
    )
    said = {(note.kind, note.field, note.line) for note in found.notes}
    assert (NoteKind.ASSUMED, "severity", 4) in said
    assert (NoteKind.NOT_UNDERSTOOD, "resolved_at", 4) in said
    assert (NoteKind.LEFT_OUT, "", 9) in said
    assert not any("Weather" in note.sentence for note in found.notes)


def test_a_mapping_translates_their_words() -> None:
    """Names of columns, services, factors and owners."""
    mapping = PostmortemMapping.model_validate(
        {
            "fields": {"key": "Ref", "title": ["Nothing", "What"], "factors": "Why", "action_items": "Todo"},
            "services": {"checkout-api": "checkout"},
            "factors": {"Config push": "change"},
            "owners": {"A. Nders": "ana"},
        }
    )
    values = {
        "Ref": "1", "What": "Down", "Detected at": "2024-03-01T14:05:00Z", "Sev": 1, "Services": "Checkout API; search",
        "Why": "- Config push: one key for all\n- capacity: the pool was full\n- the moon",
        "Todo": "- [x] Alert on lag @bo\n- [ ] Split the key",
    }  # fmt: skip
    past = read(values, mapping).postmortem
    assert past is not None
    assert past.services == ("checkout", "search")
    assert [each.factor for each in past.factors] == ["change", "capacity", ""]
    assert [(each.title, each.state, each.owner) for each in past.items] == [
        ("Alert on lag", ActionItemStatus.DONE, "bo"),
        ("Split the key", ActionItemStatus.OPEN, ""),
    ]


def test_items_of_other_tools_are_read_with_their_states() -> None:
    """An object without a title, and a state that nobody knows, are said."""
    given = [
        {"summary": "Add an alert", "status": "Won't Fix"},
        {"summary": "Split the key", "status": "pondering", "due": "never"},
        {"status": "done"},
    ]
    items, doubts = items_of_value(given, PostmortemMapping())
    assert [each.state for each in items] == [ActionItemStatus.DROPPED, ActionItemStatus.OPEN]
    assert len(doubts) == 3


def test_a_table_of_items_is_read_by_its_columns() -> None:
    """As Google's template has them; what a cell says that nobody understands is said, and lines beside it count."""
    text = (
        "| Action item | Type | Owner | Due date | Status |\n|---|:-:|-|---:|---|\n"
        "| **Warm \\| fill** the cache | prevent | [ana](https://x.example) | 2026-05-01 | done |\n"
        "| Add an alert | detect | bo | 2026-02-31 | pondering |\n| | | | | |\n\n"
        "- [ ] Split the key (@cy, due 2026-06-01)\n"
    )
    items, doubts = items_of_value(text, PostmortemMapping())
    assert [(each.title, each.owner, each.state, str(each.due_at)[:10]) for each in items] == [
        ("Warm | fill** the cache", "ana", ActionItemStatus.DONE, "2026-05-01"),
        ("Add an alert", "bo", ActionItemStatus.OPEN, "None"),
        ("Split the key", "cy", ActionItemStatus.OPEN, "2026-06-01"),
    ]
    assert len(doubts) == 2


def test_bars_without_a_row_of_dashes_are_prose() -> None:
    """A pipe in a command is no table."""
    items, _ = items_of_value("- [ ] Document cat x | sort\n- [ ] Move it", PostmortemMapping())
    assert [each.title for each in items] == ["Document cat x | sort", "Move it"]


def test_a_line_of_kinds_is_several_factors_and_a_sentence_with_commas_is_one() -> None:
    """Commas part words only where one of them is a kind."""
    mapping = PostmortemMapping.model_validate({"factors": {"Kapazität": "capacity"}})
    kinds = read(PLAIN | {"Root causes": "Kapazität, Zertifikat"}, mapping).postmortem
    prose = read(PLAIN | {"Root causes": "The pool, which was small, was full"}, mapping).postmortem
    assert kinds is not None
    assert prose is not None
    assert [(each.factor, each.text) for each in kinds.factors] == [("capacity", "Kapazität"), ("", "Zertifikat")]
    assert len(prose.factors) == 1


@pytest.mark.parametrize(
    ("resolved", "is_said"), [("2024-03-01T13:00:00Z", True), ("2024-03-01", False), ("2024-02-29", True)]
)
def test_an_end_before_its_beginning_is_said_and_not_counted(resolved: str, is_said: bool) -> None:
    """Of a day without its hour nobody knows whether it was before."""
    found = read(PLAIN | {"Resolved": resolved})
    assert found.postmortem is not None
    assert "resolved_at" in found.postmortem.assumed_times
    said = [note for note in found.notes if note.kind is NoteKind.NOT_UNDERSTOOD]
    assert bool(said) is is_said


def test_lists_are_lists_however_they_are_written() -> None:
    """Commas, lines, bullets, objects."""
    wanted = ["a", "b"]
    assert words_of_list("a, b") == words_of_list("- a\n- b") == words_of_list(["a", {"name": "b"}]) == wanted


def test_records_keep_their_ids() -> None:
    """The same key is the same incident; an item keeps its id when another one is put before it."""
    past = read(PLAIN | {"Actions": "- Split the key\n- Add an alert"}).postmortem
    later = read(PLAIN | {"Actions": "- Look at it\n- Split the key"}).postmortem
    assert past is not None
    assert later is not None
    assert incident_id_of(past) == incident_id_of(later)
    assert item_id_of(past, 0) == item_id_of(later, 1)
    assert digest_of(past) != digest_of(later)
    batch = records_of(past, incident_id_of(past), 1, NOW, person("ana"))
    kinds = [each.kind for each in batch.projections]
    assert kinds == [
        ProjectionKind.INCIDENT, ProjectionKind.REVIEW, ProjectionKind.REVIEW_REVISION,
        ProjectionKind.ACTION_ITEM, ProjectionKind.ACTION_ITEM, ProjectionKind.IMPORT,
    ]  # fmt: skip
    incident = batch.projections[0].document
    assert (incident["status"], incident["retrospective"]) == ("closed", True)


def test_a_link_that_is_no_address_is_no_link() -> None:
    """A `javascript:` link would run in a reader's browser."""
    for link, count in (("https://wiki.example/7", 1), ("javascript:alert(1)", 0)):
        past = read(PLAIN | {"url": link}).postmortem
        assert past is not None
        entries = records_of(past, incident_id_of(past), 1, NOW, person("ana")).entries
        assert len(entries[-1].entry.links) == count


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*PastField, "title", "x"]), VALUES, max_size=12), VALUES)
def test_no_value_breaks_the_reading(values: dict[str, Any], title: Any) -> None:
    """Whatever stands in a file, there is a postmortem or a refusal, and what is made can be saved."""
    found = read({"key": "k", "declared_at": "2024-03-01", **{str(k): v for k, v in values.items()}, "title": title})
    if found.postmortem is None:
        assert any(note.kind is NoteKind.REFUSED for note in found.notes)
    else:
        batch = records_of(found.postmortem, incident_id_of(found.postmortem), 1, NOW, person("ana"))
        assert "\\u0000" not in batch.model_dump_json()


def test_an_endless_text_is_cut_and_that_is_said() -> None:
    """The first part is kept."""
    found = read(PLAIN, markdown="x" * (LONGEST_BODY + 1))
    assert found.postmortem is not None
    assert len(found.postmortem.markdown) == LONGEST_BODY
    assert any(note.kind is NoteKind.LEFT_OUT and note.field == "body" for note in found.notes)
