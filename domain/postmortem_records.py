"""What an imported postmortem is in the record: a closed incident, its closed review, its action items. Pure.

Called by `api/postmortems.py`. The one thing to know: pictures have the number of the import as their version, which is
below that of every workflow, so a later import never writes over an action item that is followed by now.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from domain.action_item import ActionItemState, ActionItemStatus
from domain.ids import new_incident_id, suffix_from_text
from domain.incident import ActionItemSummary, Impact, IncidentState, IncidentStatus
from domain.postmortem import PastPostmortem
from domain.record import NumberedEntry, Projection, ProjectionKind, RecordBatch
from domain.review import Finding, FindingKind, ReviewRevision, ReviewState, ReviewStatus
from domain.timeline import Actor, Entry, EntryKind, Link, automation

IMPORTER = automation("import")
_GONE = "it is no longer in the postmortem that it was imported from"
# Sixty bits: a million imported postmortems meet by chance once in a million tries.
_SUFFIX = 12
_MILESTONES = (
    ("impact_started_at", EntryKind.IMPACT, "the impact began"),
    ("detected_at", EntryKind.ALERT, "detected"),
    ("declared_at", EntryKind.DECLARED, "declared"),
    ("acknowledged_at", EntryKind.ACKNOWLEDGED, "acknowledged"),
    ("mitigated_at", EntryKind.STATUS, "mitigated: the impact was over"),
    ("resolved_at", EntryKind.STATUS, "resolved"),
)


def import_id(past: PastPostmortem) -> str:
    """Under which the record remembers that it was imported."""
    return suffix_from_text(f"{past.source}\0{past.key}", 2 * _SUFFIX)


def incident_id_of(past: PastPostmortem) -> str:
    """The id that its incident gets the first time; later imports keep it, whatever the day says then."""
    number = int.from_bytes(hashlib.sha256(f"{past.source}\0{past.key}".encode()).digest()[:16], "big")
    return new_incident_id(past.declared_at, number, _SUFFIX)


def item_id_of(past: PastPostmortem, place: int) -> str:
    """The id of an action item: by its words, and by its place among those of the same words."""
    title = past.items[place].title
    same = sum(1 for each in past.items[:place] if each.title == title)
    identity = "\0".join((past.source, past.key, title, str(same)))
    return f"act-{suffix_from_text(identity, _SUFFIX)}"


def digest_of(past: PastPostmortem) -> str:
    """Changes when anything in it does."""
    return hashlib.sha256(past.model_dump_json().encode()).hexdigest()


def records_of(
    past: PastPostmortem,
    incident_id: str,
    revision: int,
    now: datetime,
    by: Actor,
    *,
    gone: Iterable[dict[str, Any]] = (),
) -> RecordBatch:
    """Everything that is saved of it, in one batch. `gone`: items of earlier imports that its text has no more."""
    ids = tuple(item_id_of(past, place) for place in range(len(past.items)))
    remembered = {
        "id": import_id(past),
        "source": past.source,
        "key": past.key,
        "incident_id": incident_id,
        "digest": digest_of(past),
        "revision": revision,
        "imported_at": now.isoformat(),
    }
    review = _review(past, incident_id, revision)
    text = ReviewRevision(review_id=incident_id, revision=revision, at=now, by=by, markdown=review.markdown)
    made = [
        (ProjectionKind.INCIDENT, incident_id, _incident(past, incident_id, ids).model_dump(mode="json")),
        (ProjectionKind.REVIEW, incident_id, review.model_dump(mode="json")),
        (ProjectionKind.REVIEW_REVISION, text.id, text.model_dump(mode="json")),
        *[
            (ProjectionKind.ACTION_ITEM, id_, _item(past, place, id_, incident_id).model_dump(mode="json"))
            for place, id_ in enumerate(ids)
        ],
        # Nobody owes what the team has taken out of its text.
        *[
            (
                ProjectionKind.ACTION_ITEM,
                str(each["id"]),
                each | {"state": ActionItemStatus.DROPPED.value, "dropped_because": _GONE},
            )
            for each in gone
        ],
        (ProjectionKind.IMPORT, import_id(past), remembered),
    ]
    return RecordBatch(
        origin=f"import/{import_id(past)}",
        entries=_entries(past, incident_id, revision, now, by),
        projections=tuple(
            Projection(kind=kind, id=id_, version=revision, incident_id=incident_id, document=document)
            for kind, id_, document in made
        ),
    )


def _incident(past: PastPostmortem, incident_id: str, items: tuple[str, ...]) -> IncidentState:
    return IncidentState(
        id=incident_id,
        title=past.title,
        status=IncidentStatus.CLOSED,
        severity=past.severity,
        type=past.type,
        services=past.services,
        summary=past.summary,
        impact=Impact(summary=past.impact),
        declared_by=IMPORTER,
        impact_started_at=past.impact_started_at,
        detected_at=past.detected_at,
        declared_at=past.declared_at,
        acknowledged_at=past.acknowledged_at,
        mitigated_at=past.mitigated_at,
        resolved_at=past.resolved_at,
        closed_at=past.resolved_at or past.declared_at,
        retrospective=True,
        assumed_times=past.assumed_times,
        review_id=incident_id,
        review_state=ReviewStatus.CLOSED.value,
        action_items=tuple(
            ActionItemSummary(id=id_, title=item.title, state=item.state.value)
            for id_, item in zip(items, past.items, strict=True)
        ),
    )


def _review(past: PastPostmortem, incident_id: str, revision: int) -> ReviewState:
    markdown = past.markdown or _written(past)
    return ReviewState(
        id=incident_id,
        incident_id=incident_id,
        title=past.title,
        owner=past.owner or None,
        due_at=None,
        state=ReviewStatus.CLOSED,
        markdown=markdown,
        generated=markdown,
        revision=revision,
        findings=tuple(
            Finding(kind=FindingKind.CONTRIBUTING_FACTOR.value, text=each.text, factor=each.factor)
            for each in past.factors
        ),
        draft_wanted=False,
        severity=past.severity,
        resolved_at=past.resolved_at,
        imported_from=past.link or f"{past.source}: {past.key}",
    )


def _item(past: PastPostmortem, place: int, id_: str, incident_id: str) -> ActionItemState:
    item = past.items[place]
    return ActionItemState(
        id=id_,
        incident_id=incident_id,
        title=item.title,
        owner=item.owner,
        priority=item.priority,
        due_at=item.due_at,
        state=item.state,
        done_when=item.done_when,
        created_at=past.resolved_at or past.declared_at,
        finished_at=item.finished_at,
        services=past.services,
        created_by=IMPORTER,
        imported=True,
    )


def _written(past: PastPostmortem) -> str:
    """A text for those that came as fields only, of nothing but what the fields say."""
    parts = [f"# {past.title}", past.summary]
    if past.impact:
        parts += ["## Impact", past.impact]
    if past.factors:
        parts += ["## Contributing factors", "\n".join(f"- {' '.join(each.text.split())}" for each in past.factors)]
    if past.items:
        parts += ["## Action items", "\n".join(f"- {each.title} ({each.state.value})" for each in past.items)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _entries(
    past: PastPostmortem, incident_id: str, revision: int, now: datetime, by: Actor
) -> tuple[NumberedEntry, ...]:
    found = []
    # Numbers are fixed: the first import says when things happened, a later one only that it came.
    for number, (name, kind, words) in enumerate(_MILESTONES, start=1):
        at = getattr(past, name)
        if at is not None:
            doubt = " (assumed: the postmortem does not say when exactly)" if name in past.assumed_times else ""
            found.append((number, Entry(at=at, kind=kind, actor=IMPORTER, summary=f"{words}{doubt}")))
    again = "imported" if revision == 1 else "imported again, changed"
    is_address = past.link.startswith(("http://", "https://"))
    links = (Link(title="the postmortem", url=past.link),) if is_address else ()
    summary = f"{again} from {past.source}: {past.key}"
    found.append(
        (len(_MILESTONES) + revision, Entry(at=now, kind=EntryKind.NOTE, actor=by, summary=summary, links=links))
    )
    return tuple(NumberedEntry(number=number, entry=entry, incident_id=incident_id) for number, entry in found)
