"""Before anything is touched on the real engine: targets, levers, real incidents, alerts, injectors, approval, word."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.steps import CheckResult
from domain.drill_targets import DrillWindow, GameDayPolicy, HouseRules, ResolvedTarget
from domain.game_day import GameDayState, PreflightCheck
from domain.game_day_surroundings import FiringGroup, OpenIncident, Surroundings
from domain.ids import game_day_approval_id
from domain.message import Template
from domain.policy import Freeze
from domain.record import ProjectionKind
from domain.run import ApprovalState, DecideApproval, Verdict
from domain.safety_lever import LeverState
from domain.severity import Severity
from domain.timeline import person
from tests.support.engine import until
from tests.support.game_days import HALT, LEASED, SHOP, Room
from tests.support.recording import Post, Record

LEVER = LeverState(scope="global", engaged=True, by=person("olga"), reason="the sale begins")
OUTAGE = OpenIncident(id="inc-20261122-aaaa", title="Down", severity=Severity.SEV2, services=("shop",))
OTHER = OpenIncident(id="inc-20261122-bbbb", title="Down", severity=Severity.SEV1, services=("search",))
MILD = OUTAGE.model_copy(update={"severity": Severity.SEV4})
MILD_ELSEWHERE = MILD.model_copy(update={"services": ("search",)})
FIRES = FiringGroup(id="g", title="ShopDown", labels={"drillable": "yes"}, service="shop")
SLOW = {"id": "slow", "action": "check.promql", "with": {}}
NEVER = GameDayPolicy(windows=(DrillWindow(weekdays=(0,), opens="00:00", closes="00:01"),))
SALE = Freeze.model_validate({"name": "sale", "from": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"})
MONDAY = datetime.now(UTC).weekday() == 0 and datetime.now(UTC).hour == 0


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Room]:
    """With both workers."""
    made = Room(env, task_queue, record, post)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(made.control())
        await stack.enter_async_context(made.steps())
        yield made


async def refused(room: Room, **start: Any) -> str:
    """Why it was refused, with nothing touched."""
    end = await room.ended(await room.start(**start))
    assert (end.verdict, room.target.done, end.injected_at) == ("refused", [], None), end.reason
    assert end.reason.endswith("nothing was touched")
    return end.reason


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Surroundings(levers=(LEVER,)), "the safety lever (global) is engaged by olga: the sale begins"),
        (Surroundings(incidents=(OTHER, OUTAGE)), "inc-20261122-aaaa (SEV-2, Down) is a real incident"),
        (Surroundings(incidents=(MILD,)), "inc-20261122-aaaa (SEV-4, Down) is a real incident"),
        (Surroundings(alerts=(FIRES,)), "what is to be detected fires already: ShopDown"),
        (Surroundings(alerts=(FIRES,), alerts_untold="too many"), "what is to be detected fires already: ShopDown"),
        (Surroundings(alerts_untold="too many"), "it cannot be told whether it fires already: too many"),
    ],
)
async def test_what_goes_on_around_it_keeps_it_from_beginning(room: Room, seen: Surroundings, words: str) -> None:
    """A lever, a real incident on a target's service, the very alert that is to be detected."""
    room.world.seen = seen
    assert words in await refused(room)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"id": "full", "alarm": {"alertname": "DiskFull"}}, "stop condition 'full': it is met already: DiskFull"),
        (
            {"id": "real", "real_incident": {"severity": "SEV-1", "services": ["search"]}},
            "stop condition 'real': it is met already: inc-20261122-bbbb: Down",
        ),
    ],
)
async def test_a_stop_condition_of_our_own_that_is_met_already_lets_none_begin(
    room: Room, condition: dict[str, Any], words: str
) -> None:
    """An alarm that fires and an incident that is open would end the game day as soon as its fault was there."""
    full = FiringGroup(id="g3", title="DiskFull", labels={"alertname": "DiskFull"})
    room.world.seen = Surroundings(incidents=(OTHER,), alerts=(full,))
    assert words in await refused(room, stop_conditions=[condition])


async def test_what_cannot_be_told_keeps_it_from_beginning(room: Room) -> None:
    """An engine that does not list incidents is no sign that there are none."""
    room.world.fails = [ApplicationError("the engine is away", type="Transient")]
    assert "cannot be told whether a real incident is open" in await refused(room)


async def test_incidents_elsewhere_and_mild_ones_do_not_matter(room: Room) -> None:
    """A SEV-1 of another service, a SEV-4 there; and of this one a SEV-4 that was declared when it was under way."""
    room.world.seen = Surroundings(incidents=(OTHER, MILD_ELSEWHERE))
    handle = await room.start()
    await room.in_effect(handle)
    looks = room.world.looks
    room.world.seen = Surroundings(incidents=(OTHER, MILD))
    await until(lambda: room.world.looks > looks + 1, "somebody looked again")
    assert (await handle.query("view", result_type=GameDayState)).stopped is None
    await handle.execute_update("halt", HALT)
    assert (await room.ended(handle)).verdict == "aborted"


async def test_a_silenced_alert_is_found_before_the_fault(room: Room) -> None:
    """The Alertmanager is asked, and its answer is told."""
    room.world.paths = [PreflightCheck(name="alerts", holds=False, detail="the alert is silenced (deploy)")]
    policy = GameDayPolicy(alertmanagers=("http://127.0.0.1:9093",))
    assert "the alert is silenced (deploy)" in await refused(room, policy=policy)


async def test_an_injector_that_does_not_work_here_is_found_before_the_fault(room: Room) -> None:
    """With the sentence that says how to mend it."""
    room.target.capable = CheckResult(holds=False, detail="install stress-ng", output={})
    assert "process.freeze on shop-1: install stress-ng" in await refused(room, **LEASED)


async def test_an_undo_that_cannot_run_is_found_before_the_fault(room: Room) -> None:
    """Its action is asked whether it knows its target; afterwards it would be too late."""
    room.target.undo_refuses = "no release target is called 'shop'; define it under actions.releases in hotwash.yaml"
    said = await refused(room)
    assert "the undo of kill on shop-1 cannot run: no release target is called 'shop'; define it under" in said


async def test_an_undo_that_nobody_answers_for_is_not_relied_on(room: Room) -> None:
    """Its check fails: whether the undo can run is not known, so nothing is broken."""
    room.target.undo_fails = [ApplicationError("the supervisor is away", type="Transient")]
    assert "the undo of kill on shop-1 cannot run: the supervisor is away" in await refused(room)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CheckResult(holds=True, detail="0.9 of 0.5", output={"value": 0.9}), "'slow': it is met already: 0.9 of 0.5"),
        (CheckResult(holds=None, detail="no answer", output={}), "'slow': its source does not answer: no answer"),
        (CheckResult(holds=False, detail="no series", output={"missing": True}), "its source does not answer"),
    ],
)
async def test_a_stop_condition_has_to_answer_first(room: Room, answer: CheckResult, words: str) -> None:
    """One that is met already, or that never answers, would make the game day end at once or never."""
    room.target.trouble = answer
    assert words in await refused(room, stop_conditions=[SLOW])


async def test_an_error_budget_that_is_used_up_lets_none_begin(room: Room) -> None:
    """Too little is left of it already."""
    room.target.trouble = CheckResult(holds=False, detail="0.1 left", output={"value": 0.1})
    budget = {"prometheus": "main", "query": "budget_left", "at_least": 0.2}
    said = await refused(room, stop_conditions=[{"id": "budget", "error_budget": budget}])
    assert "stop condition 'budget': it is met already: 0.1 left" in said


@pytest.mark.skipif(MONDAY, reason="the one minute in which the window is open")
async def test_faults_are_made_in_their_windows_only(room: Room) -> None:
    """Where the policy has any."""
    assert "it is outside the windows of game_day_policy" in await refused(room, policy=NEVER)


async def test_a_dry_run_touches_nothing_and_shows_everything(room: Room) -> None:
    """The targets, and every answer; it is no pass, so nobody's action item hears of it."""
    end = await room.ended(await room.start(kind="dry", stop_conditions=[SLOW], **LEASED))
    assert (end.verdict, room.target.done, room.items.told) == ("previewed", [], [])
    assert [each.name for each in end.targets.all()] == ["shop-1"]
    assert {each.name: each.holds for each in end.preflight} == {
        "calendar": True, "surroundings": True, "alerts": True, "injector of freeze on shop-1": True,
        "stop condition slow": True, "steady state": True,
    }  # fmt: skip
    assert [run.state for run in end.faults] == ["skipped"]


async def waiting(room: Room, **start: Any) -> tuple[Any, ApprovalState]:
    """A game day that waits for its approval."""
    asked = {"required": True, "approvers": ["sre"]}
    handle = await room.start(approval=asked, **start)
    state = await room.until_view(handle, lambda each: each.approval is not None)
    assert state.approval is not None
    assert (state.phase, room.target.done) == ("awaiting_approval", [])
    return handle, state.approval


def yes(approval: ApprovalState, **changes: Any) -> DecideApproval:
    """Olga agrees."""
    vote = DecideApproval(
        by=person("olga"), approval_id=approval.id, decision=Verdict.APPROVE, digest=approval.digest, groups=("sre",)
    )
    return vote.model_copy(update=changes)


async def test_the_exact_targets_are_approved_by_digest(room: Room) -> None:
    """Shown with everything that will be done; votes keep the rules of runbooks; then it is held."""
    handle, approval = await waiting(room)
    assert approval.id == game_day_approval_id(approval.run_id)
    [step] = approval.shown["steps"]
    assert (step["path"], step["action"], step["with"]) == ("fault/kill/shop-1", "process.kill", {"process": "shop"})
    assert approval.shown["targets"]["service"][0]["name"] == "shop-1"
    for wrong in ({"by": person("dana")}, {"groups": ()}, {"digest": "sha256:other"}, {"approval_id": "game-day~x"}):
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("decide", yes(approval, **wrong))
    counted: ApprovalState = await handle.execute_update("decide", yes(approval), result_type=ApprovalState)
    assert counted.state == "approved"
    state = await room.in_effect(handle)
    assert state.approval is not None
    await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    assert (end.verdict, room.target.done) == ("aborted", ["fault", "restore"])
    picture = room.record.document(ProjectionKind.APPROVAL, approval.id)
    assert (picture["state"], picture["votes"][0]["by"]["name"]) == ("approved", "olga")
    assert [each.people for each in room.post.of(Template.APPROVAL_REQUEST)] == [("olga",)]


async def test_targets_that_changed_after_the_approval_are_refused(room: Room) -> None:
    """`hotwash.yaml` says something else now: what was approved is not what would be done."""
    handle, approval = await waiting(room)
    room.world.targets = (ResolvedTarget(name="shop-2", service="shop", environment="staging", with_=SHOP.with_),)
    await handle.execute_update("decide", yes(approval))
    end = await room.ended(handle)
    assert (end.verdict, room.target.done) == ("refused", [])
    assert "have changed since they were approved" in end.reason


@pytest.mark.parametrize("how", ["rejected", "expired", "halted"])
async def test_without_a_yes_nothing_is_touched(room: Room, how: str) -> None:
    """A no, no answer in time, and somebody who halts it all the same."""
    handle, approval = await waiting(room)
    if how == "rejected":
        await handle.execute_update("decide", yes(approval, decision=Verdict.REJECT, comment="not today"))
    elif how == "halted":
        await handle.execute_update("halt", HALT)
    else:
        await room.env.fast_forward(handle, timedelta(minutes=59))
        assert (await handle.query("view", result_type=GameDayState)).verdict is None
        reminders = [each.key for each in room.post.of(Template.APPROVAL_REQUEST)]
        assert len(reminders) == 4, "every quarter of an hour"
        await room.env.fast_forward(handle, timedelta(minutes=2))
    end = await room.ended(handle)
    assert (end.verdict, room.target.done) == ("aborted" if how == "halted" else "refused", [])
    assert room.record.document(ProjectionKind.APPROVAL, approval.id)["state"] != "pending"


@pytest.mark.parametrize(("kind", "told"), [("live", {"olga", "cleo", "bob"}), ("unannounced", {"olga", "bob"})])
async def test_people_hear_of_it_beforehand_unless_it_is_unannounced(room: Room, kind: str, told: set[str]) -> None:
    """Then only who plays it hears."""
    roles = {"game_master": "olga", "observers": ["bob"]}
    handle = await room.start(kind=kind, roles=roles, announce={"audience": ["cleo"], "message": "Please watch"})
    await room.in_effect(handle)
    await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    [message] = room.post.of(Template.GAME_DAY_ANNOUNCEMENT)
    assert (set(message.people), message.drill, message.context["text"]) == (told, True, "Please watch")
    assert set(end.announced_to) == told


def _change(room: Room, what: str) -> None:
    if what == "lever":
        room.world.seen = Surroundings(levers=(LEVER,))
    elif what == "alert":
        room.world.seen = Surroundings(alerts=(FIRES,))
    elif what == "silence":
        room.world.paths = [PreflightCheck(name="alerts", holds=False, detail="the alert is silenced (deploy)")]
    elif what == "steady state":
        room.target.is_well = False
    elif what == "injector":
        room.target.capable = CheckResult(holds=False, detail="install stress-ng", output={})
    elif what == "stop condition":
        room.target.trouble = CheckResult(holds=True, detail="0.9", output={"value": 0.9})
    else:
        room.world.targets = (SHOP.model_copy(update={"with_": {"process": "shop-b"}}),)


async def _announced(room: Room, **changes: Any) -> Any:
    """A game day that gives people an hour."""
    await room.prepare_locks()
    handle = await room.start(announce={"audience": ["cleo"], "ahead": "1h"}, **changes)
    await room.until_view(handle, lambda each: each.announced_at is not None or each.verdict is not None)
    await until(lambda: len(room.post.of(Template.GAME_DAY_ANNOUNCEMENT)) == 1, "it was announced")
    return handle


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("lever", "the safety lever (global) is engaged"),
        ("alert", "what is to be detected fires already: ShopDown"),
        ("silence", "the alert is silenced (deploy)"),
        ("steady state", "the steady state does not hold (503)"),
        ("injector", "process.freeze on shop-1: install stress-ng"),
        ("stop condition", "stop condition 'slow': it is met already: 0.9"),
        ("targets", "have changed since they were announced"),
    ],
)
async def test_what_changed_while_people_were_given_time_is_looked_at_again(room: Room, what: str, words: str) -> None:
    """Everything that was asked before the announcement is asked before the fault, too; it may be hours old."""
    policy = GameDayPolicy(alertmanagers=("http://127.0.0.1:9093",))
    handle = await _announced(room, policy=policy, stop_conditions=[SLOW], **LEASED)
    _change(room, what)
    await room.env.fast_forward(handle, timedelta(minutes=61))
    end = await room.ended(handle)
    assert (end.verdict, end.injected_at, room.target.done) == ("refused", None, [])
    assert words in end.reason
    assert end.reason.endswith("nothing was touched")


async def test_what_needs_an_approval_by_the_end_of_the_announcement_is_asked_about(room: Room) -> None:
    """The rules of now count: people are asked, and their time before the fault is not given twice."""
    handle = await _announced(room)
    asks = HouseRules(policy=GameDayPolicy(environments_needing_approval=("staging",)), groups={"sre": ("olga",)})
    room.world.house_rules = asks
    await room.env.fast_forward(handle, timedelta(minutes=61))
    state = await room.until_view(handle, lambda each: each.approval is not None or each.verdict is not None)
    assert (state.phase, room.target.done) == ("awaiting_approval", []), state.reason
    assert state.approval is not None
    await handle.execute_update("decide", yes(state.approval))
    await room.in_effect(handle)
    await handle.execute_update("halt", HALT)
    await room.ended(handle)
    assert len(room.post.of(Template.GAME_DAY_ANNOUNCEMENT)) == 1


@pytest.mark.parametrize(
    ("rules", "words"),
    [(HouseRules(freezes=(SALE,)), "the freeze 'sale' is on"), (HouseRules(policy=NEVER), "outside the windows")],
)
async def test_the_rules_of_now_count_and_not_those_that_a_schedule_holds(
    room: Room, rules: HouseRules, words: str
) -> None:
    """A freeze and a window that were written after the schedule was."""
    assert words in await refused(room, rules=rules)


async def test_an_environment_that_needs_an_approval_by_now_is_asked_about(room: Room) -> None:
    """A freeze that is written while people think it over keeps it from beginning after their yes."""
    asks = HouseRules(policy=GameDayPolicy(environments_needing_approval=("staging",)), groups={"sre": ("olga",)})
    handle = await room.start(rules=asks)
    state = await room.until_view(handle, lambda each: each.approval is not None or each.verdict is not None)
    assert state.approval is not None, state.reason
    room.world.house_rules = asks.model_copy(update={"freezes": (SALE,)})
    vote = DecideApproval(
        by=person("olga"), approval_id=state.approval.id, decision=Verdict.APPROVE, digest=state.approval.digest,
        groups=("sre",),
    )  # fmt: skip
    await handle.execute_update("decide", vote)
    end = await room.ended(handle)
    assert (end.verdict, "the freeze 'sale' is on" in end.reason, room.target.done) == ("refused", True, [])
