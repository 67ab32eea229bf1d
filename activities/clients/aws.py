"""AWS through boto3: one call is one request, in a thread, with explicit timeouts.

Built by `workers/composition.py`, used by `activities/actions/aws_*.py`. boto3 is loaded by the first call, so that
who has no AWS target does not pay for it. The one thing to know: botocore's own retries are off; it would repeat a
call whose answer was lost, and nobody would hear of the doubt.
"""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

from activities.actions.aws import AwsCall
from domain.cloud_targets import AwsKeys, AwsTarget
from domain.errors import HotwashError, Rejected, RejectionKind, Transient, UnknownOutcome

T = TypeVar("T")

# An endpoint in another region is within 0.5 s; one that takes 5 s to connect to is away.
_CONNECT_SECONDS: Final = 5.0
# The slowest control plane calls that are used here (FailoverDBCluster, StartDeployment) answer within 10 s.
_READ_SECONDS: Final = 20.0
# Connections that a client keeps open; a steps worker runs few AWS steps at once.
_CONNECTIONS: Final = 8
# A change that was cancelled may still be heard of: most calls answer within this, and a worker that is being stopped
# has 4 s (`workers/composition.py`).
_LAST_WORD_SECONDS: Final = 3.0
_SHOWN_OF_A_MESSAGE: Final = 400

# AWS did not look at the request, so it surely has no effect.
_NOT_NOW = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
    }
)
# Somebody else is at the same resource, or it is between two states: refused now, not for ever.
_BUSY = frozenset(
    {
        "ConflictException",
        "IncorrectInstanceState",
        "InvalidDBClusterStateFault",
        "InvalidDBInstanceState",
        "PreconditionFailedException",
        "ResourceConflictException",
        "ResourceContention",
        "ResourceInUseException",
        "ScalingActivityInProgress",
    }
)
_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired"})
_UNKNOWN_CALLER = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SERVER_ERROR = 500


class AwsClient:
    """Implements `Aws` with boto3."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, ...], Any] = {}

    async def call(self, call: AwsCall) -> dict[str, Any]:
        """Call once, as `Aws` promises."""
        credentials = call.target.credentials
        # Resolved here and not in the thread: what the step's redaction knows must not depend on the thread's luck.
        keys = _resolved(credentials, call) if isinstance(credentials, AwsKeys) else None
        answer = _in_thread(lambda: self._call(call, keys))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if call.changes:
                # The request is on its way and cannot be called back: an undo must not overtake it.
                await asyncio.wait([answer], timeout=_LAST_WORD_SECONDS)
            raise

    def _call(self, call: AwsCall, keys: dict[str, str | None] | None) -> dict[str, Any]:
        # The import costs 0.3 s and 30 MB.
        from botocore import xform_name  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            client = self._client(call.target, call.service, keys)
            answer: dict[str, Any] = getattr(client, xform_name(call.operation))(**call.arguments)
            answer.pop("ResponseMetadata", None)
            # A stream is read here: it may break off as any answer may.
            return {name: value.read() if hasattr(value, "read") else value for name, value in answer.items()}
        except ClientError as error:
            raise _refused(error.response, call) from None
        except BotoCoreError as error:
            raise _not_answered(error, call) from None

    def _client(self, target: AwsTarget, service: str, keys: dict[str, str | None] | None) -> Any:
        """A client, made once for each service and set of credentials; making one costs up to 0.5 s."""
        name = (service, target.region, target.endpoint_url or "", _fingerprint(keys))
        # Sessions are not safe to share between threads while a client is being made; clients are.
        with self._lock:
            if name not in self._clients:
                self._clients[name] = _new_client(target, service, keys)
            return self._clients[name]


def _in_thread(function: Callable[[], T]) -> asyncio.Future[T]:
    """The function's result, from a thread that keeps no process alive: a pool's threads would be waited for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result, failure = None, None
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to whoever awaits the future
            failure = error
        # The loop is closed when its process is ending; then nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=run, name="aws", daemon=True).start()
    return future


def _new_client(target: AwsTarget, service: str, keys: dict[str, str | None] | None) -> Any:
    import boto3.session  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": 1},
        max_pool_connections=_CONNECTIONS,
        user_agent_extra="hotwash",
        # The environment may say who we are, when the target asks for that. It never says where a request goes.
        ignore_configured_endpoint_urls=True,
        proxies=None if keys is None else {},
    )
    variables = None
    if keys is not None:
        nowhere = (None, None, os.devnull, None)
        variables = {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    session = boto3.session.Session(botocore_session=botocore.session.Session(session_vars=variables))
    return session.client(
        service, region_name=target.region, endpoint_url=target.endpoint_url, config=config, **(keys or {})
    )


def _resolved(credentials: AwsKeys, call: AwsCall) -> dict[str, str | None]:
    session_token = credentials.session_token
    return {
        "aws_access_key_id": call.secret(credentials.access_key_id),
        "aws_secret_access_key": call.secret(credentials.secret_access_key),
        "aws_session_token": None if session_token is None else call.secret(session_token),
    }


def _fingerprint(keys: dict[str, str | None] | None) -> str:
    # A rotated secret makes a new client; the secret itself is no key of a dictionary that a debugger prints.
    return "ambient" if keys is None else hashlib.sha256(repr(sorted(keys.items())).encode()).hexdigest()


def _refused(response: dict[str, Any], call: AwsCall) -> HotwashError:
    """AWS has answered, and not with yes."""
    code = str(response.get("Error", {}).get("Code", "")).removesuffix("Fault")
    message = str(response.get("Error", {}).get("Message") or "")[:_SHOWN_OF_A_MESSAGE]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    sentence = f"{call.service} {call.operation} on {call.name}: {code}: {message}"
    # The codes of the query protocol end in Fault or not, as it pleases the service.
    if code in _NOT_NOW or code in _BUSY or f"{code}Fault" in _BUSY:
        return Transient(sentence)
    if code in _FORBIDDEN:
        return Rejected(sentence, RejectionKind.FORBIDDEN)
    if code in _UNKNOWN_CALLER:
        return Rejected(
            f"{sentence}; mend actions.aws.{call.name}.credentials in hotwash.yaml", RejectionKind.UNAUTHENTICATED
        )
    if status >= _SERVER_ERROR or not status:
        return UnknownOutcome(sentence) if call.changes else Transient(sentence)
    if "NotFound" in code or code.startswith("NoSuch"):
        return Rejected(sentence, RejectionKind.NOT_FOUND)
    return Rejected(sentence)


def _not_answered(error: Exception, call: AwsCall) -> HotwashError:
    """No answer that could be read came back, or nothing was sent at all."""
    from botocore import exceptions  # noqa: PLC0415

    what = f"{call.service} {call.operation} on {call.name}"
    if isinstance(
        error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError | exceptions.ProxyConnectionError
    ):
        return Transient(f"{what}: AWS cannot be reached ({type(error).__name__}); nothing was sent")
    if isinstance(
        error,
        exceptions.NoCredentialsError
        | exceptions.PartialCredentialsError
        | exceptions.CredentialRetrievalError
        | exceptions.TokenRetrievalError
        | exceptions.ProfileNotFound,
    ):
        return Rejected(
            f"{what}: no credentials were found ({type(error).__name__}); mend actions.aws.{call.name}.credentials",
            RejectionKind.UNAUTHENTICATED,
        )
    if isinstance(error, exceptions.ParamValidationError | exceptions.UnknownServiceError | exceptions.NoRegionError):
        return Rejected(f"{what}: {str(error)[:_SHOWN_OF_A_MESSAGE]}")
    sentence = f"{what}: no whole answer came back ({type(error).__name__})"
    return UnknownOutcome(sentence) if call.changes else Transient(sentence)
