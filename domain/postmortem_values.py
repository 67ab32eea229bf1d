"""What single values of old postmortems mean: times, severities, lists, action items. Pure; None for "not understood".

Used by `domain/postmortem_reading.py`. The one thing to know: nothing is guessed here; a day without a time says so.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.action_item import ActionItemStatus
from domain.contributing_factors import DEFAULT_FACTORS
from domain.postmortem import PastFactor, PastItem
from domain.postmortem_mapping import ItemField, PostmortemMapping, plain
from domain.postmortem_tables import split_tables
from domain.severity import Severity, severity_from_label

_SEVERITY = re.compile(r"(?:sev(?:erity)?|s|p)?[\s_-]*([1-5])")
# Python reads any row of digits as a time.
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T ].{4,40})?")
_BULLET = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[([ xX])\]\s+)?(.+)")
# `@ana`, `(@ana)`, `(@ana, due 2026-12-01)`.
_OWNER = re.compile(r"\s*\(?@([\w.-]{1,60}?)(?:[,;]?\s*(?:due|by)?:?\s*(\d{4}-\d\d-\d\d))?(?:\)|(?![\w.-]))\s*")
_DONE = {"done", "closed", "complete", "completed", "fixed", "resolved", "shipped", "yes", "true", "x"}
_DROPPED = {"dropped", "wontfix", "won't fix", "wont fix", "will not fix", "cancelled", "canceled", "rejected"}
_OPEN = {"open", "todo", "to do", "new", "no", "false", "backlog", "planned", ""}
_BEGUN = {"in progress", "started", "doing", "wip", "in review"}
# Seconds since 1970 have ten digits since 2001, milliseconds thirteen.
_FIRST_SECONDS = 1_000_000_000
_FIRST_MILLISECONDS = 1_000_000_000_000
_LONGEST_TITLE = 300
_LONGEST_FACTOR = 4000


class Moment(NamedTuple):
    """A time, and whether only its day was written."""

    at: datetime
    is_day: bool


def moment_of(value: object, mapping: PostmortemMapping) -> Moment | None:
    """A time in UTC; None when it is not written as one."""
    try:
        return _moment(value, mapping)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(value: object, mapping: PostmortemMapping) -> Moment | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value / 1000 if value >= _FIRST_MILLISECONDS else value
        return Moment(datetime.fromtimestamp(seconds, UTC), is_day=False) if seconds >= _FIRST_SECONDS else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not mapping.time_format and not _ISO.fullmatch(text):
        return None
    zone = ZoneInfo(mapping.time_zone)
    if mapping.time_format:
        read = datetime.strptime(text, mapping.time_format)  # noqa: DTZ007 - the mapping says the zone
        is_day = not any(code in mapping.time_format for code in ("%H", "%I", "%X", "%c"))
    else:
        is_day = re.fullmatch(r"\d{4}-?\d\d-?\d\d", text) is not None
        without_word = re.sub(r"\s+(?:UTC|GMT)$", "+00:00", text)
        read = datetime.combine(date.fromisoformat(text), datetime.min.time()) if is_day else _iso(without_word)
    aware = read if read.tzinfo else read.replace(tzinfo=zone)
    return Moment(aware.astimezone(UTC), is_day)


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def severity_of(value: object, mapping: PostmortemMapping) -> Severity | None:
    """By the mapping, else by what the field calls severities."""
    text = str(value).strip()
    wanted = {plain(word): severity for word, severity in mapping.severities.items()}
    if plain(text) in wanted:
        return wanted[plain(text)]
    numbered = _SEVERITY.fullmatch(text.casefold())
    return Severity(f"SEV-{numbered[1]}") if numbered else severity_from_label(text)


def words_of_list(value: object) -> list[str]:
    """`a, b; c`, lines, bullets or a list, as a list of texts."""
    if isinstance(value, Mapping):
        # An object that names a thing.
        named = next((value[name] for name in ("name", "id", "title") if isinstance(value.get(name), str)), None)
        return [str(named)] if named else []
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [word for each in value for word in words_of_list(each)]
    if value is None or isinstance(value, bool):
        return []
    pieces = (_unbulleted(piece) for piece in re.split(r"[,;\n]", str(value)))
    return list(dict.fromkeys(piece for piece in pieces if piece))


def factors_of_value(value: object, mapping: PostmortemMapping) -> list[PastFactor]:
    """Bullets or a list, each one factor; a paragraph is one."""
    texts: list[tuple[str, str]] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            texts.append(_factor_of_row(each))
        elif isinstance(each, str):
            rows, rest = split_tables(each)
            texts += [_factor_of_row(row) for row in rows]
            texts += [("", text) for text in _known_kinds(rest, mapping) or _paragraphs_or_bullets(rest)]
    return [
        PastFactor(text=text.strip()[:_LONGEST_FACTOR], factor=_factor(kind or text, mapping))
        for kind, text in texts
        if text.strip()
    ]


def _factor_of_row(row: Mapping[str, Any]) -> tuple[str, str]:
    given = {plain(str(name)): each for name, each in row.items()}
    kind = next((str(given[name]) for name in ("factor", "kind", "category", "type", "cause") if given.get(name)), "")
    text = next(
        (str(given[name]) for name in ("text", "description", "title", "name", "details") if given.get(name)), ""
    )
    return kind, text or kind or next((str(each) for each in given.values() if each), "")


def _known_kinds(text: str, mapping: PostmortemMapping) -> list[str]:
    """`Capacity, Change` in one line, where each word names a kind: prose has commas, too."""
    words = words_of_list(text) if "\n" not in text.strip() else []
    return words if len(words) > 1 and any(_factor(word, mapping) for word in words) else []


def _factor(text: str, mapping: PostmortemMapping) -> str:
    known = {plain(word): factor for word, factor in mapping.factors.items()} | {each: each for each in DEFAULT_FACTORS}
    head = plain(text.partition(":")[0])
    return known.get(plain(text)) or known.get(head) or ""


def items_of_value(value: object, mapping: PostmortemMapping) -> tuple[list[PastItem], list[str]]:
    """The action items, and what could not be read of them."""
    items: list[PastItem] = []
    doubts: list[str] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            items += _items_of_objects([each], mapping, doubts)
        elif isinstance(each, str):
            rows, rest = split_tables(each)
            items += _items_of_objects(rows, mapping, doubts)
            items += [_item_of_line(box, text, mapping) for box, text in _lines(rest)]
        elif each is not None:
            doubts.append(f"{str(each)[:60]!r} is no action item")
    return items, doubts


def _items_of_objects(
    objects: Sequence[Mapping[str, Any]], mapping: PostmortemMapping, doubts: list[str]
) -> list[PastItem]:
    found = (_item_of_object(each, mapping, doubts) for each in objects)
    return [item for item in found if item is not None]


def _item_of_object(value: Mapping[str, Any], mapping: PostmortemMapping, doubts: list[str]) -> PastItem | None:
    given = {plain(name): each for name, each in value.items()}

    def of(field: ItemField) -> object:
        return next((given[name] for name in mapping.item_names(field) if given.get(name) not in (None, "")), "")

    title = str(of(ItemField.TITLE)).strip()
    if not title:
        doubts.append(f"an action item has no title, only {', '.join(sorted(given)) or 'nothing'}")
        return None
    state = state_of(of(ItemField.STATE))
    if state is None:
        doubts.append(f"the state {str(of(ItemField.STATE))[:40]!r} of {title[:60]!r} is not known; it counts as open")
    due, finished = moment_of(of(ItemField.DUE_AT), mapping), moment_of(of(ItemField.FINISHED_AT), mapping)
    for found, field in ((due, ItemField.DUE_AT), (finished, ItemField.FINISHED_AT)):
        if found is None and of(field) != "":
            doubts.append(f"{field.value} of {title[:60]!r} is no time: {str(of(field))[:40]!r}")
    return PastItem(
        title=title[:_LONGEST_TITLE],
        state=state or ActionItemStatus.OPEN,
        owner=_owner(str(of(ItemField.OWNER)), mapping),
        done_when=str(of(ItemField.DONE_WHEN))[:2000],
        due_at=due.at if due else None,
        finished_at=finished.at if finished else None,
    )


def _item_of_line(box: str | None, text: str, mapping: PostmortemMapping) -> PastItem:
    owner = _OWNER.search(text)
    title = (_OWNER.sub(" ", text).strip() if owner else text.strip()) or text
    state = ActionItemStatus.DONE if (box or "").casefold() == "x" else ActionItemStatus.OPEN
    due = moment_of(owner[2], mapping) if owner and owner[2] else None
    return PastItem(
        title=title[:_LONGEST_TITLE],
        state=state,
        owner=_owner(owner[1] if owner else "", mapping),
        due_at=due.at if due else None,
    )


def state_of(value: object) -> ActionItemStatus | None:
    """What a word for a state means; None when nobody knows."""
    word = plain(str(value).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    for words, state in (
        (_DONE, ActionItemStatus.DONE),
        (_DROPPED, ActionItemStatus.DROPPED),
        (_BEGUN, ActionItemStatus.IN_PROGRESS),
        (_OPEN, ActionItemStatus.OPEN),
    ):
        if word in words:
            return state
    return None


def _owner(name: str, mapping: PostmortemMapping) -> str:
    known = {plain(theirs): ours for theirs, ours in mapping.owners.items()}
    return known.get(plain(name), name.strip().lstrip("@"))[:200]


def owner_of(value: object, mapping: PostmortemMapping) -> str:
    """Who it is here, where the mapping says so."""
    return _owner(str(value), mapping)


def _lines(text: str) -> list[tuple[str | None, str]]:
    """Bullets with their boxes; without a bullet each line."""
    found = []
    for line in text.splitlines():
        bullet = _BULLET.fullmatch(line)
        if bullet:
            found.append((bullet[1], bullet[2]))
        elif line.strip() and not re.fullmatch(r"[\s|:-]+", line):
            found.append((None, line.strip()))
    return found


def _paragraphs_or_bullets(text: str) -> list[str]:
    bullets = [found[2] for line in text.splitlines() if (found := _BULLET.fullmatch(line))]
    return bullets or [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _unbulleted(text: str) -> str:
    bullet = _BULLET.fullmatch(text)
    return (bullet[2] if bullet else text).strip()
