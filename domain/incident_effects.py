"""What a decision about an incident brings about: the new state, lines for the timeline, and effects to carry out.

`domain/incident_decisions.py` and its neighbours make these; `workflows/incident.py` carries the effects out. Effects
of one `lane` are carried out in order, those of different lanes do not wait for each other.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.alert import FollowIncident
from domain.comms import CommsStart, IncidentBrief
from domain.errors import Rejected, RejectionKind
from domain.game_day import MilestoneKind
from domain.incident import AddNote, Command, IncidentState, PostUpdate, Role
from domain.message import Template
from domain.model import Model
from domain.page import EscalationStart
from domain.practice import Deed
from domain.review import ObserveIncidentEnd, ObserveNews, ObserveResolved, ReviewStart
from domain.timeline import ADMINISTRATOR, Actor, ActorKind, Entry, EntryKind, Link


class Effect(Model):
    """Something that the workflow does after the decision."""

    @property
    def lane(self) -> str:
        """Effects of one lane keep their order."""
        return type(self).__name__


class PageEffect(Effect):
    """Something for an escalation."""

    @property
    def lane(self) -> str:
        """An escalation is started before it is stopped."""
        return "page"


class StartPage(PageEffect):
    """Page the on-call, from the first level."""

    number: int
    start: EscalationStart


class PageAnswered(PageEffect):
    """Somebody has it: the open escalation ends."""

    number: int
    by: Actor


class StopPage(PageEffect):
    """Nobody needs to answer any more: the open escalation ends."""

    number: int
    by: Actor
    reason: str


class LaunchRun(Effect):
    """Pin the runbook and start it under this id."""

    run_id: str
    runbook: str
    parameters: dict[str, Any]
    requested_by: Actor
    override_freeze: str = ""

    @property
    def lane(self) -> str:
        """Runs do not wait for each other."""
        return f"run {self.run_id}"


class CommsEffect(Effect):
    """Something for the communication plan."""

    @property
    def lane(self) -> str:
        """The plan hears everything in order."""
        return "comms"


class StartComms(CommsEffect):
    """Start the communication plan; after a reopening, once the former one has ended."""

    start: CommsStart


class RefreshComms(CommsEffect):
    """The plan works with the newest brief."""

    brief: IncidentBrief


class PublishUpdate(CommsEffect):
    """Tell an audience."""

    update: PostUpdate


class FinishComms(CommsEffect):
    """The closing notice, then the plan ends."""

    by: Actor
    summary: str
    outcome: str


class FindAlike(Effect):
    """Look for earlier incidents like this one, in the background; a line for the timeline when there are any."""

    title: str
    services: tuple[str, ...] = ()
    # Names of the alerts that it was declared for.
    rules: tuple[str, ...] = ()


class StartReview(Effect):
    """Start the review; one that is under way simply goes on."""

    start: ReviewStart


class TellReview(Effect):
    """The review hears what became of its incident; one that has ended hears nothing."""

    news: ObserveResolved | ObserveIncidentEnd | ObserveNews

    @property
    def lane(self) -> str:
        """The review is started before it hears anything."""
        return StartReview.__name__


class TellPeople(Effect):
    """A message to people about this incident."""

    # Unique in the incident; it becomes part of the message's key.
    about: str
    template: Template
    people: tuple[str, ...]
    context: dict[str, Any]


class TellGameDay(Effect):
    """The game day that caused this drill hears how far it got."""

    workflow_id: str
    kind: MilestoneKind
    at: datetime
    evidence: str
    # Who did it.
    people: tuple[str, ...] = ()


class TellRunDrillEnd(Effect):
    """A run of this drill hears that nobody is away any more."""

    run_id: str
    by: Actor

    @property
    def lane(self) -> str:
        """After the run was launched."""
        return f"run {self.run_id}"


class TellTabletop(Effect):
    """The tabletop that this incident is played in hears what people do."""

    workflow_id: str
    deed: Deed


class TellIncident(Effect):
    """A line for the timeline of another incident."""

    incident_id: str
    note: AddNote


class RedirectAlerts(Effect):
    """Later alerts of this group belong to the other incident."""

    group_id: str
    follow: FollowIncident

    @property
    def lane(self) -> str:
        """Groups do not wait for each other."""
        return f"group {self.group_id}"


@dataclass(frozen=True)
class Outcome:
    """What became of a command. Without entries and effects nothing has changed that anybody need hear of."""

    state: IncidentState
    entries: tuple[Entry, ...] = ()
    effects: tuple[Effect, ...] = ()

    def then(self, other: "Outcome") -> "Outcome":
        """This outcome followed by one that was decided on its state."""
        return Outcome(other.state, self.entries + other.entries, self.effects + other.effects)


def changed(state: IncidentState, **update: Any) -> IncidentState:
    """The state with some fields new; values are given as they belong, nothing is converted."""
    return state.model_copy(update=update)


def entry(
    at: datetime, kind: EntryKind, actor: Actor, summary: str, /, links: tuple[Link, ...] = (), **details: Any
) -> Entry:
    """A line for the timeline; details without a value are left out."""
    kept = {name: value for name, value in details.items() if value not in (None, "")}
    return Entry(at=at, kind=kind, actor=actor, summary=summary, details=kept, links=links)


def conflict(sentence: str) -> Rejected:
    """The request does not fit to how things stand."""
    return Rejected(sentence, RejectionKind.CONFLICT)


def require_person(state: IncidentState, name: str) -> None:
    """Refuse somebody whom `hotwash.yaml` did not know when the incident was declared."""
    if name not in state.context.people:
        message = (
            f"{name!r} is not a person of hotwash.yaml (as it was when {state.id} was declared); "
            "add them under 'people' or mend the name"
        )
        raise Rejected(message)


def require_speaker(state: IncidentState, by: Actor) -> None:
    """Refuse a command in the name of somebody unknown; automation and the administrator may speak."""
    if by.kind is ActorKind.PERSON and by.name != ADMINISTRATOR:
        require_person(state, by.name)


def require_text(text: str, sentence: str) -> str:
    """The text without blank edges; refused when nothing is left."""
    if not text.strip():
        raise Rejected(sentence)
    return text.strip()


def brief(state: IncidentState) -> IncidentBrief:
    """What messages say about the incident."""
    public = state.context.public_services
    return IncidentBrief(
        id=state.id,
        title=state.title,
        severity=state.severity,
        status=state.status,
        services=state.services,
        public_services=tuple(public[service] for service in state.services if service in public),
        commander=state.roles.get(Role.COMMANDER),
        communications_lead=state.roles.get(Role.COMMUNICATIONS_LEAD),
        summary=state.summary,
        impact=state.impact.summary,
        drill=state.drill,
        declared_at=state.declared_at,
    )


def milestone(
    state: IncidentState, kind: MilestoneKind, at: datetime, evidence: str, people: tuple[str, ...] = ()
) -> tuple[Effect, ...]:
    """Tell the game day, when there is one."""
    if state.game_day_workflow is None:
        return ()
    return (TellGameDay(workflow_id=state.game_day_workflow, kind=kind, at=at, evidence=evidence, people=people),)


# A deed is judged by how it begins; the whole of it stands in the timeline.
_DEED_CHARACTERS = 2_000


def deed(name: str, command: Command, before: IncidentState, after: IncidentState, at: datetime) -> tuple[Effect, ...]:
    """Tell the tabletop what a person did, when there is one."""
    if before.tabletop_workflow is None or command.by.kind is not ActorKind.PERSON:
        return ()
    body = {
        key: value.total_seconds() if isinstance(value, timedelta) else value
        for key, value in command.model_dump(exclude={"by"}).items()
    }
    body = {key: value[:_DEED_CHARACTERS] if isinstance(value, str) else value for key, value in body.items()}
    done = Deed(
        command=name,
        by=command.by,
        at=at,
        body=json.loads(json.dumps(body, default=str)),
        roles={role.value: person for role, person in after.roles.items()},
        severity=after.severity,
        status=after.status.value,
        severity_before=before.severity,
        roles_before={role.value: person for role, person in before.roles.items()},
    )
    return (TellTabletop(workflow_id=before.tabletop_workflow, deed=done),)
