"""The one table from errors to HTTP: each kind of error, with its status and without anything that must not leave."""

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import RPCTimeoutOrCancelledError, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import to_application_error
from api.auth import Principal
from api.errors import REJECTIONS, install_error_handlers, respond_to, to_domain_error
from api.guard import Guard
from api.metrics import Metrics
from domain.errors import HotwashError, NeedsHuman, Rejected, RejectionKind, Transient, UnknownOutcome


def refused(error: HotwashError) -> WorkflowUpdateFailedError:
    """An update that a workflow refused with this error."""
    return WorkflowUpdateFailedError(to_application_error(error))


def rpc(status: RPCStatusCode) -> RPCError:
    """What the SDK raises for a status of the engine."""
    return RPCError("secret detail of the engine", status, b"")


@pytest.mark.parametrize("kind", list(RejectionKind))
def test_a_workflows_refusal_keeps_its_kind_and_its_sentence(kind: RejectionKind) -> None:
    """Rejected → Temporal → Rejected: kind and words survive, and each kind has a status."""
    meaning = to_domain_error(refused(Rejected("because of this", kind)))
    assert isinstance(meaning, Rejected)
    assert (meaning.kind, meaning.sentence) == (kind, "because of this")
    assert respond_to(meaning, "/api/v1/x").status_code == REJECTIONS[kind][0]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused(Transient("later")), Transient),
        (refused(NeedsHuman("who?")), NeedsHuman),
        (refused(UnknownOutcome("did it?")), NeedsHuman),
        (WorkflowUpdateFailedError(ApplicationError("x", type="AcceptedUpdateCompletedWorkflow")), Rejected),
        (rpc(RPCStatusCode.NOT_FOUND), Rejected),
        (rpc(RPCStatusCode.INVALID_ARGUMENT), Rejected),
        (rpc(RPCStatusCode.UNAVAILABLE), Transient),
        (rpc(RPCStatusCode.DEADLINE_EXCEEDED), Transient),
        (rpc(RPCStatusCode.RESOURCE_EXHAUSTED), Transient),
        (RPCError("transport error", RPCStatusCode.UNKNOWN, b""), Transient),
        (RPCError("h2 protocol error: http2 error", RPCStatusCode.INTERNAL, b""), Transient),
        (WorkflowAlreadyStartedError("id", "Incident"), Rejected),
        (WorkflowQueryFailedError("no"), Transient),
        (RPCTimeoutOrCancelledError(), Transient),
        (TimeoutError(), Transient),
        (RuntimeError("Failed client connect: tonic 127.0.0.1"), Transient),
    ],
    ids=repr,
)
def test_an_error_of_the_engine_has_one_meaning(error: Exception, kind: type[HotwashError]) -> None:
    """Every error of the engine that is foreseen becomes a domain error, and its own words stay inside."""
    meaning = to_domain_error(error, "incident x")
    assert type(meaning) is kind
    assert "secret detail" not in meaning.sentence
    assert "tonic" not in meaning.sentence


def test_who_was_cut_off_is_not_told_that_nothing_happened() -> None:
    """The engine died under the call, and may have done what it was asked first."""
    for error in (RPCError("transport error", RPCStatusCode.UNKNOWN, b""), rpc(RPCStatusCode.UNAVAILABLE)):
        meaning = to_domain_error(error, "incident x")
        assert meaning is not None
        assert "nothing was changed" not in meaning.sentence
        assert "look first" in meaning.sentence


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a bug"),
        rpc(RPCStatusCode.UNKNOWN),
        ValueError("x"),
        rpc(RPCStatusCode.INTERNAL),
        WorkflowUpdateFailedError(KeyError()),
    ],
)
def test_what_nobody_foresaw_has_no_meaning(error: Exception) -> None:
    """A bug is not dressed up as something that the caller could mend."""
    assert to_domain_error(error) is None


def test_a_sender_hears_400_where_a_client_hears_422() -> None:
    """Alert senders know 400 for a body that is not theirs."""
    error = Rejected("not Alertmanager's")
    assert respond_to(error, "/webhooks/alertmanager").status_code == 400
    assert respond_to(error, "/v2/enqueue").status_code == 400
    assert respond_to(error, "/api/v1/incidents").status_code == 422


def test_not_now_says_when_to_come_again() -> None:
    """503 with Retry-After, the one code that every sender retries."""
    answer = respond_to(Transient("the store is away"), "/webhooks/alertmanager")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


class _Doorman:
    """Lets everybody in."""

    def from_bearer(self, token: str) -> Principal:
        """Whoever it is, under the name they give."""
        return Principal(name=token)


def _app_with_a_bug() -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/bug")
    async def bug() -> None:
        raise ValueError("the password is hunter2")

    @app.get("/another")
    async def another() -> None:
        raise RuntimeError("the password is hunter2")

    app.add_middleware(Guard, authenticator=_Doorman(), metrics=Metrics(), host="127.0.0.1")
    return app


@pytest.mark.parametrize("path", ["/bug", "/another"])
async def test_a_bug_is_a_reference_and_no_trace(path: str) -> None:
    """500 as a problem document whose reference is in the log; neither trace nor text of the error gets out."""
    transport = httpx.ASGITransport(_app_with_a_bug())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(path, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "reference" in answer.json()["detail"]
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text


async def test_requests_are_counted_by_route_and_not_by_id() -> None:
    """Two ids of one route are one series; a path that exists nowhere makes none of its own."""
    app, metrics = FastAPI(), Metrics()

    @app.get("/things/{id}")
    async def thing(id: str) -> str:  # noqa: A002 - the path's word
        return id

    app.add_middleware(Guard, authenticator=_Doorman(), metrics=metrics, host="127.0.0.1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for path in ("/things/1", "/things/2", "/wp-admin/1", "/webhooks/alertmanager", "/webhooks/scanner"):
            await client.get(path, headers={"Authorization": "Bearer x"})
    text = metrics.text()[0].decode()
    assert 'hotwash_http_requests_total{method="GET",route="/things/{id}",status="200"} 2.0' in text
    assert 'hotwash_webhook_deliveries_total{outcome="refused",sender="alertmanager"} 1.0' in text
    assert "wp-admin" not in text
    assert "scanner" not in text
