"""Insights by mail on the time-skipping engine: sent, or after a day said to be not sent; either way it ends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from activities.insight_mail import InsightMailActivities
from domain.configuration import Configuration
from domain.ids import insight_mail_workflow_id
from domain.insight_mail import InsightMailStart, InsightMailState, InsightMailStatus
from domain.message import DeliveryStatus
from domain.record import ProjectionKind
from domain.timeline import EntryKind, person
from store.opening import open_store
from tests.support.engine import working
from tests.support.recording import Post, Record, delivered
from workflows.insight_mail import InsightMail


class Fixed:
    """`hotwash.yaml` without a word in it."""

    def current(self) -> Configuration:
        """Always the same."""
        return Configuration()


@pytest_asyncio.fixture
async def prepare(tmp_path: Path) -> AsyncIterator[InsightMailActivities]:
    """The real activity over an empty store."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.migrate()
    yield InsightMailActivities(store, Fixed())
    await store.close()


MailNow = Callable[[], Awaitable[InsightMailState]]


@pytest.fixture
def mail_now(
    env: WorkflowEnvironment, task_queue: str, record: Record, post: Post, prepare: InsightMailActivities
) -> MailNow:
    """One mail to ana, from its beginning to its end."""

    async def mail() -> InsightMailState:
        id_ = uuid4().hex[:8]
        start = InsightMailStart(id=id_, days=7, names=("reviews", "maturity"), people=("ana",), by=person("ben"))
        activities = [record.save, post.send, prepare.prepare]
        async with working(env.client, task_queue, workflows=[InsightMail], activities=activities):
            with env.with_time_skipping_disabled():
                handle = await env.client.start_workflow(
                    InsightMail.run, start, id=insight_mail_workflow_id(id_), task_queue=task_queue
                )
                if post.answer is not delivered:
                    await env.fast_forward(handle, timedelta(days=1, minutes=10))
                state: InsightMailState = await handle.result()
        return state

    return mail


async def test_a_mail_is_sent_once_and_kept(mail_now: MailNow, record: Record, post: Post) -> None:
    """The numbers of the moment, each insight with its sentence; the picture says that ana has it."""
    state = await mail_now()
    assert state.state is InsightMailStatus.SENT
    assert [each.status for each in state.deliveries] == [DeliveryStatus.DELIVERED]
    assert state.headlines[0] == "Reviews on time: No review fell due in 7 days."
    assert "## Reviews on time" in state.markdown
    assert "## Load on people" not in state.markdown
    (message,) = post.messages
    assert (message.key, message.people) == (f"{insight_mail_workflow_id(state.id)}/people", ("ana",))
    picture = record.document(ProjectionKind.INSIGHT_MAIL, state.id)
    assert picture is not None
    assert (picture["state"], picture["by"]["name"]) == ("sent", "ben")
    assert datetime.fromisoformat(picture["until"]) <= datetime.now(UTC)


async def test_a_mail_server_that_stays_away_ends_the_waiting_after_a_day(
    mail_now: MailNow, record: Record, post: Post
) -> None:
    """It is said, and kept as not sent; nobody waits for last week's numbers for ever."""
    post.answer = lambda _: DeliveryStatus.PENDING
    state = await mail_now()
    assert state.state is InsightMailStatus.NOT_ALL_SENT
    assert [each.status for each in state.deliveries] == [DeliveryStatus.PENDING]
    assert post.messages == []
    assert "The mail with the insights could not be delivered in time." in record.sentences(kind=EntryKind.TROUBLE)
