"""A game day on the real engine: whatever goes wrong, the target is put right, and the judgement is honest."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.game_day import ActiveDrill, GameDayPhase, GameDayState, MilestoneKind
from domain.game_day_surroundings import RunningGameDay, Surroundings
from domain.lock import BreakLock
from domain.message import Template
from domain.policy import Freeze
from domain.record import ProjectionKind
from domain.timeline import EntryKind
from tests.support.engine import until
from tests.support.game_days import DANA, DOCUMENT, HALT, INCIDENT, Room
from tests.support.recording import Post, Record

PROBE = DOCUMENT["steady_state"][0]


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment, task_queue: str, record: Record, post: Post) -> AsyncIterator[Room]:
    """With both workers."""
    made = Room(env, task_queue, record, post)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(made.control())
        await stack.enter_async_context(made.steps())
        yield made


async def test_the_ordinary_response_passes_the_exercise(room: Room) -> None:
    """Broken, paged, mended by the response: passed, nothing restored a second time, reported, items told."""
    handle = await room.start()
    state = await room.in_effect(handle)
    drill = await handle.query("active_drill", result_type=ActiveDrill)
    assert (drill.workflow_id, drill.service, drill.match) == (handle.id, "shop", {"drillable": "yes"})
    await room.milestone(handle, MilestoneKind.PAGED, state)
    room.target.is_well = True
    end = await room.ended(handle)
    assert (end.verdict, end.restored, end.incident_id) == ("passed", True, INCIDENT)
    assert [result.judgement for result in end.expectations] == ["met", "met"]
    assert room.target.done == ["fault"]
    assert room.target.requests[0].parameters == {"process": "shop"}
    assert [(each.passed, each.game_day) for each in room.items.told] == [(True, "process-dies")]
    assert end.informs == ("act-000001",)
    report = room.post.of(Template.GAME_DAY_REPORT)
    assert [(each.people, each.drill, each.context["verdict"]) for each in report] == [(("dana",), True, "passed")]
    assert await handle.query("active_drill") is None


async def test_every_line_is_in_the_timeline_of_the_drill(room: Room) -> None:
    """Also those from before the incident was declared, in their order; and the last picture is the whole truth."""
    handle = await room.start()
    state = await room.in_effect(handle)
    await room.milestone(handle, MilestoneKind.DECLARED, state)
    await room.milestone(handle, MilestoneKind.PAGED, state)
    room.target.is_well = True
    end = await room.ended(handle)
    lines = room.record.sentences(INCIDENT, EntryKind.GAME_DAY)
    assert lines == room.record.sentences()
    short = [line.split(":")[0].split(" (")[0] for line in lines]
    # The probe may see it before the action has answered.
    assert [*short[:2], *sorted(short[2:5]), *short[5:]] == [
        "Game day 'The process dies' begins", "The fault kill on shop-1 is made",
        "The fault kill on shop-1 has taken effect", "The fault kill on shop-1 was made",
        "The steady state has stopped holding",
        "The steady state holds again", "The fault kill on shop-1 was undone by the response itself",
        "Target restored by the response itself", "Game day passed",
    ]  # fmt: skip
    assert lines[1] == "The fault kill on shop-1 is made: process.kill process=shop"
    picture = room.record.document(ProjectionKind.GAME_DAY, end.id)
    assert picture == end.model_dump(mode="json")


async def test_nothing_is_touched_without_a_steady_state(room: Room) -> None:
    """Refused, and who is told hears it; nobody's action item hears of it."""
    room.target.is_well = False
    end = await room.ended(await room.start())
    assert (end.verdict, room.target.done, room.items.told) == ("refused", [], [])
    assert len(room.post.of(Template.GAME_DAY_REPORT)) == 1


async def test_nothing_is_broken_in_a_freeze(room: Room) -> None:
    """Drills keep to it, too; the reason names the window."""
    now = datetime.now(tz=UTC)
    freeze = Freeze.model_validate({"name": "sale", "from": now - timedelta(days=1), "until": now + timedelta(days=99)})
    end = await room.ended(await room.start(freezes=(freeze,)))
    assert (end.verdict, room.target.done) == ("refused", [])
    assert "the freeze 'sale' is on" in end.reason


def another(phase: GameDayPhase, *, began: timedelta, target: str = "shop-1") -> Surroundings:
    """Another game day that has not ended, so much before or after now."""
    other = RunningGameDay(
        id="other-1", title="Another", phase=phase, started_at=datetime.now(tz=UTC) + began, targets=(target,)
    )
    return Surroundings(game_days=(other,))


async def test_two_game_days_are_never_at_one_target(room: Room) -> None:
    """Refused while another has it, also a later one; an earlier one that is only being checked goes first."""
    for phase, began in (
        (GameDayPhase.WATCHING, timedelta(hours=-1)), (GameDayPhase.VERIFYING, timedelta(hours=1)),
        (GameDayPhase.CHECKING, timedelta(hours=-1)),
    ):  # fmt: skip
        room.world.seen = another(phase, began=began)
        end = await room.ended(await room.start())
        assert (end.verdict, room.target.done) == ("refused", []), phase
        assert "game day other-1 (Another) is at shop-1; two at once prove nothing" in end.reason


async def test_a_game_day_elsewhere_or_without_its_targets_hinders_none(room: Room) -> None:
    """At another target, waiting for its approval, or being checked and later: this one begins."""
    for seen in (
        another(GameDayPhase.WATCHING, began=timedelta(hours=-1), target="shop-2"),
        another(GameDayPhase.AWAITING_APPROVAL, began=timedelta(hours=-1)),
        another(GameDayPhase.CHECKING, began=timedelta(hours=1)),
    ):
        room.world.seen = seen
        handle = await room.start(kind="dry")
        assert (await room.ended(handle)).verdict == "previewed"


async def test_of_two_that_begin_in_the_same_instant_one_has_the_target(room: Room) -> None:
    """The engine's lists show neither to the other: the lock does, before anybody is told; afterwards it is free."""
    handles = [await room.start() for _ in range(5)]
    ran, told = [], []
    for handle in handles:
        await room.until_view(handle, lambda state: state.injected_at is not None or state.verdict is not None)
        state = await handle.query("view", result_type=GameDayState)
        (told if state.verdict else ran).append(handle)
    assert len(ran) == 1
    (first,) = ran
    for handle in told:
        end = await room.ended(handle)
        assert end.verdict == "refused"
        name = first.id.removeprefix("game-day/")
        assert end.reason == f"game day {name} is at shop-1; two at once prove nothing; nothing was touched"
    await room.in_effect(first)
    room.target.is_well = True
    await first.execute_update("halt", HALT)
    assert (await room.ended(first)).verdict == "aborted"
    assert room.target.done.count("fault") == 1
    after = await room.start()
    await room.in_effect(after)
    await after.execute_update("halt", HALT)
    await room.ended(after)


async def test_a_game_day_that_loses_its_target_ends(room: Room) -> None:
    """A person breaks the lock: another game day may come now, so this one undoes what it did."""
    handle = await room.start()
    await room.in_effect(handle)
    lock = room.env.client.get_workflow_handle("lock/drill-target/shop-1")
    await lock.execute_update("break", BreakLock(by=DANA, holder=handle.id, reason="we need it"))
    end = await room.ended(handle)
    assert (end.verdict, room.target.done) == ("aborted", ["fault", "restore"])
    assert "its lock 'drill-target/shop-1' was lost: dana broke it: we need it" in end.reason


async def test_parameters_that_cannot_be_rendered_refuse_it(room: Room) -> None:
    """Instead of leaving it open for ever."""
    end = await room.ended(await room.start(steady_state=[{**PROBE, "with": {"url": "{{ params.no }}"}}]))
    assert (end.verdict, room.target.done) == ("refused", [])


async def test_a_fault_without_effect_is_inconclusive_and_undone(room: Room) -> None:
    """Whatever the response says."""
    room.target.fault_works = False
    end = await room.ended(await room.start(takes_effect_within="2s"))
    assert (end.verdict, room.target.done, room.items.told) == ("inconclusive", ["fault", "restore"], [])


async def test_a_fault_that_fails_is_undone(room: Room) -> None:
    """A refused one at once; one that broke in the middle is watched, and undone as well."""
    room.target.fault_works = False
    room.target.fault_fails = [ApplicationError("no such process", "not_found", type="Rejected", non_retryable=True)]
    refused = await room.ended(await room.start(takes_effect_within="60s"))
    assert (refused.verdict, room.target.done) == ("inconclusive", ["fault", "restore"])
    assert refused.reason.endswith("no such process")
    room.target.fault_works, room.target.fault_fails = True, [ApplicationError("it broke", type="Transient")]
    handle = await room.start()
    assert (await room.in_effect(handle)).faults[0].problem == "it broke"
    await handle.execute_update("halt", HALT)
    assert (await room.ended(handle)).restored is True


async def test_a_halt_undoes_the_fault_at_once(room: Room) -> None:
    """Even while a probe hangs; it is aborted, and the second one who halts hears that it was done."""
    handle = await room.start()
    await room.in_effect(handle)
    room.target.hangs["probe"] = 1
    await until(lambda: room.target.hanging == ["probe"], "a probe hangs")
    state: GameDayState = await handle.execute_update("halt", HALT, result_type=GameDayState)
    assert state.halted == HALT
    end = await room.ended(handle)
    assert (end.verdict, end.restored, room.target.done) == ("aborted", True, ["fault", "restore"])
    assert end.restored_at is not None
    assert end.watched_until is not None
    assert [result.judgement for result in end.expectations] == ["not_observable"] * 2


async def test_a_halt_before_the_fault_prevents_it(room: Room) -> None:
    """Nothing was touched, so nothing is undone."""
    room.target.hangs["probe"] = 1
    handle = await room.start()
    await until(lambda: room.target.hanging == ["probe"], "the first probe hangs")
    await handle.signal("halt", HALT)
    end = await room.ended(handle)
    assert (end.verdict, room.target.done) == ("aborted", [])


async def test_a_halt_while_the_fault_is_made_stops_it_first(room: Room) -> None:
    """A fault that came after its own undoing would stay."""
    room.target.hangs["fault"] = 1
    handle = await room.start()
    await until(lambda: room.target.hanging == ["fault"], "the fault hangs")
    await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    assert (end.verdict, end.restored, room.target.done) == ("aborted", True, ["fault", "restore"])


@pytest.mark.parametrize("when", ["probe", "fault", "effect"])
async def test_a_cancelled_workflow_restores(room: Room, when: str) -> None:
    """Before the fault, in it, and after it; it ends with its report and its verdict like any other."""
    if when != "effect":
        room.target.hangs[when] = 1
    handle = await room.start()
    if when == "effect":
        await room.in_effect(handle)
    else:
        await until(lambda: room.target.hanging == [when], f"the {when} hangs")
    await handle.cancel()
    end = await room.ended(handle)
    assert (end.verdict, room.target.is_well) == ("aborted", True)
    assert "cancelled in the engine" in end.reason
    assert len(room.post.of(Template.GAME_DAY_REPORT)) == 1


async def test_the_fault_is_undone_when_its_time_is_over(room: Room) -> None:
    """The response did nothing: what was not seen is missed, late word does not count, and the target is put right."""
    handle = await room.start(duration="5s")
    end = await room.ended(handle)
    assert (end.verdict, end.restored, room.target.done) == ("failed", True, ["fault", "restore"])
    assert [result.judgement for result in end.expectations] == ["missed", "missed"]
    assert [each.passed for each in room.items.told] == [False]


async def test_a_target_that_cannot_be_restored_is_a_persons_turn(room: Room) -> None:
    """Tried again and again, then failed; the audience, the on-call and who asked hear it as no drill any more."""
    room.target.restore_works = False
    room.target.restore_fails = [ApplicationError("no such target", type="Rejected", non_retryable=True)] * 2
    handle = await room.start(audience=("cleo",), duration="5s")
    end = await room.ended(handle)
    assert (end.verdict, end.restored) == ("failed", False)
    assert room.target.done.count("restore") > 2
    keys = [request.key for request in room.target.requests]
    assert len(set(keys)) == len(keys), "a restore of a round is its own effect"
    [report] = room.post.of(Template.GAME_DAY_REPORT)
    assert (report.people, report.drill) == (("cleo", "olga", "dana"), False)
    assert any("NOT restored" in line for line in room.record.sentences(kind=EntryKind.TROUBLE))


async def test_a_probe_that_cannot_be_asked_is_no_effect(room: Room) -> None:
    """A worker that vanished must not look like a service that did."""
    room.target.fault_works = False
    handle = await room.start(takes_effect_within="2s")
    await until(lambda: room.target.done == ["fault"], "the fault is made")
    room.target.probe_fails = [ApplicationError("interrupted", type="Transient")] * 3
    end = await room.ended(handle)
    assert (end.took_effect_at, end.verdict) == (None, "inconclusive")


@pytest.mark.parametrize("hanging", ["", "fault", "restore"])
async def test_a_killed_worker_leaves_nothing_broken(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, hanging: str
) -> None:
    """All workers end in the middle; the next ones go on from history, restore if need be, and report once."""
    room = Room(env, task_queue, record, post)
    if hanging:
        room.target.hangs[hanging] = 1
    async with room.control(cached=0), room.steps():
        handle = await room.start(duration="1s" if hanging == "restore" else "60s")
        if hanging:
            await until(lambda: room.target.hanging == [hanging], f"the {hanging} hangs")
        else:
            await room.in_effect(handle)
    async with room.control(cached=0), room.steps():
        if hanging == "":
            await handle.execute_update("halt", HALT)
        elif hanging == "fault":
            assert (await room.in_effect(handle)).faults[0].problem != ""
            await handle.execute_update("halt", HALT)
        end = await room.ended(handle)
    assert (end.restored, room.target.is_well, room.target.done.count("fault")) == (True, True, 1)
    assert len(room.post.messages) == 1


async def test_halting_needs_a_reason(room: Room) -> None:
    """Refused with a sentence; a signal without one leaves a line instead."""
    handle = await room.start()
    await room.in_effect(handle)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("halt", HALT.model_copy(update={"reason": ""}))
    assert "must not be empty" in str(refused.value.cause)
    await handle.signal("halt", {"by": {"kind": "person", "name": "x"}})
    await handle.execute_update("halt", HALT)
    await room.ended(handle)
    assert any("'halt' was refused" in line for line in room.record.sentences(kind=EntryKind.TROUBLE))
