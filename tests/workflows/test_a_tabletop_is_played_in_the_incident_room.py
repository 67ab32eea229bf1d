"""A tabletop on the real engine: injects come in time, deeds are measured, the game master has the word."""

from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from domain.game_day import GameDayState
from domain.message import Template
from domain.record import ProjectionKind
from domain.tabletop import InjectRun, TabletopPart
from domain.timeline import EntryKind
from tests.support.engine import replayer
from tests.support.recording import Post, Record
from tests.support.tabletops import WORKFLOWS, a_table
from workflows.incident import Incident

MINUTE = timedelta(minutes=1)


def part(state: GameDayState) -> TabletopPart:
    """What it knows as a tabletop."""
    assert state.tabletop is not None
    return state.tabletop


def out(state: GameDayState) -> list[str]:
    """The injects that are out."""
    return [each.id for each in part(state).injects if each.delivered_at is not None]


async def test_injects_come_at_their_times_and_deeds_are_measured(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """In time is met, later is late, what never came is missed; the game master's mark needs a reason and ends it."""
    async with a_table(env, task_queue, record, post) as table:
        await table.until(lambda s: out(s) == ["page"], "the first inject")
        await table.pass_time(2 * MINUTE)
        await table.do("alice", "offer_role", role="commander", person="alice")
        await table.deeds(1)
        await table.pass_time(10 * MINUTE)
        await table.do("bob", "post_update", audience="internal", text="We look.", next_update_within=1800)
        state = await table.deeds(2)
        assert [(each.key, each.state) for each in part(state).wanted] == [("page/1", "met"), ("page/2", "late")]
        assert part(state).wanted[0].evidence.startswith("alice")
        await table.pass_time(7 * MINUTE)
        assert out(await table.state()) == ["page"]
        await table.pass_time(2 * MINUTE)
        assert out(await table.until(lambda s: len(out(s)) == 2, "the second inject")) == ["page", "boss"]
        assert "boss/1 not marked yet" in await table.refusal("end")
        await table.say("mark", key="boss/1", is_met=True, reason="She was offered a quarter of an hour")
        end = await table.say("end", debrief="Say it aloud sooner")
        assert (end.verdict, end.reason) == ("failed", "2 of 4 expectations met, 1 late, 1 missed")
        assert {each.rule: each.held for each in part(end).practice}["R01"] is True
        result = await table.handle.result()
    assert result.finished_at == end.finished_at
    picture = record.document(ProjectionKind.GAME_DAY, end.id)
    assert picture is not None
    assert (picture["kind"], picture["incident_id"]) == ("tabletop", table.incident_id)
    assert post.of(Template.PAGE) == [], "somebody is on call, and is not woken by a story"
    assert any("carla would be paged" in line for line in record.sentences(table.incident_id))


async def test_players_see_the_inject_and_nothing_of_what_is_wanted(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """A line of the drill's timeline and a message to the role; clue, wishes and solution stay with the master."""
    async with a_table(env, task_queue, record, post) as table:
        await table.until(lambda s: out(s) == ["page"], "the first inject")
        await table.do("bob", "acknowledge")
        await table.deeds(1)
        await table.say("next")
        await table.say("end", debrief="short")
        await table.handle.result()
        incident = await table.incident.result()
    assert (incident.drill, incident.status) == (True, "cancelled")
    lines = record.timeline(table.incident_id)
    said = " ".join(f"{each.summary} {each.details}" for each in lines)
    assert "Inject. Alertmanager: 4 % errors (What now?)" in said
    assert not any(secret in said for secret in ("worse than it says", "got a place", "it was the release"))
    sent = post.of(Template.TABLETOP_INJECT)
    assert [(each.people, each.drill) for each in sent] == [(("alice", "bob"), True), (("bob",), True)]
    assert not any(secret in str(sent) for secret in ("worse than it says", "got a place"))
    assert post.of(Template.PAGE) == []


async def test_the_game_master_skips_ahead_stands_still_and_improvises(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Time that was skipped brings the rest nearer; time that stood still does not count against anybody."""
    more: list[dict[str, object]] = [
        {"id": "one", "at": "10m", "text": "one", "expected": [{"expect": "impact", "within": "5m"}]},
        {"id": "two", "at": "30m", "text": "two"},
    ]
    async with a_table(env, task_queue, record, post, injects=more) as table:
        state = await table.say("next")
        assert (out(state), part(state).injects[0].was_skipped_to) == (["one"], True)
        await table.say("stop_clock", reason="a real incident")
        await table.pass_time(60 * MINUTE)
        assert out(await table.state()) == ["one"]
        await table.say("start_clock")
        await table.pass_time(2 * MINUTE)
        await table.do("alice", "change_impact", customers_affected=11)
        state = await table.deeds(1)
        assert part(state).wanted[0].state == "met"
        state = await table.say("inject", text="The lights go out", sender="Caretaker", to=["alice"])
        improvised: InjectRun = part(state).injects[-1]
        assert (improvised.id, improvised.is_improvised) == ("improvised-1", True)
        await table.say("answer", text="No, the generator is not running")
        await table.pass_time(18.5 * MINUTE)
        assert "two" in out(await table.until(lambda s: "two" in out(s), "the last inject"))
        assert "every inject of the script is out" in await table.refusal("next")
        end = await table.say("end")
        assert (end.verdict, len(part(end).spoken)) == ("passed", 1)
        await table.handle.result()
    assert "Game master: No, the generator is not running" in record.sentences(table.incident_id, EntryKind.GAME_DAY)


REFUSED: list[tuple[str, str, dict[str, object], str]] = [
    ("next", "alice", {}, "olga is the game master here; ask them"),
    (
        "mark",
        "olga",
        {"key": "no/1", "is_met": True, "reason": "x"},
        "there is no 'no/1' to mark; there is nothing yet",
    ),
    ("mark", "olga", {"key": "page/1", "is_met": True, "reason": "x"}, "page/1 is measured on the incident"),
    ("inject", "olga", {"text": ""}, "should have at least 1 character"),
]


async def test_what_does_not_fit_is_refused_with_a_sentence(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Nothing changes; anybody may halt it all the same."""
    async with a_table(env, task_queue, record, post) as table:
        before = await table.until(lambda s: out(s) == ["page"], "the first inject")
        for command, by, body, sentence in REFUSED:
            assert sentence in await table.refusal(command, by, **body)
        assert await table.state() == before
        await table.say("halt", "alice", reason="enough")
        assert (await table.handle.result()).verdict == "aborted"


async def test_nothing_is_run_in_a_tabletop(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Whoever would start a runbook says so; it is a line and counts, and no run begins."""
    wish = [{"id": "one", "at": "0m", "text": "one", "expected": [{"expect": "runbook", "within": "5m"}]}]
    async with a_table(env, task_queue, record, post, injects=wish) as table:
        await table.until(lambda s: out(s) == ["one"], "the inject")
        await table.do("alice", "start_run", runbook="roll-back")
        state = await table.deeds(1)
        assert part(state).wanted[0].state == "met"
        incident = await table.incident.query(Incident.view)
        assert incident.runs == ()
        await table.say("end")
        await table.incident.result()
    assert any("nothing is run" in line for line in record.sentences(table.incident_id, EntryKind.RUN))


async def test_it_is_over_when_its_time_is_over_and_its_history_replays(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post
) -> None:
    """Nobody comes back from lunch: judged all the same, reported, and its history still replays; uncached too."""
    async with a_table(env, task_queue, record, post, cached=0) as table:
        await table.until(lambda s: out(s) == ["page"], "the first inject")
        await table.pass_time(61 * MINUTE)
        end = await table.handle.result()
        history = await table.handle.fetch_history()
    assert (end.verdict, out(end)) == ("failed", ["page", "boss"])
    assert {each.key: each.state for each in part(end).wanted}["boss/1"] == "not_judged"
    assert [each.people for each in post.of(Template.GAME_DAY_REPORT)] == [("olga", "alice", "bob")]
    await replayer(WORKFLOWS).replay_workflow(history)
