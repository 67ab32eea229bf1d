"""While the fault is there on the real engine: leases, stop conditions, levers, incidents; and what the end tells."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.steps import CheckResult
from domain.game_day import GameDayState, Milestone, MilestoneKind
from domain.game_day_faults import LeaseAnswer, LeaseStatus
from domain.game_day_surroundings import FiringGroup, OpenIncident, Surroundings
from domain.safety_lever import LeverEngaged, LeverState
from domain.severity import Severity
from domain.timeline import EntryKind, person
from tests.support.engine import until
from tests.support.game_days import DOCUMENT, HALT, LEASED, Room
from tests.support.recording import Post, Record

SLOW = {"id": "slow", "action": "check.promql", "with": {}, "every": "200ms"}
OUTAGE = OpenIncident(id="inc-20261122-aaaa", title="Down", severity=Severity.SEV2, services=("shop",))
LEVER = LeverState(scope="global", engaged=True, by=person("olga"), reason="the sale begins")
REAL = FiringGroup(id="g2", title="DiskFull", labels={"alertname": "DiskFull"})


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Room]:
    """With both workers."""
    made = Room(env, task_queue, record, post)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(made.control())
        await stack.enter_async_context(made.steps())
        yield made


async def met(room: Room, handle: Any) -> None:
    """The response does everything that is expected, and then mends the target."""
    state = await room.in_effect(handle)
    await room.milestone(handle, MilestoneKind.PAGED, state)
    await room.until_view(handle, lambda each: each.broke_at is not None)
    room.target.is_well = True


async def test_a_lease_is_renewed_until_the_fault_is_undone(room: Room) -> None:
    """Three times in its length; then the fault's own undo, and the target shows nothing of it."""
    handle = await room.start(**LEASED)
    await room.in_effect(handle)
    await until(lambda: room.target.renewals >= 2, "it was renewed twice")
    await met(room, handle)
    end = await room.ended(handle)
    [run] = end.faults
    assert (end.verdict, run.state, run.undone_by, run.clean) == ("passed", "undone", "workflow", True), end.reason
    assert (run.effect, run.lease, room.target.done) == ("confirmed", "held", ["fault", "undo"])
    assert end.scores.undo_safety == 100.0


async def test_a_lease_that_ran_out_never_passes(room: Room) -> None:
    """Nobody renewed it while the workers were away: told as it was, and nothing is concluded from the rest."""
    handle = await room.start(**LEASED)
    await room.in_effect(handle)
    room.target.is_frozen = False
    room.target.lease = LeaseAnswer(state=LeaseStatus.REVERTED, by="lease", at=datetime.now(UTC))
    await met(room, handle)
    end = await room.ended(handle)
    [run] = end.faults
    assert (end.verdict, run.undone_by, run.ended_early) == ("inconclusive", "lease", True)
    assert "was reverted" in end.reason
    assert end.scores.undo_safety == 50.0


async def test_what_the_response_has_put_right_is_told_as_its_doing(room: Room) -> None:
    """The fault was gone before the game day came to it, and its lease was still held."""
    handle = await room.start(**LEASED)
    await room.in_effect(handle)
    room.target.is_frozen = False
    await met(room, handle)
    end = await room.ended(handle)
    assert (end.verdict, end.faults[0].undone_by) == ("passed", "response")


async def test_a_fault_that_leaves_traces_fails_the_game_day(room: Room) -> None:
    """However well the service answers."""
    handle = await room.start(**LEASED)
    await met(room, handle)
    room.target.undo_works = False
    end = await room.ended(handle)
    [run] = end.faults
    assert (end.verdict, end.restored, run.state, run.clean) == ("failed", False, "undo_failed", False)
    assert "freeze on shop-1: frozen" in end.reason
    assert end.scores.undo_safety == 0.0


async def test_a_doubt_whether_the_target_is_clean_is_asked_about_again(room: Room) -> None:
    """It is undone once; when the target tells in time that nothing is left, that is as good as at once."""
    handle = await room.start(**LEASED)
    room.target.traces_untold = 2
    await met(room, handle)
    end = await room.ended(handle)
    assert (end.verdict, end.faults[0].clean, room.target.done) == ("passed", True, ["fault", "undo"]), end.reason
    assert (room.target.traces_untold, end.scores.undo_safety) == (0, 100.0)


async def test_a_doubt_whether_the_target_is_clean_never_passes(room: Room) -> None:
    """It ends, and is told as the doubt that it is."""
    handle = await room.start(**LEASED)
    room.target.traces_untold = 10_000
    await met(room, handle)
    end = await room.ended(handle)
    [run] = end.faults
    assert (end.verdict, end.restored, run.state, run.clean) == ("inconclusive", True, "undone", None)
    assert "whether anything of it is left cannot be told: nobody answers; a person should look" in end.reason
    assert (room.target.done, end.scores.undo_safety) == (["fault", "undo"], 50.0)
    assert any("cannot be told" in line for line in room.record.sentences(kind=EntryKind.TROUBLE))


async def test_a_fault_is_not_left_where_nobody_can_see_around_it(room: Room) -> None:
    """The engine does not say whether a real incident is open: told at once, and after a while it counts as one."""
    await room.prepare_locks()
    handle = await room.start(probe_every="5s", expectations=[{"expect": "recover", "within": "50s"}])
    await room.in_effect(handle)
    room.world.fails = [ApplicationError("the engine is away", type="Transient")]
    await room.until_view(handle, lambda each: each.unseen_since is not None)
    assert room.target.done == ["fault"]
    await room.env.fast_forward(handle, timedelta(seconds=40))
    end = await room.ended(handle)
    assert (end.verdict, end.restored, room.target.done) == ("aborted", True, ["fault", "restore"]), end.reason
    assert end.reason.startswith("stopped by missing data: for")
    lines = room.record.sentences()
    assert sum("It cannot be told whether a real incident is open" in line for line in lines) == 1
    assert sum("Stopped by missing data" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (CheckResult(holds=True, detail="0.9", output={"value": 0.9}), "failed"),
        (CheckResult(holds=False, detail="no series", output={"missing": True}), "aborted"),
    ],
)
async def test_a_stop_condition_undoes_the_fault(room: Room, answer: CheckResult, verdict: str) -> None:
    """Met, or without data: the fault is undone at once."""
    handle = await room.start(stop_conditions=[SLOW], **LEASED)
    await room.in_effect(handle)
    room.target.trouble = answer
    end = await room.ended(handle)
    assert (end.verdict, end.restored, room.target.done) == (verdict, True, ["fault", "undo"]), end.reason
    assert end.reason.startswith("stopped by slow")


async def test_an_error_budget_that_runs_low_undoes_the_fault(room: Room) -> None:
    """Held against what has to be left of it; while enough is left, the game day begins and goes on."""
    room.target.trouble = CheckResult(holds=True, detail="0.4", output={"value": 0.4})
    budget = {"prometheus": "main", "query": "budget_left", "at_least": 0.2}
    handle = await room.start(stop_conditions=[{"id": "budget", "error_budget": budget, "every": "200ms"}], **LEASED)
    state = await room.until_view(handle, lambda each: each.stop_conditions[0].asked > 1 if each.faults else False)
    assert (state.stopped, state.verdict) == (None, None)
    room.target.trouble = CheckResult(holds=False, detail="0.1 left", output={"value": 0.1})
    end = await room.ended(handle)
    assert (end.restored, room.target.done) == (True, ["fault", "undo"])
    assert end.reason.startswith("stopped by budget: 0.1 left")


async def test_missing_data_goes_on_where_the_document_says_so(room: Room) -> None:
    """And a condition that needs several in a row waits for them."""
    handle = await room.start(stop_conditions=[{**SLOW, "on_no_data": "go_on", "times": 3}])
    await room.in_effect(handle)
    room.target.trouble = CheckResult(holds=None, detail="away", output={})
    state = await room.until_view(handle, lambda each: each.stop_conditions[0].asked > 5)
    assert (state.stopped, state.stop_conditions[0].detail) == (None, "no data: away")
    room.target.trouble = CheckResult(holds=True, detail="0.9", output={"value": 0.9})
    end = await room.ended(handle)
    assert (end.stopped is not None, end.stop_conditions[0].in_row) == (True, 3)


@pytest.mark.parametrize("scope", ["global", "staging"])
async def test_an_engaged_lever_undoes_the_fault(room: Room, scope: str) -> None:
    """By its signal, in a moment; another environment's lever changes nothing."""
    handle = await room.start(**LEASED)
    await room.in_effect(handle)
    await handle.signal("lever_engaged", LeverEngaged(scope="production", by=person("olga"), reason="no"))
    await handle.signal("lever_engaged", LeverEngaged(scope=scope, by=person("olga"), reason="the sale begins"))
    end = await room.ended(handle)
    assert (end.verdict, end.restored, room.target.done) == ("aborted", True, ["fault", "undo"])
    assert "the sale begins" in end.reason


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Surroundings(levers=(LEVER,)), "the safety lever (global) is engaged: the sale begins"),
        (Surroundings(incidents=(OUTAGE,)), "inc-20261122-aaaa (SEV-2, Down) was declared"),
        (Surroundings(alerts=(REAL,)), "stopped by disk: DiskFull fires"),
    ],
)
async def test_what_goes_on_around_it_ends_it(room: Room, seen: Surroundings, words: str) -> None:
    """A lever of which no signal came, a real incident on a target's service, an alarm that it names."""
    handle = await room.start(stop_conditions=[{"id": "disk", "alarm": {"alertname": "DiskFull"}}])
    await room.in_effect(handle)
    room.world.seen = seen
    end = await room.ended(handle)
    assert (end.restored, room.target.done) == (True, ["fault", "restore"])
    assert words in end.reason


async def test_other_alerts_and_the_wrong_person_are_noticed(room: Room) -> None:
    """What fired besides, and a page that went to somebody else; with the alert's own times as evidence."""
    expected = [
        {"expect": "detect", "within": "30s"}, {"expect": "route", "within": "2s", "to": ["sre"]},
        {"expect": "no_other_alerts"},
    ]  # fmt: skip
    handle = await room.start(expectations=expected, duration="10s")
    state = await room.in_effect(handle)
    at = state.took_effect_at
    assert at is not None
    detected = Milestone(
        kind=MilestoneKind.DETECTED, at=at, alert_started_at=at - timedelta(seconds=1), alert_received_at=at
    )
    await handle.signal("observe_milestone", detected)
    await handle.signal("observe_milestone", Milestone(kind=MilestoneKind.PAGED, at=at, people=("bob",)))
    room.world.seen = Surroundings(alerts=(REAL.model_copy(update={"firing_since": at}),))
    end = await room.ended(handle)
    sheet = {each.expectation.value: each for each in end.expectations}
    assert (sheet["detect"].judgement, sheet["detect"].alert_received_at) == ("met", at)
    assert (sheet["route"].judgement, sheet["route"].to) == ("missed", ("olga",))
    assert (sheet["no_other_alerts"].judgement, end.verdict) == ("missed", "failed")
    assert "DiskFull" in sheet["no_other_alerts"].evidence


async def test_faults_follow_each_other_one_target_after_the_other(room: Room) -> None:
    """The second begins once the first was made and undone; nothing is made twice."""
    kill = DOCUMENT["faults"][0]
    faults = [{**kill, "duration": "1s"}, {**kill, "id": "again", "start_after": ["kill"], "duration": "1s"}]
    handle = await room.start(faults=faults, duration="20s")
    end = await room.ended(handle)
    first, second = end.faults
    assert first.undone_at is not None
    assert second.asked_at is not None
    assert second.asked_at >= first.undone_at
    assert (first.state, second.state, room.target.done) == ("undone", "undone", ["fault", "restore"] * 2)


async def test_the_end_is_compared_with_the_last_time(room: Room) -> None:
    """Better or worse, in words; a record that is away is said so and changes nothing."""
    room.world.last = {
        "id": "process-dies-1", "verdict": "failed", "finished_at": "2026-11-01T00:00:00Z", "scores": {"response": 0.0},
        "expectations": [{"expectation": "page", "judgement": "missed"}],
    }  # fmt: skip
    handle = await room.start()
    await met(room, handle)
    end: GameDayState = await room.ended(handle)
    said = {each.what: (each.before, each.now, each.is_better) for each in end.difference.changes}
    assert said["verdict"] == ("failed", "passed", True)
    assert said["page"] == ("missed", "met", True)
    assert said["response"] == ("0.0", "100.0", True)
    assert end.difference.last_id == "process-dies-1"


async def test_a_halt_while_a_probe_of_the_fault_hangs_is_obeyed(room: Room) -> None:
    """The undo does not wait for it."""
    handle = await room.start(**LEASED)
    await room.in_effect(handle)
    room.target.hangs["probe"] = 1
    await until(lambda: room.target.hanging == ["probe"], "a probe hangs")
    await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    assert (end.verdict, room.target.done) == ("aborted", ["fault", "undo"])


async def test_a_fault_that_broke_half_way_is_undone(room: Room) -> None:
    """It left something behind although it failed."""
    room.target.fault_fails = [ApplicationError("it broke", type="Transient")]
    handle = await room.start(**LEASED)
    await room.in_effect(handle)
    await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    assert (end.faults[0].problem, end.faults[0].clean, room.target.is_frozen) == ("it broke", True, False)


RPO = {"action": "check.promql", "with": {}, "path": "value", "at_most": 5, "unit": "orders"}


@pytest.mark.parametrize(
    ("output", "lost", "verdict", "words"),
    [
        ({"value": 3}, 3, "passed", "every expectation was met"),
        ({"value": 8.5}, 8.5, "failed", "8.5 orders were lost, the RPO is 5"),
        ({"value": None}, None, "failed", "what was lost could not be told: its answer has no number at value: so"),
        ({"value": float("nan")}, None, "failed", "what was lost could not be told"),
        ({"value": True}, None, "failed", "what was lost could not be told"),
        ({}, None, "failed", "what was lost could not be told"),
    ],
)
async def test_what_was_lost_is_measured_once_the_target_is_right_again(
    room: Room, output: dict[str, Any], lost: float | None, verdict: str, words: str
) -> None:
    """The RPO is judged by the answer of a check; an answer without a number is no pass. So is the RTO."""
    room.target.trouble = CheckResult(holds=False, detail="so", output=output)
    handle = await room.start(recovery={"rto": "40s", "rpo": RPO})
    await met(room, handle)
    end = await room.ended(handle)
    assert (end.verdict, end.rpo, end.rpo_limit, end.rpo_unit) == (verdict, lost, 5, "orders")
    assert words in end.reason
    assert end.rto_seconds is not None
    assert 0 < end.rto_seconds <= 40
