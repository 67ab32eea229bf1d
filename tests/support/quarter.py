"""A quarter of a year as a small shop might have had it, made so that every number can be counted by hand.

Twelve real incidents, one drill, one cancelled. Used by the tests of insight, on both databases and through the API.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.record import Projection, ProjectionKind
from store import Store
from tests.support.records import batch, picture

# A Monday.
BEGIN = datetime(2026, 8, 31, tzinfo=UTC)
NOW = BEGIN + timedelta(days=90)

# Minutes from declaration to acknowledgement and to mitigation, of incidents 1 to 12; None: not yet.
ACKNOWLEDGED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, None]
MITIGATED = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 600, None]
SERVICES = ["shop"] * 5 + ["search"] * 3 + ["mail"] * 4
# Local hour (Berlin) of the declaration: night, morning, afternoon, evening.
FACTORS = {1: "capacity", 2: "capacity", 3: "change", 4: "capacity", 6: "change", 9: "communication"}


def iso(moment: datetime | None) -> str | None:
    """As documents have it."""
    return None if moment is None else moment.isoformat()


def declared(number: int) -> datetime:
    """Incident `number` was declared seven days after the one before, at number o'clock UTC."""
    return BEGIN + timedelta(days=7 * (number - 1), hours=number)


async def save_quarter(store: Store) -> None:
    """Save all of it, things of one incident in no special order."""
    first, later = [each for each in reviews() if each.version == 1], [each for each in reviews() if each.version > 1]
    await store.record.save(batch("before", pictures=tuple(first)))
    made = [*pages(), *updates(), *items(), *later, *incidents()]
    await store.record.save(batch("quarter", pictures=tuple(made)))
    for number, (rule, incident_id) in enumerate(EPISODES):
        await store.record.save(batch(f"alerts/{rule}#{number}", pictures=(episode(number, rule, incident_id),)))


def incidents() -> list[Projection]:
    """Twelve, a drill and a cancelled one."""
    found = [incident(number) for number in range(1, 13)]
    found.append(incident(1, id_="inc-drill", drill=True))
    found.append(incident(1, id_="inc-cancelled", status="cancelled"))
    return found


def incident(number: int, id_: str = "", **more: Any) -> Projection:
    """One."""
    at = declared(number)
    acknowledged, mitigated = ACKNOWLEDGED[number - 1], MITIGATED[number - 1]
    body = {
        "title": f"Incident {number}",
        "status": "closed" if number <= 10 else "mitigating",
        "severity": "SEV-1" if number <= 3 else "SEV-3",
        "type": "outage",
        "services": [SERVICES[number - 1]],
        "declared_by": {"kind": "automation" if number <= 9 else "person", "name": "x"},
        "impact_started_at": iso(at - timedelta(minutes=5)),
        "detected_at": iso(at - timedelta(minutes=1)),
        "declared_at": iso(at),
        "acknowledged_at": iso(at + timedelta(minutes=acknowledged)) if acknowledged else None,
        "mitigated_at": iso(at + timedelta(minutes=mitigated)) if mitigated else None,
        "resolved_at": iso(at + timedelta(minutes=mitigated + 30)) if mitigated else None,
        "drill": False,
        "runs": [{"id": "r", "runbook": "roll-back", "status": "succeeded"}] if number <= 6 else [],
    } | more
    id_ = id_ or f"inc-{number}"
    return picture(ProjectionKind.INCIDENT, id_, 1, id_, **body)


def items() -> list[Projection]:
    """Of 1, 2 and 4 one open item each, of 1 an overdue one too; of 6 one done in time, of 9 one late, one dropped."""

    def item(id_: str, number: int, state: str, due_in: int, finished: datetime | None = None) -> Projection:
        body = {
            "title": f"Item {id_}", "owner": "ana", "state": state, "created_at": iso(declared(number)),
            "due_at": iso(NOW + timedelta(days=due_in)), "finished_at": iso(finished), "extensions": 0,
        }  # fmt: skip
        return picture(ProjectionKind.ACTION_ITEM, id_, 1, f"inc-{number}", **body)

    return [
        item("ai-1", 1, "open", 5),
        item("ai-2", 1, "in_progress", -5),
        item("ai-3", 2, "open", 5),
        item("ai-4", 4, "open", 5),
        item("ai-5", 6, "done", -10, NOW - timedelta(days=11)),
        item("ai-6", 9, "done", -10, NOW - timedelta(days=9)),
        item("ai-7", 9, "dropped", -10, NOW - timedelta(days=9)),
    ]


def updates() -> list[Projection]:
    """Internal: kept, kept, late, closing. External: one promise that nobody kept."""

    def update(id_: str, audience: str, minutes: int, promised_in: int | None, closing: bool = False) -> Projection:
        at = declared(1) + timedelta(minutes=minutes)
        body = {"audience": audience, "at": iso(at), "closing": closing, "text": "x", "drill": False}
        body["next_update_by"] = None if promised_in is None else iso(at + timedelta(minutes=promised_in))
        return picture(ProjectionKind.UPDATE, id_, 1, "inc-1", **body)

    return [
        update("u-3", "internal", 25, 15),
        update("u-1", "internal", 0, 15),
        update("u-2", "internal", 15, 15),
        update("u-4", "internal", 45, None, closing=True),
        update("u-5", "external", 5, 20),
    ]


def pages() -> list[Projection]:
    """Incident n pages ana at n o'clock UTC, over two channels; of incident 12 ben too. The drill's page is none."""

    def page(id_: str, incident_id: str, at: datetime, *people: str) -> Projection:
        deliveries = [
            {"person": person, "channel": channel, "status": "delivered", "level": 1, "round": 1, "at": iso(at)}
            for person in people
            for channel in ("mail", "hook")
        ]
        lost = {"person": "cleo", "channel": "mail", "status": "failed", "level": 1, "round": 1, "at": iso(at)}
        return picture(ProjectionKind.PAGE, id_, 1, incident_id, status="stopped", deliveries=[*deliveries, lost])

    found = [page(f"inc-{number}.1", f"inc-{number}", declared(number), "ana") for number in range(1, 12)]
    found.append(page("inc-12.1", "inc-12", declared(12), "ana", "ben"))
    found.append(page("inc-drill.1", "inc-drill", declared(1), "ana"))
    return found


def reviews() -> list[Projection]:
    """Due three days after each of incidents 1 to 10: 1 to 6 in time, 7 extended, 8 late, 9 waived, 10 owed."""
    found = []
    for number in range(1, 11):
        due = declared(number) + timedelta(days=3)
        extended = due + timedelta(days=2)
        signed: datetime | None = due - timedelta(hours=1)
        state, extensions = "closed", 0
        if number == 7:
            signed, extensions = due + timedelta(days=1), 1
        if number == 8:
            signed = due + timedelta(hours=1)
        if number == 9:
            state = "waived"
        if number == 10:
            state, signed = "draft", None
        factor = FACTORS.get(number)
        finding = {"kind": "contributing_factor", "text": factor}
        body = {
            "title": f"Incident {number}", "state": state, "due_at": iso(extended if extensions else due),
            "extensions": extensions, "findings": [finding] if factor else [], "drill": False, "markdown": "",
            "sign_off": {"at": iso(signed)} if signed and state != "waived" else None,
            "waiver": {"at": iso(signed)} if state == "waived" else None,
        }  # fmt: skip
        if extensions:
            # The deadline before the extension was recorded first.
            found.append(
                picture(ProjectionKind.REVIEW, f"inc-{number}", 1, f"inc-{number}", **body | {"due_at": iso(due)})
            )
        found.append(picture(ProjectionKind.REVIEW, f"inc-{number}", 2, f"inc-{number}", **body))
    return found


# Rule and incident of each episode, oldest first.
EPISODES = [
    ("DiskFull", "inc-1"),
    ("DiskFull", None),
    ("DiskFull", None),
    ("DiskFull", "inc-cancelled"),
    ("Errors", "inc-2"),
    ("Errors", "inc-6"),
    ("Flap", None),
    ("Flap", None),
]


def episode(number: int, rule: str, incident_id: str | None) -> Projection:
    """An alert group from its first firing to its clearing; the same group each time."""
    at = BEGIN + timedelta(days=number)
    alert = {"title": rule, "labels": {"alertname": rule, "vendor": "acme"}, "count": 3}
    body = {
        "status": "incident" if incident_id else "cleared", "first_seen": iso(at), "last_seen": iso(at),
        "alerts": [alert, alert | {"fingerprint": "other"}],
    }  # fmt: skip
    if incident_id is None:
        body["alerts"] = [alert]
    made = picture(ProjectionKind.ALERT_GROUP, f"group-{rule}", number + 1, incident_id, **body)
    return made.model_copy(update={"document": made.document | {"incident_id": incident_id}})
