"""What a game day asks before and while it breaks something: targets, levers, real incidents, alerts, the last run.

Called by `workflows/game_days/` on the control queue. Everything here only reads, but `halt_all`, which the safety
lever uses. The one thing to know: what cannot be told raises Transient, and the game day takes that for a no.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from temporalio import activity

from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from activities.errors import translated
from activities.ports import ConfigurationSource
from domain.drill_targets import Chosen, HouseRules, TargetSelection, resolve
from domain.errors import Transient, UnknownOutcome
from domain.game_day import PreflightCheck
from domain.game_day_decisions import answerable
from domain.game_day_surroundings import AlertsSeen, OpenIncident, RunningGameDay, Surroundings, silences_in_the_way
from domain.model import Model
from domain.safety_lever import GLOBAL, LeverEngaged, LeverState
from domain.standing_approval import StandingAnswer, StandingState

# An Alertmanager answers in milliseconds; one that takes longer cannot deliver the alert either.
_ALERTMANAGER_SECONDS = 5.0
_OK = 200


class ChooseTargets(Model):
    """Selections as rendered."""

    selections: dict[str, TargetSelection]
    environment: str | None = None
    # Draws the same ones of several each time it is asked.
    seed: str


class AskRules(Model):
    """For whose game day, and which service."""

    owner: str
    service: str | None = None


class LookAround(Model):
    """Whose surroundings."""

    # Workflow id of the game day that asks.
    game_day: str
    environments: tuple[str, ...] = ()
    # Whether anybody wants to know which alerts fire.
    alerts: bool = True


class AskStanding(Model):
    """Whose standing approval, and where its targets are."""

    name: str
    environments: tuple[str, ...] = ()
    # For which time of its schedule the engine began the run, and when; None: no schedule did.
    scheduled_at: datetime | None = None
    begun_at: datetime | None = None


class AlertPaths(Model):
    """The alerts that are expected, each by what is known of its labels."""

    alertmanagers: tuple[str, ...]
    alerts: tuple[dict[str, str], ...]
    # When the game day is over at the latest; a silence that begins before that is in its way.
    until: datetime | None = None


class LastRun(Model):
    """The picture of the run before."""

    name: str
    besides: str


class HaltAll(Model):
    """What the safety lever tells."""

    news: LeverEngaged


class EngineSurroundings(Protocol):
    """What the engine knows; `activities/clients/drill_surroundings.py` is the real one. Raises Transient."""

    async def incidents(self) -> Sequence[OpenIncident]:
        """Real incidents that people are responding to."""

    async def alert_groups(self) -> AlertsSeen:
        """Alert groups in which something fires; those of which it cannot be told are no reason to raise."""

    async def game_days(self, besides: str) -> Sequence[RunningGameDay]:
        """Game days that have not ended, but for the one of this workflow."""

    async def lever(self, scope: str) -> LeverState | None:
        """How a safety lever stands; None when nobody ever touched it."""

    async def standing(self, name: str) -> StandingState | None:
        """The standing approval of a game day; None when there never was one."""

    async def begun_by_schedule(self, name: str, at: datetime, begun_at: datetime) -> bool:
        """Whether the schedule of a game day began it then by itself; False when somebody triggered it."""

    async def halt_all(self, news: LeverEngaged) -> Sequence[str]:
        """Tell every running game day; returns the ids of those that heard it."""


class GameDayRecord(Protocol):
    """What the store knows."""

    async def last(self, name: str, besides: str) -> dict[str, Any] | None:
        """The newest picture of a game day of that name that has ended. Raises Transient when the store is away."""


class SurroundingsActivities:
    """Looking around."""

    def __init__(
        self, configuration: ConfigurationSource, engine: EngineSurroundings, record: GameDayRecord, http: HttpCaller
    ) -> None:
        self._configuration = configuration
        self._engine = engine
        self._record = record
        self._http = http

    @activity.defn(name="drills.choose")
    @translated
    async def choose(self, request: ChooseTargets) -> Chosen:
        """The targets that are meant, as `hotwash.yaml` has them now. Rejected with why one may not be touched."""
        current = self._configuration.current()
        return resolve(
            request.selections, current.drill_targets, current.game_day_policy, request.environment, request.seed
        )

    @activity.defn(name="drills.rules")
    async def rules(self, request: AskRules) -> HouseRules:
        """Windows, freezes, approvals and people as they are now: a schedule holds those of when it was written."""
        current = self._configuration.current()
        return HouseRules(
            policy=current.game_day_policy,
            freezes=current.policy.freezes,
            time_zone=current.policy.calendar.time_zone,
            groups=current.people_by_name(),
            answerable=answerable(current, request.owner, request.service),
        )

    @activity.defn(name="drills.look_around")
    @translated
    async def look_around(self, request: LookAround) -> Surroundings:
        """Levers, real incidents and firing alerts, now."""
        scopes = (GLOBAL, *request.environments)
        # In a storm the alerts take the longest, and nothing else waits for them.
        groups, incidents, game_days, levers = await asyncio.gather(
            self._engine.alert_groups() if request.alerts else _nobody_asks(),
            self._engine.incidents(),
            self._engine.game_days(besides=request.game_day),
            asyncio.gather(*(self._engine.lever(scope) for scope in scopes)),
        )
        return Surroundings(
            levers=tuple(lever for lever in levers if lever is not None and lever.engaged),
            incidents=tuple(incidents),
            alerts=tuple(group for group in groups.groups if group.game_day_workflow != request.game_day),
            alerts_untold=groups.untold,
            game_days=tuple(game_days),
        )

    @activity.defn(name="drills.standing")
    @translated
    async def standing(self, request: AskStanding) -> StandingAnswer:
        """The standing approval of a game day, when a lever for it was last moved, and whether the run was due."""
        state = await self._engine.standing(request.name)
        levers = [await self._engine.lever(scope) for scope in (GLOBAL, *request.environments)]
        moved = [lever.changed_at for lever in levers if lever is not None and lever.changed_at is not None]
        due = False
        if request.scheduled_at is not None and request.begun_at is not None:
            due = await self._engine.begun_by_schedule(request.name, request.scheduled_at, request.begun_at)
        return StandingAnswer(state=state, lever_moved_at=max(moved, default=None), is_due=due)

    @activity.defn(name="drills.alert_paths")
    @translated
    async def alert_paths(self, request: AlertPaths) -> list[PreflightCheck]:
        """Whether the expected alert would be heard: not silenced, and not firing already. One answer per server."""
        return [await self._alert_path(base.rstrip("/"), request) for base in request.alertmanagers]

    @activity.defn(name="drills.last_run")
    @translated
    async def last_run(self, request: LastRun) -> dict[str, Any] | None:
        """The newest picture of a run of that name that has ended."""
        return await self._record.last(request.name, request.besides)

    @activity.defn(name="drills.halt_all")
    @translated
    async def halt_all(self, request: HaltAll) -> list[str]:
        """Tell every running game day that a safety lever was engaged; telling twice is telling once."""
        return list(await self._engine.halt_all(request.news))

    async def _alert_path(self, base: str, request: AlertPaths) -> PreflightCheck:
        name = f"alerts at {base}"
        try:
            silences = await self._get(f"{base}/api/v2/silences")
            found = [await self._get(f"{base}/api/v2/alerts?{_filters(labels)}") for labels in request.alerts]
        except (Transient, UnknownOutcome) as error:
            return PreflightCheck(name=name, holds=None, detail=f"the Alertmanager does not answer: {error.sentence}")
        muted = [each for labels in request.alerts for each in silences_in_the_way(silences, labels, request.until)]
        if muted:
            which = ", ".join(dict.fromkeys(muted))
            sentence = f"the alert is silenced ({which}): nobody would hear of the fault; end the silence"
            return PreflightCheck(name=name, holds=False, detail=sentence)
        alerts = {str(each.get("labels", {}).get("alertname", "an alert")) for listed in found for each in listed}
        if alerts:
            firing = ", ".join(sorted(alerts))
            return PreflightCheck(name=name, holds=False, detail=f"what is to be detected fires already: {firing}")
        return PreflightCheck(name=name, holds=True, detail="not silenced, not firing")

    async def _get(self, url: str) -> list[dict[str, Any]]:
        call = HttpCall("GET", url, {"Accept": "application/json"}, timeout_seconds=_ALERTMANAGER_SECONDS)
        return _listed(await self._http.call(call), url)


async def _nobody_asks() -> AlertsSeen:
    return AlertsSeen(untold="nobody asked")


def _filters(labels: Mapping[str, str]) -> str:
    """As Alertmanager writes matchers."""
    written = [
        f"{key}=~{json.dumps(value[1:])}" if value.startswith("~") else f"{key}={json.dumps(value)}"
        for key, value in labels.items()
    ]
    return urlencode([("filter", each) for each in written])


def _listed(answer: HttpAnswer, url: str) -> list[dict[str, Any]]:
    where = url.split("?", maxsplit=1)[0]
    if answer.status != _OK or answer.truncated:
        raise Transient(f"{where} answered {'with too much' if answer.truncated else answer.status}")
    try:
        found = json.loads(answer.body)
    except ValueError:
        raise Transient(f"{where} answered with something that is not JSON") from None
    if not isinstance(found, list):
        raise Transient(f"{where} answered with something that is no list")
    return [each for each in found if isinstance(each, dict)]
