"""What a review draft says, gathered from the record: no layout, no escaping, no blanks filled in by guesswork.

Called by `activities/review_draft.py` with documents as the store keeps them; `activities/clients/review_template.py`
lays the facts out. The one thing to know: documents may be older than this code, so a missing field is a gap and never
an error.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.action_item_outcomes import ME as ACTION_ITEM_VOICE
from domain.cadence import ClockStep
from domain.calendar import written
from domain.durations import format_duration
from domain.model import Model
from domain.policy import WorkingHours
from domain.review import PAGED, Finding, FindingKind, Participant, Perspective
from domain.review_outcomes import ME as REVIEW_VOICE
from domain.timeline import ADMINISTRATOR, ActorKind, EntryKind

Document = Mapping[str, Any]

# The review's own doings are no part of what it looks back at, and would make every draft differ from the last.
_LEFT_OUT = {EntryKind.REVIEW.value, EntryKind.ACTION_ITEM.value}
# Their reminders and what became of their mails are lines of other kinds, told by these two.
_OWN_VOICES = {REVIEW_VOICE.name, ACTION_ITEM_VOICE.name}
# Rows of the timeline in the draft. With more, nobody reads the table, and the text would outgrow a workflow payload.
MAX_ROWS = 300
_MOST_UPDATES = 100
_LONGEST_TEXT = 200
# What happened when, in the order in which it should have happened: field of the incident, and what to call it.
_MILESTONES = (
    ("impact_started_at", "Impact began"),
    ("detected_at", "Detected"),
    ("declared_at", "Declared"),
    ("acknowledged_at", "Acknowledged"),
    ("mitigated_at", "Mitigated: the impact was over"),
    ("resolved_at", "Resolved: normal service was back"),
)
# How long it took from one to the other.
_SPANS = (
    ("impact_started_at", "detected_at", "Time to detect"),
    ("detected_at", "declared_at", "Time to declare"),
    ("declared_at", "acknowledged_at", "Time to acknowledge"),
    ("detected_at", "mitigated_at", "Time to mitigate, from detection"),
    ("impact_started_at", "mitigated_at", "Time that customers were hurt"),
    ("detected_at", "resolved_at", "Time to resolve, from detection"),
)


class Row(Model):
    """One line of a table."""

    at: str = ""
    who: str = ""
    what: str = ""
    # A link to what shows it (title, address), or how else it is known.
    evidence: tuple[str, str] = ("", "")
    # Its number in the incident's timeline, where it can be looked up.
    seq: int = 0


class RunRow(Model):
    """One runbook run and how it ended."""

    id: str
    runbook: str
    status: str
    began: str = ""
    waiting_for: str | None = None


class ItemRow(Model):
    """One action item."""

    id: str
    title: str
    state: str


class ReviewFacts(Model):
    """Everything a draft says. Texts are as people and machines wrote them: hostile until escaped."""

    incident_id: str
    title: str
    severity: str
    status: str
    type: str
    drill: bool
    services: tuple[str, ...]
    summary: str
    commander: str | None
    owner: str | None
    due: str | None
    time_zone: str
    customers_affected: int | None
    impact_summary: str
    milestones: tuple[tuple[str, str], ...]
    spans: tuple[tuple[str, str], ...]
    detected_by: tuple[Row, ...]
    timeline: tuple[Row, ...]
    left_out: int
    runs: tuple[RunRow, ...]
    updates: tuple[Row, ...]
    missed: tuple[Row, ...]
    findings: dict[FindingKind, tuple[str, ...]]
    action_items: tuple[ItemRow, ...]
    perspectives: tuple[Perspective, ...] = ()
    near_miss: bool = False
    # From the beginning of the impact to its end.
    hurt_for: str = ""


def review_facts(
    incident: Document,
    timeline: Sequence[Document],
    *,
    findings: Iterable[Finding],
    owner: str | None,
    due_at: datetime | None,
    hours: WorkingHours,
    perspectives: Iterable[Perspective] = (),
) -> ReviewFacts:
    """Gather the facts of one incident; the same record always gives the same facts."""
    entries = _in_order(entry for entry in timeline if _looked_back_at(entry))
    times = {field: _moment(incident.get(field)) for field, _ in _MILESTONES}
    impact = _mapping(incident.get("impact"))
    rows = _with_start(entries, times["impact_started_at"], hours)
    return ReviewFacts(
        incident_id=str(incident.get("id", "")),
        title=_text(incident.get("title")),
        severity=_text(incident.get("severity")),
        status=_text(incident.get("status")),
        type=_text(incident.get("type")),
        drill=bool(incident.get("drill")),
        services=tuple(_text(name) for name in incident.get("services") or ()),
        summary=_text(incident.get("summary"), 2000),
        commander=_text(_mapping(incident.get("roles")).get("commander")) or None,
        owner=owner,
        due=written(due_at, hours) if due_at else None,
        time_zone=hours.time_zone,
        customers_affected=impact.get("customers_affected"),
        impact_summary=_text(impact.get("summary"), 2000),
        milestones=tuple(
            (name, written(at, hours, with_seconds=True)) for field, name in _MILESTONES if (at := times[field])
        ),
        spans=_spans(times),
        detected_by=_detected_by(entries, hours),
        timeline=tuple(rows[:MAX_ROWS]),
        left_out=max(len(rows) - MAX_ROWS, 0),
        runs=_runs(incident, entries, hours),
        updates=_rows((e for e in entries if e.get("kind") == EntryKind.UPDATE.value), hours),
        missed=_rows((e for e in entries if is_missed_update(e)), hours),
        findings=_by_kind(findings),
        perspectives=tuple(perspectives),
        near_miss=bool(incident.get("near_miss")),
        hurt_for=_hurt_for(times),
        action_items=tuple(
            ItemRow(id=_text(item.get("id")), title=_text(item.get("title")), state=_text(item.get("state")))
            for item in incident.get("action_items") or ()
        ),
    )


def participants_of(incident: Document, timeline: Sequence[Document]) -> list[Participant]:
    """Everybody of the response (rule P05): who held a role, spoke, was given a task, or was only paged."""
    roles = {str(who): str(role) for role, who in _mapping(incident.get("roles")).items() if who}
    end = _moment(incident.get("resolved_at"))
    tasks = [str(_mapping(task).get("assignee") or "") for task in incident.get("tasks") or ()]
    responders, paged = dict.fromkeys(roles), dict[str, None]()
    for each in _in_order(entry for entry in timeline if _looked_back_at(entry)):
        actor, at, details = _mapping(each.get("actor")), _moment(each.get("at")), _mapping(each.get("details"))
        if end is not None and at is not None and at > end:
            continue
        if actor.get("kind") == ActorKind.PERSON.value and actor.get("name") != ADMINISTRATOR:
            responders.setdefault(str(actor.get("name")))
        # Who had a role before another took it over.
        responders.setdefault(_text(details.get("before")) if each.get("kind") == EntryKind.ROLE.value else "")
        if "page" in details:
            paged |= {_text(_mapping(one).get("to")): None for one in details.get("deliveries") or ()}
    responders |= dict.fromkeys(name for name in tasks if name not in responders)
    found = {name: roles.get(name, "responder") for name in responders}
    found |= {name: PAGED for name in paged if name not in found}
    return [Participant(name=name, role=role) for name, role in found.items() if name]


def _looked_back_at(entry: Document) -> bool:
    """Whether a line is part of the incident, and not of its review or action items."""
    actor = _mapping(entry.get("actor"))
    is_own = actor.get("kind") == ActorKind.AUTOMATION.value and actor.get("name") in _OWN_VOICES
    return not is_own and entry.get("kind") not in _LEFT_OUT


def _in_order(entries: Iterable[Document]) -> list[Document]:
    # Entries of different workflows reach the store in any order; `seq` breaks ties as the store saw them.
    timed = [(at, entry.get("seq", 0), entry) for entry in entries if (at := _moment(entry.get("at")))]
    return [entry for _, _, entry in sorted(timed, key=lambda each: each[:2])]


# What a machine wrote down is known; what a person says without a link is remembered (rule P06).
RECORDED = "recorded"
_RECALLED = ("recollection", "")
# An address that somebody wrote into a line; what ends a sentence is not a part of it.
_ADDRESS = re.compile(r"https?://[^\s<>|\"']*[^\s<>|\"'.,;:!?)\]]")


def _evidence(entry: Document) -> tuple[str, str]:
    for link in entry.get("links") or ():
        url = _text(_mapping(link).get("url"), 2000)
        if url.startswith(("https://", "http://")):
            return _text(_mapping(link).get("title"), 60) or "evidence", url
    told = entry.get("kind") in {EntryKind.NOTE.value, EntryKind.IMPACT.value}
    if not told or _mapping(entry.get("actor")).get("kind") != ActorKind.PERSON.value:
        return RECORDED, ""
    written_in = _ADDRESS.search(_text(entry.get("summary"), 2000))
    return ("as linked", written_in[0]) if written_in else _RECALLED


def _with_start(entries: Sequence[Document], began: datetime | None, hours: WorkingHours) -> list[Row]:
    """The table begins with the impact, which is before anybody noticed."""
    rows = [(at, _row(entry, hours)) for entry in entries if (at := _moment(entry.get("at")))]
    if began is not None:
        rows.append((began, Row(at=written(began, hours, with_seconds=True), what="Impact began", evidence=_RECALLED)))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def _spans(times: Mapping[str, datetime | None]) -> tuple[tuple[str, str], ...]:
    spans = []
    for begin, end, name in _SPANS:
        first, last = times[begin], times[end]
        if first is not None and last is not None:
            # Times that people enter may contradict each other; a negative span shows it.
            spans.append((name, format_duration(timedelta(seconds=round((last - first).total_seconds())))))
    return tuple(spans)


def _hurt_for(times: Mapping[str, datetime | None]) -> str:
    began, ended = times["impact_started_at"], times["mitigated_at"] or times["resolved_at"]
    if began is None or ended is None or ended < began:
        return ""
    return format_duration(timedelta(seconds=round((ended - began).total_seconds())))


def _detected_by(entries: Sequence[Document], hours: WorkingHours) -> tuple[Row, ...]:
    """What was seen first: the first alert and the declaration."""
    first = [
        next((entry for entry in entries if entry.get("kind") == kind.value), None)
        for kind in (EntryKind.ALERT, EntryKind.DECLARED)
    ]
    return _rows((entry for entry in first if entry is not None), hours)


def _runs(incident: Document, entries: Sequence[Document], hours: WorkingHours) -> tuple[RunRow, ...]:
    began: dict[str, str] = {}
    for entry in entries:
        at, run = _moment(entry.get("at")), _mapping(entry.get("details")).get("run")
        if entry.get("kind") == EntryKind.RUN.value and run and at:
            began.setdefault(str(run), written(at, hours, with_seconds=True))
    return tuple(
        RunRow(
            id=_text(run.get("id")),
            runbook=_text(run.get("runbook")),
            status=_text(run.get("status")),
            began=began.get(str(run.get("id")), ""),
            waiting_for=_text(run.get("waiting_for")) or None,
        )
        for run in incident.get("runs") or ()
    )


def is_missed_update(entry: Document) -> bool:
    """Whether a line says that an audience waited longer than it should."""
    details = _mapping(entry.get("details"))
    return entry.get("kind") == EntryKind.REMINDER.value and ClockStep.LATE.value in details.values()


def _by_kind(findings: Iterable[Finding]) -> dict[FindingKind, tuple[str, ...]]:
    known = [finding for finding in findings if finding.kind in set(FindingKind)]
    return {kind: tuple(each.text for each in known if each.kind == kind.value) for kind in FindingKind}


def _rows(entries: Iterable[Document], hours: WorkingHours) -> tuple[Row, ...]:
    return tuple(_row(entry, hours) for entry in entries)[:_MOST_UPDATES]


def _row(entry: Document, hours: WorkingHours) -> Row:
    at = _moment(entry.get("at"))
    return Row(
        at=written(at, hours, with_seconds=True) if at else "",
        who=_text(_mapping(entry.get("actor")).get("name"), 80),
        what=_text(entry.get("summary")),
        evidence=_evidence(entry),
        seq=int(entry.get("seq") or 0),
    )


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    # A time without a zone cannot be put in order with the others.
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object, longest: int = _LONGEST_TEXT) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"
