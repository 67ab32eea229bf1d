"""Every id is made and taken apart here, and nowhere else.

Ids that people see contain no slash, so that they fit into a URL; workflow ids add the kind in front.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NewType

from domain.errors import Rejected, RejectionKind

IncidentId = NewType("IncidentId", str)
AlertGroupId = NewType("AlertGroupId", str)
RunId = NewType("RunId", str)
ApprovalId = NewType("ApprovalId", str)
ReviewId = NewType("ReviewId", str)
ActionItemId = NewType("ActionItemId", str)
GameDayId = NewType("GameDayId", str)
PageId = NewType("PageId", str)

# Crockford's base 32 in lower case: no i, l, o, u, so that an id survives being read out loud.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# No run id begins with this: those of game days have a time or a key behind their name, and two dots at the end.
_GAME_DAY_APPROVAL = "game-day~"
_TARGETS = ":targets"
_INCIDENT = re.compile(r"inc-\d{8}-[0-9a-z]{4,12}")


def suffix_from_number(number: int, length: int = 4) -> str:
    """Spell a random or hashed number as `length` characters of the id alphabet."""
    characters = []
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[index])
    return "".join(characters)


def suffix_from_text(text: str, length: int = 4) -> str:
    """The same text always gives the same suffix; used to turn an idempotency key into an id."""
    return suffix_from_number(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"), length)


def new_incident_id(declared_at: datetime, number: int, length: int = 4) -> IncidentId:
    """`inc-20261122-k7qd`: the UTC day of declaration and a suffix drawn from `number`."""
    return IncidentId(f"inc-{declared_at:%Y%m%d}-{suffix_from_number(number, length)}")


def is_incident_id(text: str) -> bool:
    """Whether the text has the shape of an incident id; says nothing about its existence."""
    return _INCIDENT.fullmatch(text) is not None


def drill_of_incident(incident_id: str) -> str:
    """What the game day is called that recreates an incident."""
    return f"again-{incident_id.removeprefix('inc-')}"


def is_drill_of_incident(name: str) -> bool:
    """Whether a game day of that name may be one that recreates an incident, written or not."""
    return name.startswith("again-") and is_incident_id(f"inc-{name.removeprefix('again-')}")


def alert_group_id(sender: str, route: str, labels: Mapping[str, str]) -> AlertGroupId:
    """The digest of what makes alerts one group: who sent them, the route they took, the labels grouped by."""
    text = json.dumps([sender, route, sorted(labels.items())], ensure_ascii=False)
    return AlertGroupId(hashlib.sha256(text.encode()).hexdigest()[:20])


def run_id(owner: str, runbook: str, number: int) -> RunId:
    """`inc-20261122-k7qd.roll-back-release.1`; the owner is an incident or a game day."""
    return RunId(f"{owner}.{runbook}.{number}")


def approval_id(run: RunId, step_path: str) -> ApprovalId:
    """One approval per run and step path."""
    return ApprovalId(f"{run}:{step_path}")


def split_approval_id(approval: str) -> tuple[RunId, str]:
    """The run and the step path of an approval id; Rejected when it has no such form."""
    run, colon, path = approval.partition(":")
    if not (run and colon and path):
        message = f"{approval!r} is not an approval id; it looks like RUN:STEP and is listed by 'hotwash approvals'"
        raise Rejected(message, RejectionKind.NOT_FOUND)
    return RunId(run), path


def incident_workflow_id(incident: str) -> str:
    """The id under which the engine runs an incident."""
    return f"incident/{incident}"


def alert_group_workflow_id(group: str) -> str:
    """The id under which the engine runs an alert group."""
    return f"alerts/{group}"


def run_workflow_id(run: str) -> str:
    """`run/<owner>/<runbook>/<n>`; Rejected when the run id has not three parts."""
    parts = run.rsplit(".", 2)
    if len(parts) != 3:  # noqa: PLR2004 - owner, runbook, number
        message = f"{run!r} is not a run id; it looks like INCIDENT.RUNBOOK.NUMBER"
        raise Rejected(message, RejectionKind.NOT_FOUND)
    return "run/" + "/".join(parts)


def page_id(incident: str, number: int) -> PageId:
    """One escalation of one incident."""
    return PageId(f"{incident}.{number}")


def page_workflow_id(incident: str, number: int) -> str:
    """The id under which the engine runs an escalation."""
    return f"page/{incident}/{number}"


def lock_workflow_id(resource: str) -> str:
    """The id under which the engine runs the lock of a resource."""
    return f"lock/{resource}"


def drill_target_resource(target: str) -> str:
    """The resource that a game day locks while it is at a target; runbooks' own locks have other names."""
    return f"drill-target/{target}"


def comms_workflow_id(incident: str) -> str:
    """The id under which the engine runs the communication plan of an incident."""
    return f"comms/{incident}"


def review_workflow_id(incident: str) -> str:
    """The id under which the engine runs the review of an incident."""
    return f"review/{incident}"


def action_item_workflow_id(item: str) -> str:
    """The id under which the engine runs an action item."""
    return f"action-item/{item}"


def tracker_sync_workflow_id(tracker: str) -> str:
    """The id under which the engine polls a tracker."""
    return f"tracker-sync/{tracker}"


def game_day_workflow_id(name: str) -> str:
    """The base id of a game day; a Temporal Schedule adds the scheduled time, a manual start its own."""
    return f"game-day/{name}"


def game_day_id(workflow_id: str) -> GameDayId:
    """The id that people see of a game day, from its workflow id: without slashes, so that it fits into a URL."""
    return GameDayId(workflow_id.removeprefix("game-day/").replace("/", "~"))


def game_day_approval_id(game_day: str) -> ApprovalId:
    """The approval of a game day's targets; a game day has one."""
    return ApprovalId(f"{_GAME_DAY_APPROVAL}{game_day}{_TARGETS}")


def game_day_of_approval(approval: str) -> GameDayId | None:
    """The game day whose targets an approval is about; None when it is one of a run."""
    if not (approval.startswith(_GAME_DAY_APPROVAL) and approval.endswith(_TARGETS)):
        return None
    return GameDayId(approval.removeprefix(_GAME_DAY_APPROVAL).removesuffix(_TARGETS))


def approval_workflow_id(approval: str) -> str:
    """The id under which the engine runs what an approval is about: a run, or a game day."""
    game_day = game_day_of_approval(approval)
    if game_day is not None:
        return game_day_workflow_id(game_day.replace("~", "/"))
    return run_workflow_id(split_approval_id(approval)[0])


def standing_approval_workflow_id(name: str) -> str:
    """The id under which the engine keeps the standing approval of a game day."""
    return f"standing-approval/{name}"


def fault_sweep_workflow_id(machine: str, site: str | None) -> str:
    """The id under which the engine has the faults swept that a worker of one machine and site has left over."""
    return f"fault-sweep/{machine}" + (f"/{site}" if site else "")


def safety_lever_workflow_id(scope: str) -> str:
    """The id under which the engine runs a safety lever: the global one, or that of an environment."""
    return f"safety-lever/{scope}"


def operations_review_workflow_id(week: str) -> str:
    """The id under which the engine runs the operations review of a week (`2026-W48`)."""
    return f"operations-review/{week}"


def operations_review_schedule_id() -> str:
    """The id of the Temporal Schedule that starts operations reviews."""
    return "operations-review-schedule/weekly"


def insight_mail_workflow_id(id_: str) -> str:
    """The id under which the engine counts and mails insights."""
    return f"insight-mail/{id_}"


def insight_mail_of(workflow_id: str) -> str:
    """The mail that a workflow sends."""
    return workflow_id.removeprefix("insight-mail/")


def insight_mail_schedule_id() -> str:
    """The id of the Temporal Schedule that mails insights."""
    return "insight-mail-schedule/regular"


def game_day_schedule_id(name: str) -> str:
    """The id of the Temporal Schedule that starts a game day."""
    return f"game-day-schedule/{name}"
