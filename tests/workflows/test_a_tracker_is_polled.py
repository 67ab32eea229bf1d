"""The poll of a tracker: every five minutes, at once when a webhook knocks, through an outage, until it is gone."""

from datetime import timedelta
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment

from domain.configuration import Configuration
from domain.tracker import TrackerSyncStart
from tests.support.engine import until, working
from tests.support.trackers.gitlab import GitlabServer
from tests.support.trackers.world import keeping
from workflows.tracker_sync import TrackerSync

MINUTE = timedelta(minutes=1)


async def test_what_is_changed_there_is_told_here(env: WorkflowEnvironment, task_queue: str):
    """Each change once per poll that can see it; an outage delays it and loses nothing."""
    with GitlabServer() as server:
        async with keeping(server) as keeper, working(
            env.client, task_queue, workflows=[TrackerSync], activities=[keeper.activities.poll]
        ):  # fmt: skip
            with env.with_time_skipping_disabled():
                handle = await env.client.start_workflow(
                    TrackerSync.run, TrackerSyncStart(tracker="issues"), id=f"tracker-sync/{uuid4().hex}",
                    task_queue=task_queue,
                )  # fmt: skip
            await until(lambda: _polls(server) == 1, "the first poll")
            assert keeper.told.items == []
            server.add_issue("Probe", "hotwash-item:act-000001", labels=["hotwash"])
            await env.fast_forward(handle, 7 * MINUTE)
            assert keeper.told.items == ["act-000001"]
            # A webhook that does not say whose issue it is: at once, and not in five minutes.
            polls = _polls(server)
            server.add_issue("Limit", "hotwash-item:act-000002", labels=["hotwash"])
            await handle.signal(TrackerSync.look)
            await until(lambda: "act-000002" in keeper.told.items, "the knock is heard")
            assert _polls(server) == polls + 1
            server.is_down = True
            server.add_issue("Alert", "hotwash-item:act-000003", labels=["hotwash"])
            await handle.signal(TrackerSync.look)
            await until(lambda: _polls(server) > polls + 1, "it is asked in vain")
            assert "act-000003" not in keeper.told.items
            server.is_down = False
            await env.fast_forward(handle, 15 * MINUTE)
            assert "act-000003" in keeper.told.items
            # Taken out of hotwash.yaml: the poll ends by itself.
            keeper.fixed.configuration = Configuration()
            await handle.signal(TrackerSync.look)
            await handle.result()


def _polls(server: GitlabServer) -> int:
    return sum("updated_after" in asked.query for asked in server.requests)
