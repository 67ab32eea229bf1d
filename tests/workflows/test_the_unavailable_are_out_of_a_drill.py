"""Somebody declared unavailable in a drill, on the real engine: no page, no vote, and back when it is over."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.drills import DrillQuestion
from activities.errors import translated
from domain import ids
from domain.absence import Absence
from domain.configuration import OnCall, OnCallLevel
from domain.errors import Transient
from domain.game_day import ActiveDrill, MilestoneKind
from domain.incident import Acknowledge, IncidentContext, IncidentStart, IncidentState, ObserveDrillEnd
from domain.message import Template
from domain.page import AcknowledgePage, EscalationStart
from domain.run import ObserveDrillEnd as RunHearsDrillEnd
from domain.run import StepStatus
from domain.severity import Severity
from domain.timeline import EntryKind, automation, person
from tests.support.engine import replayer, until, working
from tests.support.game_days import INCIDENT, Room
from tests.support.recording import Post, Record, Runbooks
from tests.support.runs import Runs, refusal, seen, tell, vote
from tests.support.stand_ins import StandInCommsPlan, StandInGameDay, StandInReview
from tests.support.steps import World
from workflows.escalation import Escalation
from workflows.incident import Incident
from workflows.options import STEPS_QUEUE
from workflows.runbook_run import RunbookRun

MINUTE = timedelta(minutes=1)
GAME_DAY = "game-day/process-dies/20261122"
ON_CALL = OnCall(levels=(OnCallLevel(people=("ana",)), OnCallLevel(people=("bo",))))
ASKS = """
steps:
  - {id: yes, approval: {covers: [risky], approvers: [sre], remind_every: 5m, expires_after: 20m}}
  - {id: risky, action: do}
"""


class GameDays:
    """Says who is away, or nothing at all."""

    def __init__(self, *away: str) -> None:
        self.away = list(away)
        self.is_silent = False
        self.asked: list[str] = []

    @activity.defn(name="drills.unavailable")
    @translated
    async def unavailable(self, question: DrillQuestion) -> list[str]:
        """Who is away now."""
        self.asked.append(question.workflow_id)
        if self.is_silent:
            message = "the engine is away"
            raise Transient(message)
        return self.away


def page(incident: str, **changes: Any) -> EscalationStart:
    """A page of a drill: ana for a quarter of an hour, then bo."""
    return EscalationStart(
        id=ids.page_id(incident, 1), incident_id=incident, title="Checkout fails", severity=Severity.SEV3,
        reason="SEV-3 was declared", on_call=ON_CALL, acknowledge_within_seconds=900, repeat_after_seconds=300,
        people=("ana", "bo"), drill=True, game_day_workflow=GAME_DAY, asks_who_is_away=True,
    ).model_copy(update=changes)  # fmt: skip


def paged(post: Post) -> list[str]:
    """Who was paged, in order."""
    return [name for message in post.of(Template.PAGE) for name in message.people]


def an_incident() -> str:
    """An id of its own."""
    return f"inc-20261122-{uuid4().hex[:8]}"


async def test_a_page_passes_over_them_and_their_level_has_its_time(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Ana is away: nobody for 15 minutes, then bo. She is asked about before each level, and back in round two."""
    drill, incident = GameDays("ana"), an_incident()
    doing = [record.save, post.send, drill.unavailable]
    async with working(env.client, task_queue, workflows=[Escalation], activities=doing):
        with env.with_time_skipping_disabled():
            handle = await env.client.start_workflow(
                Escalation.run, page(incident), id=ids.page_workflow_id(incident, 1), task_queue=task_queue
            )
        await until(lambda: len(record.sentences(incident)) == 2, "the lines about level 1")
        assert record.sentences(incident)[1] == (
            "ana is unavailable in this drill and not paged; level 1 has its 15m all the same"
        )
        await env.fast_forward(handle, 14 * MINUTE)
        assert paged(post) == []
        await env.fast_forward(handle, 2 * MINUTE)
        await until(lambda: paged(post) == ["bo"], "bo is paged")
        await handle.signal("acknowledge", AcknowledgePage(by=person("ana")))
        await until(lambda: record.sentences(incident, EntryKind.TROUBLE) != [], "ana's answer is refused")
        drill.away = []
        await env.fast_forward(handle, 20 * MINUTE)
        await until(lambda: paged(post) == ["bo", "ana"], "ana is paged in the second round")
        await handle.signal("acknowledge", AcknowledgePage(by=person("ana")))
        assert (await handle.result()).acknowledged_by == person("ana")
        assert drill.asked == [GAME_DAY] * 3
        await replayer([Escalation]).replay_workflow(await handle.fetch_history())


@pytest.mark.parametrize("what", ["silent", "real"])
async def test_a_doubt_pages_them_and_a_real_incident_never_asks(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, what: str
) -> None:
    """A game day that does not answer is no reason to let anybody sleep."""
    drill, incident = GameDays("ana"), an_incident()
    drill.is_silent = what == "silent"
    start = (
        page(incident)
        if drill.is_silent
        else page(incident, drill=False, game_day_workflow=None, asks_who_is_away=False)
    )
    doing = [record.save, post.send, drill.unavailable]
    async with working(env.client, task_queue, workflows=[Escalation], activities=doing):
        with env.with_time_skipping_disabled():
            handle = await env.client.start_workflow(
                Escalation.run, start, id=ids.page_workflow_id(incident, 1), task_queue=task_queue
            )
        await until(lambda: paged(post) == ["ana"], "ana is paged")
        await handle.signal("acknowledge", AcknowledgePage(by=person("ana")))
        assert (await handle.result()).acknowledged_by == person("ana")
    trouble = record.sentences(incident, EntryKind.TROUBLE)
    assert [line.split(",")[0] for line in trouble] == (
        ["the game day does not say who is unavailable"] if drill.is_silent else []
    )
    assert bool(drill.asked) is drill.is_silent


async def test_the_incident_refuses_them_until_the_game_day_is_over(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """An acknowledgement is refused with a sentence; after the end it counts and stops the page."""
    incident, drill = an_incident(), GameDays("ana")
    start = IncidentStart(
        id=incident, title="Checkout fails", severity=Severity.SEV3, declared_by=automation("triage"), drill=True,
        absence=Absence(people=("ana",), game_day="process-dies", until=datetime.now(UTC) + 60 * MINUTE),
        game_day_workflow=GAME_DAY, context=IncidentContext(people=("ana", "bo"), on_call=ON_CALL),
    )  # fmt: skip
    doing = [record.save, post.send, drill.unavailable, Runbooks().pin]
    shown = [Incident, Escalation, StandInCommsPlan, StandInReview, StandInGameDay]
    async with working(env.client, task_queue, workflows=shown, activities=doing):
        with env.with_time_skipping_disabled():
            handle = await env.client.start_workflow(
                Incident.run, start, id=ids.incident_workflow_id(incident), task_queue=task_queue
            )
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update("acknowledge", Acknowledge(by=person("ana")))
        assert isinstance(refused.value.cause, ApplicationError)
        assert "ana is declared unavailable in the game day 'process-dies'" in refused.value.cause.message
        await handle.signal("observe_drill_end", ObserveDrillEnd(by=automation("game-day")))
        state: IncidentState = await handle.execute_update(
            "acknowledge", Acknowledge(by=person("ana")), result_type=IncidentState
        )
        assert state.acknowledged_at is not None
        pager = env.client.get_workflow_handle(ids.page_workflow_id(incident, 1))
        assert (await pager.result())["acknowledged_by"]["name"] == "ana"
        await replayer([Incident]).replay_workflow(await handle.fetch_history())
        await handle.terminate()


async def test_a_vote_of_theirs_is_refused_in_the_run_and_nobody_asks_for_it(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Asked and reminded are the others; stopping stays everybody's right; after the end the vote counts."""
    world, runs = World(), Runs(env, task_queue)
    absence = Absence(people=("bob",), game_day="process-dies", until=datetime.now(UTC) + 60 * MINUTE)
    async with AsyncExitStack() as stack:
        ours = [*world.activities(), record.save, post.send]
        await stack.enter_async_context(working(env.client, task_queue, workflows=[RunbookRun], activities=ours))
        await stack.enter_async_context(working(env.client, STEPS_QUEUE, workflows=[], activities=world.activities()))
        stack.push_async_callback(runs.close)
        groups = {"sre": ("bob", "carol")}
        handle = await runs.begin(
            ASKS, skipping=False, drill=True, absence=absence, groups=groups, requested_by=person("dana")
        )
        run = await seen(handle, "yes", StepStatus.WAITING)
        await until(lambda: post.of(Template.APPROVAL_REQUEST) != [], "somebody is asked")
        assert {name for each in post.of(Template.APPROVAL_REQUEST) for name in each.people} == {"carol"}
        approval = await handle.query(RunbookRun.approval, f"{run.id}:yes")
        assert approval is not None
        ballot = {"approval_id": approval.id, "decision": "approve", "digest": approval.digest, "groups": ["sre"]}
        assert "bob is declared unavailable" in await refusal(handle, "decide", by="bob", **ballot)
        await tell(handle, "pause", by="bob", reason="this is real")
        assert "takes no part" in await refusal(handle, "resume", by="bob")
        assert "only the game day itself" in await refusal(handle, "observe_drill_end", by="carol")
        await handle.signal("observe_drill_end", RunHearsDrillEnd(by=automation("incident")))
        await tell(handle, "resume", by="bob", reason="it was none")
        await vote(handle, by="bob")
        end = await handle.result()
        assert [(step.path, step.status.value) for step in end.steps] == [("yes", "succeeded"), ("risky", "succeeded")]


async def test_a_game_day_says_who_is_away_and_when_that_ends(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """In its answer to who asks, with the latest end; its incident hears when it is over."""
    room, hears = Room(env, task_queue, record, post), f"{task_queue}-hears"
    # Whoever has the incident's id hears what the incident would.
    stand_in = working(env.client, hears, workflows=[StandInCommsPlan], activities=[])
    async with room.control(), room.steps(), stand_in:
        with env.with_time_skipping_disabled():
            incident = await env.client.start_workflow(
                StandInCommsPlan.run, {}, id=ids.incident_workflow_id(INCIDENT), task_queue=hears
            )
        handle = await room.start(roles={"unavailable": ["ana"]})
        state = await room.in_effect(handle)
        drill = await handle.query("active_drill", result_type=ActiveDrill)
        assert state.injected_at is not None
        assert (drill.unavailable, drill.over_by) == (("ana",), state.injected_at + timedelta(seconds=61))
        await room.milestone(handle, MilestoneKind.PAGED, state)
        room.target.is_well = True
        await room.ended(handle)
        heard = (await incident.query(StandInCommsPlan.seen))["heard"]
        assert [(each["signal"], each["by"]["kind"]) for each in heard] == [("observe_drill_end", "automation")]
        await incident.signal("finish", {})
        await incident.result()
