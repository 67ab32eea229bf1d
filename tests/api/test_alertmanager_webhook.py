"""The webhook for Alertmanager: what it takes, what it refuses and how, and that a yes means stored."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from api.errors import install_error_handlers
from api.webhooks.routes import LONGEST_BODY, webhook_router
from domain.alert import AlertGroupState
from domain.configuration import Configuration
from domain.errors import Rejected
from domain.ids import alert_group_workflow_id
from tests.support.alertmanager import alert, body
from tests.support.engine import TEMPORAL, search_attribute_keys, working
from tests.support.ports import a_free_port
from tests.support.recording import Directory, Drills, Record
from workflows.alert_group import AlertGroup
from workflows.options import CONTROL_QUEUE

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "s3cret"
CONFIGURATION = {
    "services": {"shop": {"name": "Shop"}},
    "integrations": {"alertmanager": {"secret": "env:ALERTMANAGER"}},
    "routes": [{"name": "shop", "match": {"service": "shop"}, "service": "shop", "threshold": {"count": 1_000_000}}],
}


class FixedSecrets:
    """One secret under every reference, or none."""

    def __init__(self, value: str | None = SECRET) -> None:
        self._value = value

    def resolve(self, reference: str) -> str:
        """The value."""
        if self._value is None:
            message = f"{reference} is not set"
            raise Rejected(message)
        return self._value


def application(engine: Client, configuration: dict[str, Any] | None = None, secret: str | None = SECRET) -> FastAPI:
    """The API with this router only."""
    read = Configuration.model_validate(configuration or CONFIGURATION)
    app = FastAPI()
    app.state.engine = engine
    app.state.configuration = SimpleNamespace(current=lambda: read)
    app.state.secrets = FixedSecrets(secret)
    app.include_router(webhook_router())
    install_error_handlers(app)
    return app


@asynccontextmanager
async def caller(app: FastAPI, token: str | None = SECRET) -> AsyncIterator[httpx.AsyncClient]:
    """A sender."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hotwash", headers=headers) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Client]:
    """A real engine, without any worker."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(TEMPORAL),
        search_attributes=search_attribute_keys(),
    ) as environment:
        yield environment.client


# --- stored, then answered ---


async def test_a_yes_means_stored_even_with_no_worker_and_the_worker_that_comes_finds_it(engine: Client):
    """202 with nobody working; an hour or a second later a worker finds every alert."""
    record, drills, directory = Record(), Drills(), Directory()
    async with caller(application(engine)) as sender:
        answers = [await sender.post("/webhooks/alertmanager", json=body(alert(), alert("Slow"))) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["accepted"] == 2
    (group_id,) = answers[0].json()["groups"]
    activities = [record.save, drills.find, directory.incident_context]
    async with working(engine, CONTROL_QUEUE, workflows=[AlertGroup], activities=activities):
        handle = engine.get_workflow_handle_for(AlertGroup.run, alert_group_workflow_id(group_id))
        state: AlertGroupState = await handle.query(AlertGroup.view)
    assert (state.firing, state.count, len(state.alerts)) == (2, 4, 2)
    assert state.reason == "below_count"


async def test_ten_thousand_alerts_are_all_stored(engine: Client):
    """In signals that the engine likes; the group knows every one of them."""
    alerts = [alert(f"A{n}") | {"startsAt": None, "generatorURL": ""} for n in range(10_000)]
    content = json.dumps(body(*alerts, groupLabels={"service": "shop", "batch": "large"})).encode()
    assert len(content) < LONGEST_BODY
    async with caller(application(engine)) as sender:
        answer = await sender.post("/webhooks/alertmanager", content=content)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 10_000
    handle = engine.get_workflow_handle(alert_group_workflow_id(answer.json()["groups"][0]))
    sizes = [
        sum(len(payload.data) for payload in event.workflow_execution_signaled_event_attributes.input.payloads)
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert max(sizes) < 200_000
    record, drills, directory = Record(), Drills(), Directory()
    activities = [record.save, drills.find, directory.incident_context]
    async with working(engine, CONTROL_QUEUE, workflows=[AlertGroup], activities=activities):
        state = AlertGroupState.model_validate(await handle.query("view"))
    assert (state.firing, state.count) == (10_000, 10_000)
    assert state.left_out == 10_000 - len(state.alerts)


async def test_when_the_engine_is_away_the_sender_is_told_to_come_again():
    """503, which every sender repeats; no trace, no hanging."""
    lazy = await Client.connect(f"127.0.0.1:{a_free_port()}", lazy=True, data_converter=pydantic_data_converter)
    async with caller(application(lazy)) as sender:
        answer = await sender.post("/webhooks/alertmanager", json=body(alert()))
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "send them again" in answer.json()["detail"]


# --- who may ---


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer s3cre",
        "Bearer s3crets",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"hotwash:wrong").decode(),
        "Digest s3cret",
        "s3cret",
    ],
)
async def test_without_the_secret_nothing_gets_in(engine: Client, authorization: str | None):
    """A sentence and 401, before the body is looked at."""
    async with caller(application(engine), token=None) as sender:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await sender.post("/webhooks/alertmanager", content=b"not json", headers=headers)
    assert answer.status_code == 401
    assert "alertmanager" in answer.json()["detail"]
    assert SECRET not in answer.text


async def test_the_secret_may_come_as_basic_auth_password(engine: Client):
    """Alertmanager's http_config knows both."""
    token = base64.b64encode(f"anybody:{SECRET}".encode()).decode()
    async with caller(application(engine), token=None) as sender:
        answer = await sender.post(
            "/webhooks/alertmanager", json=body(alert()), headers={"Authorization": f"Basic {token}"}
        )
    assert answer.status_code == 202


@pytest.mark.parametrize(("configuration", "secret"), [({}, SECRET), (CONFIGURATION, None), (CONFIGURATION, "")])
async def test_no_integration_or_no_secret_means_closed(
    engine: Client, configuration: dict[str, Any], secret: str | None
):
    """An empty secret opens nothing, and the reference is nobody's business."""
    async with caller(application(engine, {"organization": "x", **configuration}, secret), token=SECRET) as sender:
        answer = await sender.post("/webhooks/alertmanager", json=body(alert()))
        empty = await sender.post("/webhooks/alertmanager", json=body(), headers={"Authorization": "Bearer "})
    assert (answer.status_code, empty.status_code) == (401, 401)
    assert "ALERTMANAGER" not in answer.text


async def test_an_unknown_sender_is_not_found(engine: Client):
    """With the names there are."""
    async with caller(application(engine)) as sender:
        answer = await sender.post("/webhooks/carrier-pigeon", json=body(alert()))
    assert answer.status_code == 404
    assert "alertmanager" in answer.json()["detail"]


# --- what is refused, and with which words ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"not json", "not JSON"),
        (b'{"alerts": [', "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\x80", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"groupKey": ' + b"9" * 5000 + b', "alerts": []}', "number"),
        (b"null", "null"),
        (b"[]", "a list"),
        (b'"text"', "a text"),
        (b"{}", "alerts is missing"),
        (b'{"title": "not ours"}', "alerts is missing"),
        (b'{"alerts": {}}', "alerts is an object"),
        (b'{"alerts": [1]}', "alerts[0] is a number"),
        (b'{"alerts": [{}]}', "alerts[0].labels is missing"),
        (b'{"alerts": [{"labels": []}]}', "alerts[0].labels is a list"),
        (b'{"alerts": [{"labels": {"a": {}}}]}', "alerts[0].labels.a is an object"),
        (b'{"alerts": [{"labels": {}, "annotations": "x"}]}', "alerts[0].annotations is a text"),
        (b'{"alerts": [{"labels": {}, "status": "melting"}]}', "firing or resolved"),
        (b'{"alerts": [{"labels": {}, "startsAt": 5}]}', "alerts[0].startsAt is a number"),
        (b'{"alerts": [{"labels": {}, "endsAt": "soon"}]}', "'soon' is not a time"),
        (b'{"alerts": [], "truncatedAlerts": -1}', "truncatedAlerts"),
        (b'{"alerts": [], "groupLabels": 7}', "groupLabels is a number"),
    ],
)
async def test_what_is_not_alertmanagers_is_refused_by_name(engine: Client, content: bytes, words: str):
    """400 with what and where; never a trace."""
    async with caller(application(engine)) as sender:
        answer = await sender.post("/webhooks/alertmanager", content=content)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_over_the_limit_is_refused_by_its_length_and_by_counting(engine: Client):
    """413 with and without a Content-Length."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LONGEST_BODY // 65_536 + 2):
            yield b" " * 65_536

    async with caller(application(engine)) as sender:
        known = await sender.post("/webhooks/alertmanager", content=b" " * (LONGEST_BODY + 1))
        chunked = await sender.post("/webhooks/alertmanager", content=endless())
    assert (known.status_code, chunked.status_code) == (413, 413)
    assert "5 MiB" in known.json()["detail"]
