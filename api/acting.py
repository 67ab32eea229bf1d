"""What may be asked of workflows, and the starting of those that people start.

Used by `api/routes` and `api/pages`; knows nothing of HTTP. The one thing to know: a command is an Update, refused with
the workflow's own sentence. With an idempotency key a repeated request is the same Update and changes nothing more.
Raises domain errors only.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from api.action_items import (
    MOST_AT_ONCE,
    BulkChange,
    NewActionItem,
    bulk_answer,
    demand_answerable,
    demand_check,
    demand_drill,
    demand_owner,
    meeting_of,
    noticed_in,
    start_of,
)
from api.auth import groups_of
from api.engine import Engine, Owner
from api.ports import ConfigurationSource
from api.reading import Reader, shown_incident
from domain.action_item import AcceptItem, ActionItemCommand, ActionItemStatus, ExtendItem, OfferItem
from domain.action_item_meeting import MeetingTimes
from domain.alert import DeclareGroup, DeclineGroup
from domain.errors import HotwashError, Rejected, RejectionKind, Transient
from domain.game_day import GameDayPhase, HaltGameDay
from domain.ids import (
    action_item_workflow_id,
    alert_group_workflow_id,
    approval_workflow_id,
    game_day_workflow_id,
    incident_workflow_id,
    insight_mail_workflow_id,
    is_incident_id,
    operations_review_workflow_id,
    review_workflow_id,
    run_workflow_id,
    suffix_from_number,
    suffix_from_text,
)
from domain.incident import (
    FINISHED,
    Command,
    IncidentStart,
    IncidentState,
    IncidentStatus,
    Merge,
    StartRun,
)
from domain.incident_context import incident_context
from domain.insight_mail import start_of as mail_start_of
from domain.model import Model
from domain.operations_review import OperationsReviewCommand, OperationsReviewStart, RecordMeetingDecision
from domain.operations_review_decisions import week_of
from domain.record import ProjectionKind
from domain.review import ReviewCommand
from domain.run import DecideApproval, RunCommand
from domain.severity import IncidentType, Severity
from domain.tabletop import TabletopCommand
from domain.timeline import Actor
from runbooks.catalog import Catalog
from runbooks.game_day_catalog import GameDayCatalog
from runbooks.parameters import bind_parameters
from runbooks.triggers import triggers_of
from store.interface import Document

# Id suffixes: four characters are a million ids a day; when keys collide, the later one gets a longer suffix.
_INCIDENT_SUFFIXES = (4, 6, 8, 12)
_ITEM_SUFFIXES = (6, 8, 12)
# Commands of one wish for many items that are under way at once; an update takes some 15 ms.
_COMMANDS_AT_ONCE = 10
# A run that was accepted shows itself after some tens of milliseconds; nobody waits longer than this for it.
_RUN_APPEARS_WITHIN = timedelta(seconds=2)
_LOOK_EVERY = timedelta(milliseconds=50)


class Declaration(Model):
    """An incident as a person declares it."""

    title: str = Field(min_length=1, max_length=300)
    severity: Severity = Severity.SEV3
    type: IncidentType = IncidentType.OUTAGE
    services: tuple[str, ...] = ()
    summary: str = Field(default="", max_length=10_000)
    detected_at: datetime | None = None
    impact_started_at: datetime | None = None
    drill: bool = False
    # Nobody was hurt, this time; it takes the same path and is reviewed whatever its severity.
    near_miss: bool = False
    runbook: str | None = None
    runbook_parameters: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """What was started, or was there already."""

    id: str
    is_new: bool


class Actions:
    """Sends commands and starts workflows."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        configuration: ConfigurationSource,
        catalog: Catalog,
        game_days: GameDayCatalog,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._configuration = configuration
        self._catalog = catalog
        self._game_days = game_days

    # --- incidents ---

    async def declare(self, declaration: Declaration, by: Actor, mark: str | None) -> Made:
        """Start an incident. The same mark (`engine.key_mark`) finds the first one, also past midnight."""
        if declaration.runbook is not None:
            await self._require_runbook(declaration.runbook)
        now = datetime.now(UTC)
        if mark is not None:
            # Yesterday's id is only looked at: the key may have been used just before midnight.
            earlier = await self._claim_incident(declaration, by, mark, now - timedelta(days=1), may_start=False)
            if earlier is not None:
                return earlier
        made = await self._claim_incident(declaration, by, mark, now, may_start=True)
        if made is None:
            raise Transient("no free incident id was found; try again")
        return made

    async def declared(self, incident_id: str, declaration: Declaration, by: Actor) -> Document:
        """The incident that was just declared; as it was asked for while no worker has taken it up yet."""
        try:
            return (await self._reader.incident(incident_id)).document
        except HotwashError:
            asked = declaration.model_dump(exclude={"runbook", "runbook_parameters"})
            state = IncidentState(
                id=incident_id, status=IncidentStatus.DECLARED, declared_by=by, declared_at=datetime.now(UTC), **asked
            )
            return shown_incident(state.model_dump(mode="json"))

    async def incident(self, incident_id: str, name: str, command: Command, mark: str | None = None) -> Document:
        """Ask something of an incident; answers with the incident as it then stands."""
        if isinstance(command, Merge):
            await self._require_open(command.into)
        return shown_incident(await self._of_incident(incident_id, name, command, mark))

    async def _require_open(self, incident_id: str) -> None:
        """Rejected when there is no such incident to merge into, or it has ended."""
        target = (await self._reader.incident(incident_id)).document
        if IncidentStatus(target["status"]) in FINISHED:
            raise Rejected(f"{incident_id} is {target['status']}; merge into one that goes on", RejectionKind.CONFLICT)

    async def _of_incident(self, incident_id: str, name: str, command: Command, mark: str | None) -> Document:
        if not is_incident_id(incident_id):
            raise Rejected(f"there is no incident {incident_id[:80]!r}", RejectionKind.NOT_FOUND)
        workflow_id, subject = incident_workflow_id(incident_id), f"incident {incident_id}"
        state: Document = await self._engine.command(workflow_id, name, command, subject, mark)
        return state

    async def _claim_incident(
        self, declaration: Declaration, by: Actor, mark: str | None, day: datetime, *, may_start: bool
    ) -> Made | None:
        number = secrets.randbits(64)
        triggers = await asyncio.to_thread(triggers_of, self._catalog)
        context = incident_context(self._configuration.current(), declaration.services, triggers)
        for length in _INCIDENT_SUFFIXES:
            suffix = suffix_from_text(mark, length) if mark else suffix_from_number(number, length)
            id_ = f"inc-{day:%Y%m%d}-{suffix}"
            start = IncidentStart(id=id_, declared_by=by, context=context, **dict(declaration))
            owner = await self._engine.claim(
                "Incident", incident_workflow_id(id_), start, f"incident {id_}", mark=mark, may_start=may_start
            )
            if owner in {Owner.NEW, Owner.SAME}:
                return Made(id_, owner is Owner.NEW)
            if owner is Owner.NOBODY:
                return None
        return None

    # --- runs and approvals ---

    async def start_run(
        self,
        incident_id: str,
        runbook: str,
        parameters: dict[str, Any],
        by: Actor,
        mark: str | None,
        *,
        override_freeze: str = "",
    ) -> Made:
        """Run a runbook for an incident. The same mark finds the run that the first request started."""
        await self._require_runbook(runbook, parameters)
        if mark is not None:
            known = (await self._reader.incident_state(incident_id)).get("keys", {}).get(f"run {mark}")
            if known:
                return Made(known, is_new=False)
        key = mark or secrets.token_hex(16)
        command = StartRun(by=by, runbook=runbook, parameters=parameters, key=key, override_freeze=override_freeze)
        state = await self._of_incident(incident_id, "start_run", command, mark)
        return Made(state["keys"][f"run {key}"], is_new=True)

    async def run_appears(self, run_id: str) -> Document | None:
        """The run as it shows itself; None when it has not yet done so."""
        looks = int(_RUN_APPEARS_WITHIN / _LOOK_EVERY)
        for _ in range(looks):
            try:
                return (await self._reader.run(run_id)).document
            except HotwashError:
                await asyncio.sleep(_LOOK_EVERY.total_seconds())
        return None

    async def run(self, run_id: str, name: str, command: RunCommand, mark: str | None = None) -> Document:
        """Ask something of a run; answers with the run as it then stands."""
        state: Document = await self._engine.command(run_workflow_id(run_id), name, command, f"run {run_id}", mark)
        return state

    async def decide(self, command: DecideApproval, mark: str | None = None) -> Document:
        """Vote; the groups of the one who votes are looked up here. Answers with the approval as it then stands."""
        workflow_id, subject = approval_workflow_id(command.approval_id), f"approval {command.approval_id}"
        vote = command.model_copy(update={"groups": groups_of(command.by.name, self._configuration.current())})
        approval: Document = await self._engine.command(workflow_id, "decide", vote, subject, mark)
        return approval

    # --- reviews, action items, alert groups, game days ---

    async def review(self, incident_id: str, name: str, command: ReviewCommand, mark: str | None = None) -> Document:
        """Ask something of a review; answers with the review as it then stands."""
        workflow_id, subject = review_workflow_id(incident_id), f"review {incident_id}"
        try:
            state: Document = await self._engine.command(workflow_id, name, command, subject, mark)
        except Rejected as error:
            if error.kind is RejectionKind.NOT_FOUND and await self._is_imported_review(incident_id):
                sentence = f"{subject} was imported and is closed; change its file and import that again"
                raise Rejected(sentence, RejectionKind.CONFLICT) from error
            raise
        return state

    async def _is_imported_review(self, incident_id: str) -> bool:
        try:
            return bool((await self._reader.review(incident_id)).document.get("imported_from"))
        except HotwashError:
            return False

    async def operations_review(
        self, week: str, name: str, command: OperationsReviewCommand, mark: str | None = None
    ) -> Document:
        """Record a decision of the meeting, or that it was held; answers with the review as it then stands."""
        if isinstance(command, RecordMeetingDecision) and command.owner is not None:
            demand_answerable(command.owner, self._configuration.current())
        workflow_id, subject = operations_review_workflow_id(week), f"operations review {week}"
        state: Document = await self._engine.command(workflow_id, name, command, subject, mark)
        return state

    async def start_operations_review(self, by: Actor, now: datetime) -> Made:
        """Prepare the review of this week now; one that was started before is found."""
        settings = self._configuration.current().operations_review
        week = week_of(now)
        start = OperationsReviewStart(
            week=week, until=now, people=settings.audience, destinations=settings.destinations, by=by
        )
        workflow_id = operations_review_workflow_id(week)
        owner = await self._engine.claim(
            "OperationsReview", workflow_id, start, f"operations review {week}", mark=None, may_start=True
        )
        return Made(week, owner is Owner.NEW)

    async def mail_insights(
        self, by: Actor, now: datetime, mark: str | None, *, days: int, names: Sequence[str], people: Sequence[str]
    ) -> Made:
        """Have insights counted and mailed. The same mark finds the first mail."""
        suffix = suffix_from_text(mark, 8) if mark else suffix_from_number(secrets.randbits(64), 8)
        id_ = f"{now:%Y-%m-%d}-{suffix}" if mark is None else suffix
        start = mail_start_of(
            id_, days=days, names=names, people=people, by=by, configuration=self._configuration.current()
        )
        owner = await self._engine.claim(
            "InsightMail", insight_mail_workflow_id(id_), start, f"insight mail {id_}", mark=mark, may_start=True
        )
        return Made(id_, owner is Owner.NEW)

    async def create_action_item(self, item: NewActionItem, by: Actor, mark: str | None) -> Made:
        """Start an action item. The same mark finds the first one."""
        incident = await self._reader.incident_state(item.incident_id)
        demand_check(item.check, self._catalog.actions)
        configuration, on_file = self._configuration.current(), await asyncio.to_thread(self._game_days.names)
        demand_owner(item.owner, configuration)
        demand_drill(item.requires_drill, on_file, configuration)
        noticed = noticed_in(item, on_file, configuration)
        others, meeting = await self._items_of(item.incident_id), await self._meeting_of(item.incident_id)
        number = secrets.randbits(64)
        for length in _ITEM_SUFFIXES:
            suffix = suffix_from_text(mark, length) if mark else suffix_from_number(number, length)
            id_ = f"act-{suffix}"
            start = start_of(item, incident, configuration, by, id_, others=others, meeting=meeting, noticed=noticed)
            owner = await self._engine.claim(
                "ActionItem", action_item_workflow_id(start.id), start, f"action item {start.id}", mark=mark,
                may_start=True,
            )  # fmt: skip
            if owner in {Owner.NEW, Owner.SAME}:
                return Made(start.id, owner is Owner.NEW)
        raise Transient("no free action item id was found; try again")

    async def _items_of(self, incident_id: str) -> int:
        """How many items the incident has, for a hint; none while the record is away."""
        try:
            found = await self._reader.things(ProjectionKind.ACTION_ITEM, incident_id=incident_id, limit=MOST_AT_ONCE)
        except Transient:
            return 0
        return len(found.items)

    async def _meeting_of(self, incident_id: str) -> MeetingTimes | None:
        """When the review's meeting was, for a hint; None while nobody can say."""
        try:
            return meeting_of((await self._reader.review(incident_id)).document)
        except HotwashError:
            return None

    async def _with_meeting(self, item_id: str, command: AcceptItem) -> AcceptItem:
        try:
            incident_id = str((await self._reader.action_item(item_id)).document["incident_id"])
        except HotwashError:
            return command.model_copy(update={"meeting": None})
        return command.model_copy(update={"meeting": await self._meeting_of(incident_id)})

    async def change_items(self, change: BulkChange, by: Actor) -> Document:
        """Extend or offer many items; each is asked by itself, and one that refuses keeps no other from it."""
        refusals: dict[str, str] = {}
        slots = asyncio.Semaphore(_COMMANDS_AT_ONCE)

        async def one(id_: str) -> None:
            async with slots:
                try:
                    name, command = await self._wish(id_, change, by)
                    await self.action_item(id_, name, command)
                except (Rejected, Transient) as error:
                    refusals[id_] = error.sentence

        await asyncio.gather(*(one(each) for each in dict.fromkeys(change.ids)))
        return bulk_answer(tuple(dict.fromkeys(change.ids)), refusals)

    async def _wish(self, id_: str, change: BulkChange, by: Actor) -> tuple[str, ActionItemCommand]:
        if change.offer_to is not None:
            return "offer", OfferItem(by=by, to=change.offer_to, reason=change.reason)
        due_at = change.due_at
        if change.later_by is not None:
            known = (await self._reader.action_item(id_)).document.get("due_at")
            if known is None:
                raise Rejected(f"action item {id_} has no due date that could be moved", RejectionKind.CONFLICT)
            due_at = max(datetime.fromisoformat(known), datetime.now(UTC)) + change.later_by
        if due_at is None:
            raise Rejected("say until when")
        return "extend", ExtendItem(by=by, due_at=due_at, reason=change.reason)

    async def created(self, item_id: str, item: NewActionItem) -> Document:
        """The action item that was just created; as it was asked for while no worker has taken it up yet."""
        try:
            return (await self._reader.action_item(item_id)).document
        except HotwashError:
            return {"id": item_id, "state": ActionItemStatus.OPEN.value, **item.model_dump(mode="json")}

    async def action_item(
        self, item_id: str, name: str, command: ActionItemCommand, mark: str | None = None
    ) -> Document:
        """Ask something of an action item; answers with the item as it then stands."""
        workflow_id, subject = action_item_workflow_id(item_id), f"action item {item_id}"
        if isinstance(command, AcceptItem):
            command = await self._with_meeting(item_id, command)
        try:
            state: Document = await self._engine.command(workflow_id, name, command, subject, mark)
        except Rejected as error:
            if error.kind is RejectionKind.NOT_FOUND and await self._is_imported_item(item_id):
                sentence = (
                    f"{subject} is a record of the past and nobody follows it; import its postmortem again with "
                    "'hotwash review import FILE --start-open-items', or add an action item of its own"
                )
                raise Rejected(sentence, RejectionKind.CONFLICT) from error
            raise
        return state

    async def _is_imported_item(self, item_id: str) -> bool:
        try:
            return (await self._reader.action_item(item_id)).document.get("imported") is True
        except HotwashError:
            return False

    async def alert_group(
        self, group_id: str, name: str, command: DeclareGroup | DeclineGroup, mark: str | None = None
    ) -> Document:
        """Ask something of an alert group; answers with the group as it then stands."""
        workflow_id, subject = alert_group_workflow_id(group_id), f"alert group {group_id}"
        state: Document = await self._engine.command(workflow_id, name, command, subject, mark)
        return state

    async def game_day_begun(self, game_day_id: str) -> Document:
        """The game day that was just started; little more than its id while no worker has taken it up yet."""
        try:
            return (await self._reader.game_day(game_day_id)).document
        except HotwashError:
            return {"id": game_day_id, "phase": GameDayPhase.CHECKING.value}

    async def halt_game_day(self, game_day_id: str, command: HaltGameDay, mark: str | None = None) -> Document:
        """Stop a game day now and undo its fault; answers with it as it then stands."""
        workflow_id, subject = game_day_workflow_id(game_day_id.replace("~", "/")), f"game day {game_day_id}"
        state: Document = await self._engine.command(workflow_id, "halt", command, subject, mark)
        return state

    async def tabletop(
        self, game_day_id: str, name: str, command: TabletopCommand, mark: str | None = None
    ) -> Document:
        """What the game master says to a tabletop; answers with it as it then stands."""
        workflow_id, subject = game_day_workflow_id(game_day_id.replace("~", "/")), f"game day {game_day_id}"
        state: Document = await self._engine.command(workflow_id, name, command, subject, mark)
        return state

    async def _require_runbook(self, name: str, parameters: dict[str, Any] | None = None) -> None:
        """Rejected (422) at once, for a sentence to the caller; the pin that counts is made when the run starts."""
        try:
            # Linting takes tens of milliseconds of Python; other requests need not wait for it.
            document = (await asyncio.to_thread(self._catalog.pin, name)).document
        except Rejected as error:
            raise Rejected(error.sentence) from error
        if parameters is not None:
            bind_parameters(document, parameters)
