"""The Schedule of the operations review on a real engine: as `hotwash.yaml` says, one review a week, time going by."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.operations_review import OperationsReviewActivities
from domain.configuration import Configuration, OperationsReviewSettings, Person
from domain.ids import operations_review_schedule_id, operations_review_workflow_id
from domain.message import Template
from domain.operations_review import OperationsReviewStatus
from domain.operations_review_decisions import week_of
from domain.policy import Policy, WorkingHours
from store.opening import open_store
from tests.support.engine import until, working
from tests.support.recording import Post, Record
from workers.schedules import keep_operations_review
from workflows.operations_review import OperationsReview
from workflows.options import CONTROL_QUEUE

TUESDAYS = Configuration(
    people={"ana": Person(name="Ana")},
    operations_review=OperationsReviewSettings(audience=("ana",), cron="30 8 * * 2"),
    policy=Policy(calendar=WorkingHours(time_zone="Europe/Berlin")),
)


class Fixed:
    """`hotwash.yaml` as it is."""

    def current(self) -> Configuration:
        """Always the same."""
        return TUESDAYS


@pytest_asyncio.fixture
async def prepare(tmp_path: Path) -> AsyncIterator[OperationsReviewActivities]:
    """The real activity over an empty store."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    yield OperationsReviewActivities(store, Fixed())
    await store.close()


async def test_it_is_made_triggered_and_taken_away(
    env: WorkflowEnvironment, client: Client, post: Post, record: Record, prepare: OperationsReviewActivities
) -> None:
    """Tuesdays in Berlin; triggered it is one review and one message, and lapses when nobody meets."""
    await keep_operations_review(client, TUESDAYS)
    await keep_operations_review(client, TUESDAYS)
    schedule = client.get_schedule_handle(operations_review_schedule_id())
    spec = (await schedule.describe()).schedule.spec
    (calendar,) = spec.calendars
    times = [(each.start, each.end) for each in (*calendar.day_of_week, *calendar.hour, *calendar.minute)]
    assert (spec.time_zone_name, times) == ("Europe/Berlin", [(2, 2), (8, 8), (30, 30)])

    week = week_of(datetime.now(UTC))
    activities = [record.save, post.send, prepare.prepare]
    async with working(client, CONTROL_QUEUE, workflows=[OperationsReview], activities=activities):
        with env.with_time_skipping_disabled():
            await schedule.trigger()
            handle = client.get_workflow_handle_for(OperationsReview.run, operations_review_workflow_id(week))
            await until(lambda: len(post.of(Template.OPERATIONS_REVIEW)) == 1, "the message")
            await env.fast_forward(handle, timedelta(days=13, hours=23))
            assert (await handle.query(OperationsReview.view)).state is OperationsReviewStatus.OPEN
            await env.fast_forward(handle, timedelta(hours=2))
            assert (await handle.result()).state is OperationsReviewStatus.LAPSED
    assert [message.key for message in post.of(Template.OPERATIONS_REVIEW)] == [f"operations-review/{week}/people"]

    # Nobody is named any more: it comes no more.
    await keep_operations_review(client, Configuration())
    with pytest.raises(RPCError):
        await schedule.describe()
