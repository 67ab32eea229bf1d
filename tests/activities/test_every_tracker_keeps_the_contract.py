"""One contract, four trackers: created once, both ways for every field, errors by who must act, no secret said."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.trackers.sync import PollRequest
from domain.tracker import IssueField, IssueFields, IssueState, OutgoingComment, TrackerSyncResult
from tests.support.trackers.jira import JiraServer
from tests.support.trackers.server import TrackerServer
from tests.support.trackers.world import SERVERS, Keeper, keeping

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=sorted(SERVERS))
async def keeper(request: pytest.FixtureRequest) -> AsyncIterator[Keeper]:
    """The real client in front of each vendor's contract server in turn."""
    with SERVERS[request.param]() as server:
        async with keeping(server) as keeper:
            yield keeper


async def refusal(keeper: Keeper, attempt: int = 1) -> ApplicationError:
    """The error of a look that must fail."""
    with pytest.raises(ApplicationError) as refused:
        await keeper.look(attempt)
    assert keeper.server.token not in str(refused.value)
    return refused.value


async def moved(keeper: Keeper, **fields: object) -> TrackerSyncResult:
    """The item changes, and the tracker is told."""
    keeper.ours = keeper.ours.model_copy(update=fields)
    result = await keeper.look()
    keeper.accept(result)
    return result


async def test_an_issue_is_created_once_with_everything(keeper: Keeper):
    """Title, text with its marker, assignee and due date; a second look with the same key finds the first one."""
    result = await keeper.look()
    issue = keeper.server.issues[0]
    assert (issue.title, issue.user) == ("Probe the checkout", keeper.server.alice)
    assert "a probe alerts within a minute" in issue.text
    assert result.issue.fields == keeper.ours
    assert result.issue.item == "act-7k2m9q"
    assert result.issue.url.startswith(("http://", "https://"))
    # The link got lost with its worker: the ledger knows the issue.
    again = await keeper.look()
    assert (again.issue.id, keeper.server.creations) == (result.issue.id, 1)


async def test_a_lost_answer_creates_nothing_twice(keeper: Keeper):
    """The issue was created and nobody heard: it is looked for by its marker among others, on the second page."""
    for number in range(3):
        keeper.server.add_issue(f"another {number}", "no marker", labels=["hotwash"])
    keeper.server.lost_answers, before = 1, keeper.server.creations
    error = await refusal(keeper)
    assert (error.type, error.non_retryable) == ("Transient", False)
    result = await keeper.look(2)
    assert result.issue.item == "act-7k2m9q"
    assert keeper.server.creations == before + 1


async def test_what_was_surely_not_created_is_created_later(keeper: Keeper):
    """A tracker that is away, and one that asks for a pause: nothing is in doubt, and the pause is honoured."""
    keeper.server.limited = 1
    error = await refusal(keeper)
    assert error.next_retry_delay is not None
    assert timedelta(seconds=0.9) <= error.next_retry_delay <= timedelta(seconds=75)
    assert keeper.server.creations == 0
    await keeper.look()
    assert keeper.server.creations == 1


async def test_a_cut_off_attempt_is_followed_by_certainty(keeper: Keeper):
    """Claimed, and nothing there: created where it would have been found, asked of a person where it would not."""
    await keeper.activities._ledger.claim("action-item/act-7k2m9q/tracker/issues/create/1", "tracker:create", None)
    assert (await refusal(keeper)).type == "Transient"
    if keeper.server.kind == "jira":
        error = await refusal(keeper, attempt=4)
        assert (error.type, error.non_retryable) == ("UnknownOutcome", True)
        assert keeper.server.creations == 0
    else:
        await keeper.look(2)
        assert keeper.server.creations == 1


async def test_what_changes_here_is_told(keeper: Keeper):
    """State by state, assignee and date; each is there afterwards, and another look changes nothing."""
    await keeper.created()
    issue = keeper.server.issues[0]
    for state in (IssueState.IN_PROGRESS, IssueState.DONE, IssueState.OPEN, IssueState.NOT_PLANNED, IssueState.DONE):
        await moved(keeper, state=state)
        knows_progress = keeper.server.kind in {"jira", "linear"}
        assert issue.state == ("open" if state is IssueState.IN_PROGRESS and not knows_progress else state.value)
    await moved(keeper, assignee="bob", due_on=date(2027, 2, 26))
    assert issue.user == keeper.server.bob
    version = issue.updated_at
    result = await keeper.look()
    assert result.issue.fields == keeper.ours
    assert (result.taken, issue.updated_at) == ((), version)


async def test_what_people_change_there_is_taken_once(keeper: Keeper):
    """A person closes it, hands it over: each comes back once, and our own change never does."""
    await keeper.created()
    issue = keeper.server.issues[0]
    assert (await keeper.look()).taken == ()
    keeper.server.edit(issue, state="done", user=keeper.server.bob)
    result = await keeper.look()
    assert set(result.taken) == {IssueField.STATE, IssueField.ASSIGNEE}
    assert (result.issue.fields.state, result.issue.fields.assignee) == (IssueState.DONE, "bob")
    keeper.ours = IssueFields(state=IssueState.DONE, assignee="bob", due_on=keeper.ours.due_on)
    keeper.accept(result)
    assert (await keeper.look()).taken == ()
    keeper.server.edit(issue, state="not_planned")
    assert (await keeper.look()).issue.fields.state is IssueState.NOT_PLANNED


async def test_a_stranger_stays_a_stranger(keeper: Keeper):
    """An assignee whom hotwash.yaml does not know is named as the tracker names them."""
    await keeper.created()
    keeper.server.edit(keeper.server.issues[0], user="mallory")
    assert (await keeper.look()).issue.fields.assignee == "@mallory"
    keeper.accept(await keeper.look())
    # One of ours whom the tracker does not know is said to be unsaid, and keeps no other field from it.
    result = await moved(keeper, assignee="mona", state=IssueState.DONE)
    assert "names no user for mona" in result.unsaid["assignee"]
    assert keeper.server.issues[0].state == "done"


async def test_comments_go_both_ways_and_do_not_echo(keeper: Keeper):
    """Ours are there once, also after a lost answer; people's come once each, over several pages."""
    await keeper.created()
    issue = keeper.server.issues[0]
    keeper.link = keeper.link.model_copy(update={"outbox": (OutgoingComment(number=1, text="alice: on it"),)})
    keeper.server.lost_answers = 1
    assert (await refusal(keeper)).type == "Transient"
    result = await keeper.look(2)
    assert (result.sent, result.comments) == ((1,), ())
    keeper.accept(result)
    assert len(issue.comments) == 1
    assert "alice: on it" in issue.comments[0].text
    for number in range(5):
        keeper.server.remark(issue, f"remark {number}")
    result = await keeper.look()
    assert [each.text.strip() for each in result.comments] == [f"remark {number}" for number in range(5)]
    assert {each.author for each in result.comments} == {"Carol"}
    keeper.accept(result)
    assert (await keeper.look()).comments == ()
    keeper.server.remark(issue, "one more")
    assert [each.text.strip() for each in (await keeper.look()).comments] == ["one more"]


async def test_the_poll_finds_what_was_changed(keeper: Keeper):
    """Over several pages, ours alone, and from where it stopped."""
    await keeper.created()
    for number in range(4):
        label = "hotwash-item-act-00000" + str(number)
        keeper.server.add_issue("x", f"hotwash-item:act-00000{number}", labels=["hotwash", label])
    keeper.server.add_issue("somebody else's", "no marker", labels=["hotwash"])
    request = PollRequest(tracker="issues", since=LONG_AGO)
    if keeper.server.kind == "jira":
        request = PollRequest(tracker="issues", since=datetime.now(UTC) - timedelta(minutes=5))
    result = await keeper.in_attempt(1).run(keeper.activities.poll, request)
    assert sorted(keeper.told.items) == ["act-000000", "act-000001", "act-000002", "act-000003", "act-7k2m9q"]
    assert result.told == 5
    assert result.since >= keeper.server.issues[0].created_at - timedelta(seconds=1)
    gone = PollRequest(tracker="another", since=LONG_AGO)
    assert not (await keeper.in_attempt(1).run(keeper.activities.poll, gone)).is_configured


async def test_a_wrong_token_and_a_gone_issue_are_said(keeper: Keeper):
    """By who must act, with how to mend it, and without the token."""
    await keeper.created()
    keeper.fixed.secrets["env:TOKEN"] = "not-the-token"
    error = await refusal(keeper)
    assert (error.type, error.details[0]) == ("Rejected", "unauthenticated")
    keeper.fixed.secrets["env:TOKEN"] = keeper.server.token
    keeper.server.issues.clear()
    error = await refusal(keeper)
    assert (error.type, error.details[0]) == ("Rejected", "not_found")
    keeper.server.is_down = True
    assert (await refusal(keeper)).type == "Transient"


async def test_a_page_on_another_host_is_not_followed():
    """The token goes to its tracker and to nobody else."""
    with SERVERS["github"]() as server:
        async with keeping(server) as keeper:
            request = PollRequest(tracker="issues", since=LONG_AGO)
            answer = server.answer
            server.answer = lambda asked: (*answer(asked)[:2], {"Link": '<http://127.0.0.2:1/x>; rel="next"'})  # type: ignore[method-assign]
            with pytest.raises(ApplicationError, match="another host"):
                await keeper.in_attempt(1).run(keeper.activities.poll, request)


async def test_jira_without_a_way_to_a_state_says_so():
    """The team's own workflow has no transition there: the state is unsaid, the rest is told, a person sees both."""
    with JiraServer() as server:
        async with keeping(server) as keeper:
            await keeper.created()
            server.closed_ways = {"done", "not_planned"}
            result = await moved(keeper, state=IssueState.DONE, assignee="bob")
            assert "no transition to done" in result.unsaid["state"]
            assert (server.issues[0].user, server.issues[0].state) == (server.bob, "open")


async def test_an_index_that_lags_finds_the_issue_in_the_end():
    """Jira's search does not know the new issue yet, then it does: adopted, not created again."""
    with JiraServer() as server:
        async with keeping(server) as keeper:
            server.is_indexed, server.lost_answers = False, 1
            await refusal(keeper)
            assert (await refusal(keeper, attempt=2)).type == "Transient"
            server.is_indexed = True
            assert (await keeper.look(3)).issue.key == "OPS-1"
            assert server.creations == 1


def test_every_vendor_has_a_server():
    """A tracker that is added without its contract would be trusted by nobody."""
    assert sorted(SERVERS) == ["github", "gitlab", "jira", "linear"]
    assert all(issubclass(each, TrackerServer) for each in SERVERS.values())
