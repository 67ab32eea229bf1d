"""Reports of game days, and their findings as action items. Used by `api/routes/game_days.py` and the pages.

The one thing to know: a finding's action item has its id from the finding, so that pressing twice, two people pressing,
and the same finding in the next run make one item. It is real work: no drill, and done once the game day has passed.
"""

from datetime import UTC, datetime

from pydantic import Field, ValidationError

from api.acting import Made
from api.action_items import NewActionItem, demand_owner, start_of
from api.engine import Engine, Owner, key_mark
from api.ports import ConfigurationSource
from api.reading import Reader
from domain.action_item import ActionItemStatus, Priority
from domain.action_item_decisions import FINISHED
from domain.configuration import Configuration
from domain.errors import HotwashError, Rejected, RejectionKind, Transient
from domain.game_day import GameDayState
from domain.game_day_report import GameDayReport, ReportFinding, findings
from domain.game_day_report_text import AgedReport, aged_report
from domain.ids import action_item_workflow_id, suffix_from_text
from domain.incident_context import incident_context
from domain.model import Model
from domain.severity import Severity
from domain.timeline import Actor, ActorKind
from store.interface import Document

_ITEM_SUFFIXES = (8, 12)
_LONGEST_TITLE = 300


class FindingItem(Model):
    """Which finding becomes an action item; the rest is taken from the game day where it is left out."""

    finding: str = Field(description="The `key` of a finding of the report.")
    owner: str | None = Field(default=None, description="Left out: the game day's owner, else whoever asks.")
    priority: Priority | None = Field(default=None, description="Left out: urgent where something was left broken.")


class ReportDesk:
    """Makes reports; makes action items of findings."""

    def __init__(self, engine: Engine, reader: Reader, configuration: ConfigurationSource) -> None:
        self._engine = engine
        self._reader = reader
        self._configuration = configuration

    async def state(self, game_day_id: str) -> GameDayState:
        """A game day as the domain knows it. Rejected when there is none, or it was written by another version."""
        document = (await self._reader.game_day(game_day_id)).document
        return state_of(document)

    async def report(self, game_day_id: str) -> AgedReport:
        """The report as it is now."""
        fresh_for = self._configuration.current().game_day_policy.fresh_for
        return aged_report(await self.state(game_day_id), datetime.now(UTC), fresh_for)

    async def create_item(self, game_day_id: str, wish: FindingItem, by: Actor) -> Made:
        """One action item for one finding, however often it is asked for."""
        state = await self.state(game_day_id)
        finding = _finding(state, wish.finding)
        configuration = self._configuration.current()
        if wish.owner:
            demand_owner(wish.owner, configuration)
        item = NewActionItem(
            incident_id=state.incident_id or state.id,
            title=finding.sentence[:_LONGEST_TITLE],
            owner=wish.owner or owner_of(state, configuration, by),
            done_when=finding.done_when,
            priority=wish.priority or _priority(finding),
            requires_drill=state.name,
        )
        # The same finding of a later run is the same item, for as long as that is not over.
        mark = _mark(finding.key)
        if await self._is_over(mark):
            mark = _mark(f"{finding.key}\0{state.id}")
        incident = _as_incident(state, configuration)
        for suffix in (suffix_from_text(mark, length) for length in _ITEM_SUFFIXES):
            start = start_of(item, incident, configuration, by, f"act-{suffix}", others=0)
            owner = await self._engine.claim(
                "ActionItem", action_item_workflow_id(start.id), start, f"action item {start.id}", mark=mark,
                may_start=True,
            )  # fmt: skip
            if owner in {Owner.NEW, Owner.SAME}:
                return Made(start.id, owner is Owner.NEW)
        raise Transient("no free action item id was found; try again")

    async def items(self, report: GameDayReport) -> dict[str, Document]:
        """The findings that have an action item already, by their keys; none of those that cannot be told now."""
        found: dict[str, Document] = {}
        for finding in report.findings:
            for mark in (_mark(finding.key), _mark(f"{finding.key}\0{report.id}")):
                item = await self._item(mark)
                if item is not None:
                    found[finding.key] = item
        return found

    async def _is_over(self, mark: str) -> bool:
        item = await self._item(mark)
        return item is not None and ActionItemStatus(item["state"]) in FINISHED

    async def _item(self, mark: str) -> Document | None:
        try:
            return (await self._reader.action_item(f"act-{suffix_from_text(mark, _ITEM_SUFFIXES[0])}")).document
        except HotwashError:
            return None


def state_of(document: Document) -> GameDayState:
    """A picture as the domain knows it; Rejected when it is too old to be read."""
    try:
        return GameDayState.model_validate(document)
    except ValidationError as error:
        id_ = document.get("id", "?")
        sentence = f"game day {id_} was recorded by another version of Hotwash, and its report cannot be made"
        raise Rejected(sentence, RejectionKind.CONFLICT) from error


def owner_of(state: GameDayState, configuration: Configuration, by: Actor) -> str:
    """Who answers for what a game day found: its owner, a person of its owner's team, or whoever asks."""
    for name in (*state.roles.get("owner", ()), *state.roles.get("coordinator", ())):
        if name in configuration.people:
            return name
        team = configuration.teams.get(name)
        if team is not None and (team.manager or team.members):
            return team.manager or team.members[0]
    if by.kind is ActorKind.PERSON and by.name in configuration.people:
        return by.name
    raise Rejected("say who owns the action item: neither the game day's owner nor you are a person of hotwash.yaml")


def _mark(about: str) -> str:
    # Not the caller's: the same finding is the same item for everybody.
    return key_mark("game-day-finding", about)


def _finding(state: GameDayState, key: str) -> ReportFinding:
    known = findings(state)
    for each in known:
        if each.key == key:
            return each
    names = ", ".join(each.key for each in known) or "none"
    raise Rejected(f"game day {state.id} has no finding {key[:80]!r}; there are: {names}", RejectionKind.NOT_FOUND)


def _priority(finding: ReportFinding) -> Priority:
    return Priority.URGENT if finding.is_urgent else Priority.NORMAL


def _as_incident(state: GameDayState, configuration: Configuration) -> Document:
    """What an item wants to know of its incident; a finding is real work, so it is no drill."""
    services = [each for each in dict.fromkeys((state.service, *state.targets.services())) if each]
    context = incident_context(configuration, services)
    return {
        "severity": Severity.SEV3.value,
        "services": [each for each in services if each in configuration.services],
        "drill": False,
        "context": context.model_dump(mode="json"),
    }
