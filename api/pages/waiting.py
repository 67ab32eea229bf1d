"""What an incident waits for, and what Hotwash does or wants to do next: the top of the incident room. Pure.

Used by `api/pages/room.py`. The one thing to know: each line carries what the looker can do about it in one tap.
Approvals are not here: the room shows them whole, with exactly what would run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.durations import format_duration
from domain.incident import RESPONDING, IncidentStatus
from domain.review import ReviewStatus
from domain.run import RunStatus

# An update this near is the next thing to do; a later one is only a fact about the incident (shortest cadence: 15 min).
_SOON = timedelta(minutes=15)
_RUN_TONES = {
    RunStatus.RUNNING: "calm",
    RunStatus.UNDOING: "warn",
    RunStatus.WAITING: "warn",
    RunStatus.PAUSED: "warn",
    RunStatus.NEEDS_HUMAN: "bad",
}
_REVIEWED = frozenset({ReviewStatus.REVIEWED, ReviewStatus.CLOSED, ReviewStatus.WAIVED})


@dataclass(frozen=True, slots=True)
class Push:
    """One tap: a form without anything to fill in."""

    label: str
    action: str
    fields: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    # On a phone it stays at the thumb, whatever is in view.
    at_thumb: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that is waited for or under way."""

    sentence: str
    # `bad`: something is wrong; `warn`: somebody must act; `calm`: it goes on by itself.
    tone: str
    url: str | None = None
    pushes: tuple[Push, ...] = ()


def waiting_for(incident: Mapping[str, Any], looker: str, now: datetime) -> list[Waiting]:
    """The most pressing first; empty when nothing is waited for."""
    status = IncidentStatus(incident["status"])
    here = f"/incidents/{incident['id']}"
    lines: list[Waiting] = []
    if status in RESPONDING:
        lines += [*_acknowledgement(incident, here), *_runs(incident), *_offers(incident, looker, here)]
        lines += [*_updates(incident, now), *_ending(incident, status)]
    elif status in {IncidentStatus.RESOLVED, IncidentStatus.REVIEWING}:
        lines += [*_runs(incident), *_learning(incident, here)]
    return lines


def _acknowledgement(incident: Mapping[str, Any], here: str) -> Iterator[Waiting]:
    if incident["acknowledged_at"]:
        return
    paging = "The on-call is being paged" if incident["open_page"] else "Nobody is being paged"
    take = "; the first to acknowledge takes command" if not incident["roles"].get("commander") else ""
    push = Push("Acknowledge", f"{here}/acknowledge", kind="main", at_thumb=True)
    yield Waiting(f"Nobody has acknowledged yet. {paging}{take}.", "bad", pushes=(push,))


def _runs(incident: Mapping[str, Any]) -> Iterator[Waiting]:
    for run in incident["runs"]:
        try:
            tone = _RUN_TONES[RunStatus(run["status"])]
        except (KeyError, ValueError):
            continue
        words = f"waits for {run['waiting_for']}" if run["waiting_for"] else _words(run["status"])
        yield Waiting(f"Runbook {run['runbook']} {words}.", tone, f"/runs/{run['id']}", _operations(run))


def _operations(run: Mapping[str, Any]) -> tuple[Push, ...]:
    """A run is stopped from here in one tap; the reason in the timeline says from where."""
    if run["status"] == RunStatus.UNDOING:
        return ()
    fields = {"reason": "from the incident room", "back": "room"}
    stop = Push("Stop and undo", f"/runs/{run['id']}/stop", fields, "danger")
    if run["status"] == RunStatus.PAUSED:
        return (Push("Resume", f"/runs/{run['id']}/resume", fields), stop)
    return (Push("Pause", f"/runs/{run['id']}/pause", fields), stop)


def _offers(incident: Mapping[str, Any], looker: str, here: str) -> Iterator[Waiting]:
    for offer in incident["offers"]:
        role = _words(offer["role"])
        if offer["to"] != looker:
            yield Waiting(f"{offer['to']} was offered {role} and has not answered.", "calm")
            continue
        fields = {"role": offer["role"]}
        pushes = (
            Push(f"Accept: {role}", f"{here}/accept-role", fields, "main"),
            Push("Decline", f"{here}/decline-role", fields),
        )
        yield Waiting(f"{offer['by']['name']} offers you the role of {role}.", "warn", pushes=pushes)


def _updates(incident: Mapping[str, Any], now: datetime) -> Iterator[Waiting]:
    for audience, due in sorted(incident["next_update_by"].items(), key=lambda item: str(item[1])):
        left = datetime.fromisoformat(due) - now
        if left < timedelta():
            yield Waiting(f"The {audience} update was due {_rough(-left)} ago.", "bad", "#tell")
        elif left < _SOON:
            yield Waiting(f"The {audience} update is due in {_rough(left)}.", "warn", "#tell")


def _ending(incident: Mapping[str, Any], status: IncidentStatus) -> Iterator[Waiting]:
    if status is IncidentStatus.MONITORING:
        still = "; alerts still fire" if incident["firing_groups"] else ""
        yield Waiting(f"The impact is over{still}. Resolve it once normal service is back.", "calm", "#end")


def _learning(incident: Mapping[str, Any], here: str) -> Iterator[Waiting]:
    state = incident["review_state"]
    open_items = [item for item in incident["action_items"] if item["state"] not in {"done", "dropped"}]
    if open_items:
        yield Waiting(
            f"{len(open_items)} action item{'s' if len(open_items) > 1 else ''} still open.", "calm", "#items"
        )
    if state in _REVIEWED:
        push = Push("Close", f"{here}/close", kind="main")
        yield Waiting("The review is done. Close it once every action item is tracked.", "warn", pushes=(push,))
    elif incident["review_id"]:
        words = _words(state or "begun")
        yield Waiting(f"The review is not done yet ({words}).", "warn", f"/reviews/{incident['review_id']}")
    else:
        push = Push("Close", f"{here}/close")
        yield Waiting("No review is asked for. Close it once every action item is tracked.", "calm", pushes=(push,))


def _words(value: str) -> str:
    return value.replace("_", " ")


def _rough(span: timedelta) -> str:
    minute, second = timedelta(minutes=1), timedelta(seconds=1)
    unit = minute if span >= minute else second
    return format_duration(max(span // unit * unit, unit))
