"""Everything that is asked before anything is touched; each question gets an answer that people can read.

The one thing to know: all of it is asked at once and all of it is told, so that a person mends everything in one go.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from domain import game_day_decisions as decisions
from domain.drill_targets import needs_approval, open_window
from domain.freeze import active_freeze
from domain.game_day import Expectation, GameDayKind, PreflightCheck
from domain.game_day_surroundings import (
    RunningGameDay,
    Surroundings,
    alert_in_the_way,
    expected_alerts,
    game_day_in_the_way,
    incident_at_the_start,
)
from domain.run import ApprovalStatus
from domain.safety_lever_decisions import sentence as lever_sentence
from runbooks.game_day_parts import BEFORE
from workflows.game_days import approving, preparing, standing, stopping
from workflows.game_days.desk import DrillDesk, sentence_of
from workflows.options import ASK_BRIEFLY, QUESTION_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.drill_surroundings import AlertPaths, AskRules, LookAround, SurroundingsActivities

# Two lists and a round of queries one after the other, each of which the engine may take 3 s for.
_LOOKS_FOR = timedelta(seconds=8)


async def check(desk: DrillDesk) -> None:
    """CHECKING: prepare, ask everything, decide."""
    await _look(desk, _asked_at(desk))


async def check_again(desk: DrillDesk) -> None:
    """ANNOUNCING: the same once more, when people had their time: what was in order hours ago need not be so now."""
    await _look(desk, workflow.now())


async def _look(desk: DrillDesk, asked_at: datetime) -> None:
    refused = await _take_rules(desk) or _not_now(desk, ())
    if refused is not None:
        desk.adopt(decisions.refuse(desk.state, refused, workflow.now()))
        return
    try:
        prepared = await preparing.prepare(desk)
    except FailureError as error:
        problem = sentence_of(error)
        if "{{ target." in problem:
            problem += " (what a target has stands under its `with` in drill_targets of hotwash.yaml)"
        refused = f"its targets or parameters do not fit: {problem}"
        desk.adopt(decisions.refuse(desk.state, refused, workflow.now(), check="targets"))
        return
    if not prepared.faults:
        # Every selection may be empty where the document says `on_empty: skip`; then nothing at all would be shown.
        names = ", ".join(sorted({repr(fault.targets) for fault in desk.start.document.faults}))
        refused = f"targets {names} choose nothing, so there is no fault to make"
        desk.adopt(decisions.refuse(desk.state, refused, workflow.now(), check="targets"))
        return
    changed = decisions.is_as_approved(desk.state, prepared.digest)
    preparing.adopt(desk, prepared)
    if changed is not None:
        desk.adopt(decisions.refuse(desk.state, changed, workflow.now()))
        return
    await standing.grant(desk)
    checks = await _unless_halted(desk)
    wanted = needs_approval(desk.start.policy, prepared.targets.environments()) or desk.start.document.approval.required
    if wanted and desk.state.approval is None and desk.state.kind is not GameDayKind.DRY:
        before = await standing.approved_before(desk, prepared)
        if before is not None:
            approving.adopt_standing(desk, before)
    desk.adopt(decisions.checked(desk.state, checks, workflow.now(), asked_at, approval_wanted=wanted))


async def look_around(desk: DrillDesk, *, alerts: bool = True, within: timedelta | None = None) -> Surroundings | str:
    """What goes on around the targets now; a sentence when it cannot be told, or not `within` this time."""
    request = LookAround(game_day=workflow.info().workflow_id, environments=_environments(desk), alerts=alerts)
    try:
        return await workflow.execute_activity_method(
            SurroundingsActivities.look_around,
            request,
            start_to_close_timeout=_LOOKS_FOR,
            schedule_to_close_timeout=within,
            retry_policy=ASK_BRIEFLY,
        )
    except ActivityError as error:
        return sentence_of(error)


def _in_the_way(desk: DrillDesk, seen: Surroundings) -> str | None:
    """A lever, a real incident or another game day that keeps this one from beginning."""
    if seen.levers:
        return lever_sentence(seen.levers[0])
    incident = incident_at_the_start(seen.incidents, services_of(desk))
    if incident is not None:
        return f"{incident.id} ({incident.severity.value}, {incident.title}) is a real incident on a target's service"
    return _other_in_the_way(desk, seen)


def services_of(desk: DrillDesk) -> tuple[str, ...]:
    """The services that the game day is about."""
    own = (desk.state.service,) if desk.state.service else ()
    return tuple(dict.fromkeys((*own, *desk.state.targets.services())))


def _other_in_the_way(desk: DrillDesk, seen: Surroundings) -> str | None:
    """Another game day on one of the same targets, to which this one has to give way."""
    state = desk.state
    targets = tuple(each.name for each in state.targets.all())
    mine = RunningGameDay(id=state.id, phase=state.phase, started_at=state.started_at, targets=targets)
    other = game_day_in_the_way(seen.game_days, mine)
    if other is None:
        return None
    shared = ", ".join(sorted(set(other.targets) & set(targets)))
    return f"game day {other.id} ({other.title}) is at {shared}; two at once prove nothing"


def _environments(desk: DrillDesk) -> tuple[str, ...]:
    own = (desk.state.environment,) if desk.state.environment else ()
    return tuple(dict.fromkeys((*own, *desk.state.targets.environments())))


def _asked_at(desk: DrillDesk) -> datetime:
    approval = desk.state.approval
    if approval is not None and approval.decided_at is not None and approval.state is ApprovalStatus.APPROVED:
        return approval.decided_at
    return desk.state.started_at


async def _take_rules(desk: DrillDesk) -> str | None:
    """From now on the rules of now count: a freeze may have been written since the schedule was; else why not."""
    try:
        rules = await workflow.execute_activity_method(
            SurroundingsActivities.rules,
            AskRules(owner=desk.start.document.owner, service=desk.start.document.service),
            start_to_close_timeout=QUESTION_TIMEOUT,
            retry_policy=ASK_BRIEFLY,
        )
    except ActivityError as error:
        return f"it cannot be told which rules are in force: {sentence_of(error)}"
    desk.start = desk.start.model_copy(update={name: getattr(rules, name) for name in type(rules).model_fields})
    return None


def _not_now(desk: DrillDesk, services: tuple[str, ...]) -> str | None:
    """A freeze, or no window."""
    own = (desk.state.service,) if desk.state.service else ()
    freeze = active_freeze(desk.start.freezes, (*own, *services), workflow.now())
    if freeze is not None:
        return f"the freeze {freeze.name!r} is on"
    if not open_window(desk.start.policy.windows, desk.start.time_zone, workflow.now()):
        return f"it is outside the windows of game_day_policy ({desk.start.time_zone})"
    return None


async def _unless_halted(desk: DrillDesk) -> list[PreflightCheck]:
    """All answers; a halt does not wait for a question that hangs."""
    asking = asyncio.create_task(_all(desk))
    await workflow.wait_condition(lambda: asking.done() or desk.state.halted is not None)
    if asking.done():
        return asking.result()
    asking.cancel()
    return []


async def _all(desk: DrillDesk) -> list[PreflightCheck]:
    frozen = _not_now(desk, services_of(desk))
    calendar = PreflightCheck(name="calendar", holds=frozen is None, detail=frozen or "no freeze, and a window is open")
    answers = await asyncio.gather(
        _around(desk),
        _alert_paths(desk),
        _injectors(desk),
        _undos(desk),
        stopping.asked_before(desk),
        _steady_state(desk),
    )
    return [calendar, *(each for group in answers for each in group)]


async def _around(desk: DrillDesk) -> list[PreflightCheck]:
    seen = await look_around(desk)
    if isinstance(seen, str):
        problem = f"it cannot be told whether a real incident is open or the safety lever engaged: {seen}"
        return [PreflightCheck(name="surroundings", holds=None, detail=problem)]
    problem = _in_the_way(desk, seen) or ""
    document = desk.start.document
    firing = alert_in_the_way(seen.alerts, document.match, document.service)
    already = f"what is to be detected fires already: {firing.title or firing.id}" if firing else ""
    untold = f"it cannot be told whether it fires already: {seen.alerts_untold}" if seen.alerts_untold else ""
    fires_not = None if untold else True
    return [
        PreflightCheck(
            name="surroundings", holds=not problem, detail=problem or "no real incident, and no safety lever engaged"
        ),
        PreflightCheck(
            name="alerts",
            holds=False if already else fires_not,
            detail=already or untold or "what is to be detected does not fire",
        ),
        *stopping.seen_before(desk, seen, services_of(desk)),
    ]


async def _alert_paths(desk: DrillDesk) -> list[PreflightCheck]:
    if not desk.start.policy.alertmanagers:
        return []
    document = desk.start.document
    wanted = [each.alert for each in document.expectations if each.expect is Expectation.DETECT]
    request = AlertPaths(
        alertmanagers=desk.start.policy.alertmanagers,
        alerts=expected_alerts(document.match, wanted),
        until=(desk.state.announced_at or workflow.now()) + document.announce.ahead + document.duration,
    )
    try:
        return await workflow.execute_activity_method(
            SurroundingsActivities.alert_paths,
            request,
            start_to_close_timeout=QUESTION_TIMEOUT * 3,
            retry_policy=ASK_BRIEFLY,
        )
    except ActivityError as error:
        return [PreflightCheck(name="alerts", holds=None, detail=sentence_of(error))]


async def _injectors(desk: DrillDesk) -> list[PreflightCheck]:
    runs = [run for run in desk.state.faults if run.is_leased]
    answers = await asyncio.gather(*(desk.capability(f"fault/{run.key}", f"fault/{run.key}") for run in runs))
    for run, answer in zip(runs, answers, strict=True):
        # The lease will be a file of that machine, so everything else about the fault is asked there.
        desk.adopt_fault(run.model_copy(update={"machine": answer.machine}))
    return [
        PreflightCheck(
            name=f"injector of {run.name}", holds=answer.holds, detail=f"{run.action} on {run.target}: {answer.detail}"
        )
        for run, answer in zip(runs, answers, strict=True)
    ]


async def _undos(desk: DrillDesk) -> list[PreflightCheck]:
    """An undo that its own action refuses (no such target, say) is found while there is nothing to undo yet.

    So is one that nobody answers for. A check that cannot tell has answered: its target is known.
    """
    runs = [run for run in desk.state.faults if _can_be_asked(desk, f"undo/{run.key}")]
    answers = await asyncio.gather(*(desk.check(f"undo/{run.key}", f"undo/{run.key}/asked") for run in runs))
    return [
        PreflightCheck(
            name=f"undo of {run.name}",
            holds=None if answer.is_missing else not answer.is_refused,
            detail=f"the undo of {run.name} cannot run: {answer.detail}"
            if answer.is_refused or answer.is_missing
            else "its target is known",
        )
        for run, answer in zip(runs, answers, strict=True)
    ]


def _can_be_asked(desk: DrillDesk, call: str) -> bool:
    written = desk.calls.get(call)
    spec = desk.start.actions.get(written.action) if written is not None else None
    return spec is not None and spec.has_check


async def _steady_state(desk: DrillDesk) -> list[PreflightCheck]:
    seen = await desk.ask_probes(*(mode.value for mode in BEFORE))
    return [PreflightCheck(name="steady state", holds=seen.holds, detail=seen.detail)]
