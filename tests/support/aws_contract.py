"""A small AWS for the services where moto lies: every request is held to botocore's own description of the API.

Checked before a service hears of a request: the SigV4 signature (recomputed), region and service of its scope, the
session token, method, path, target and content type, required and unknown members, types. Answers are held to the
description too, so that no field is made up.
"""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from tests.support.aws_contract_services import Alias, AppConfig, Automation, Ecs, Fis, Refused, Service

ACCESS_KEY = "AKIAHOTWASHTESTS0001"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYHOTWASHKEY"
REGION = "eu-west-1"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Failure:
    """What stands in for the next answer. `after`: the request is carried out all the same."""

    code: str = "ThrottlingException"
    status: int = 400
    message: str = "Rate exceeded"
    after: bool = False
    hang_up: bool = False
    # Answer as usual, and no sooner than this is set.
    hold: threading.Event | None = None


class AwsContract:
    """One server for the process, and the services behind it; `reset` forgets everything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset("")
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def reset(self, token: str) -> None:
        """As if it had just started; `token` is the session token that it wants to see."""
        self.token = token
        # Operations that really changed something, in order.
        self.changes: list[str] = []
        # Every operation that was asked for, in order.
        self.asked: list[str] = []
        # Set when an operation has been asked for.
        self.arrived: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.failures: dict[str, Failure] = {}
        # Repeat all of a request's headers in refusals, as a careless proxy does.
        self.echo = False
        self.ecs, self.alias, self.fis = Ecs(self.changes), Alias(self.changes), Fis(self.changes)
        self.automation, self.appconfig = Automation(self.changes), AppConfig(self.changes)
        services: tuple[Service, ...] = (self.ecs, self.alias, self.fis, self.automation, self.appconfig)
        self._services = {service.name: service for service in services}

    def fail_next(self, operation: str, failure: Failure | None = None) -> None:
        """The next call of an operation goes wrong."""
        self.failures[operation] = failure or Failure()

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes] | None:
        """Status, headers and body; None: hang up."""
        with self._lock:
            try:
                return self._answer(request)
            except Refused as refused:
                message = f"{refused.message} {request.headers}" if self.echo else refused.message
                body = json.dumps({"__type": refused.code, "message": message}).encode()
                return refused.status, {"x-amzn-ErrorType": refused.code}, body

    def _answer(self, request: Request) -> tuple[int, dict[str, str], bytes] | None:
        name = self._verify_signature(request)
        service = self._services.get(name)
        if service is None:
            raise Refused("UnknownService", f"the contract plays no {name}", 404)
        operation, arguments = _operation(_model(name), request)
        self.asked.append(operation.name)
        self.arrived[operation.name].set()
        failure = self.failures.pop(operation.name, None)
        if failure is not None and failure.hold is not None:
            failure.hold.wait(10)
            failure = None
        if failure is not None and not failure.after:
            if failure.hang_up:
                return None
            raise Refused(failure.code, failure.message, failure.status)
        answer = service.answer(operation.name, arguments)
        if failure is not None:
            if failure.hang_up:
                return None
            raise Refused(failure.code, failure.message, failure.status)
        return _encoded(operation, answer)

    def _verify_signature(self, request: Request) -> str:
        """The service that the signature is for; Refused unless it is ours, fresh or not, and right."""
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        key, date, region, service, signed, signature = found.groups()
        if key != ACCESS_KEY or request.headers.get("x-amz-security-token") != self.token:
            raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        names = signed.split(";")
        needed = {"host", "x-amz-date", "x-amz-security-token"}
        if region != REGION or not needed <= set(names) or not request.headers["x-amz-date"].startswith(date):
            raise Refused("SignatureDoesNotMatch", f"the scope {region} or the signed headers {signed} are wrong", 403)
        again = AWSRequest(
            request.method,
            f"http://{request.headers['host']}{request.path}",
            headers={name: request.headers[name] for name in names},
            data=request.body,
        )
        again.context["timestamp"] = request.headers["x-amz-date"]
        signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, self.token), service, region)
        wanted = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        if signature != wanted:
            raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match.", 403)
        return service


@cache
def aws_contract() -> AwsContract:
    """The one server of this process."""
    return AwsContract()


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _operation(model: ServiceModel, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    """Which operation it is and what is asked of it; Refused unless the description allows it."""
    if model.metadata["protocol"] == "json":
        operation, arguments = _by_target(model, request)
    else:
        operation, arguments = _by_path(model, request)
    mistakes = ParamValidator().validate(arguments, operation.input_shape)
    if mistakes.has_errors():
        raise Refused("ValidationException", f"{operation.name}: {mistakes.generate_report()}", 400)
    return operation, arguments


def _by_target(model: ServiceModel, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    prefix, _, name = request.headers.get("x-amz-target", "").partition(".")
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise Refused("UnknownOperationException", f"no operation {request.headers.get('x-amz-target')!r}", 400)
    wanted = f"application/x-amz-json-{model.metadata['jsonVersion']}"
    if request.method != "POST" or request.path != "/" or request.headers.get("content-type") != wanted:
        raise Refused("SerializationException", f"POST / with {wanted} is wanted", 400)
    return model.operation_model(name), json.loads(request.body)


def _by_path(model: ServiceModel, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    parts = urlsplit(request.path)
    for name in model.operation_names:
        operation = model.operation_model(name)
        pattern = re.sub(r"\\{([A-Za-z]+)\\}", r"(?P<\1>[^/]+)", re.escape(operation.http["requestUri"].split("?")[0]))
        found = re.fullmatch(pattern, parts.path)
        if found and operation.http["method"] == request.method:
            return operation, dict(_rest_arguments(operation, request, found.groupdict(), dict(parse_qsl(parts.query))))
    raise Refused("UnknownOperationException", f"no operation {request.method} {parts.path}", 404)


def _rest_arguments(
    operation: OperationModel, request: Request, path: dict[str, str], query: dict[str, str]
) -> Iterator[tuple[str, Any]]:
    shape = operation.input_shape
    payload = shape.serialization.get("payload")
    body = json.loads(request.body) if request.body and payload is None else {}
    for name, member in shape.members.items():
        where, key = member.serialization.get("location"), member.serialization.get("name", name)
        sources = {"uri": path, "querystring": query, "header": request.headers, None: body}
        source = sources[where]
        if name == payload:
            yield name, request.body
        elif (key.lower() if where == "header" else key) in source:
            value = source.pop(key) if where is None else source[key.lower() if where == "header" else key]
            text = unquote(value) if isinstance(value, str) and where is not None else value
            yield name, int(text) if member.type_name in {"integer", "long"} and isinstance(text, str) else text
    yield from body.items()


def _encoded(operation: OperationModel, answer: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    shape = operation.output_shape
    status = int(operation.http.get("responseCode", 200))
    mistakes = ParamValidator().validate(answer, shape) if shape is not None else None
    assert mistakes is None or not mistakes.has_errors(), f"the contract made it up: {mistakes.generate_report()}"
    if shape is None:
        return status, {}, b""
    headers, document, body = {}, {}, None
    for name, value in answer.items():
        member = shape.members[name]
        if name == shape.serialization.get("payload"):
            body = value
        elif member.serialization.get("location") == "header":
            headers[member.serialization["name"]] = str(value)
        else:
            document[member.serialization.get("name", name)] = value
    return status, headers, json.dumps(document, default=_plain).encode() if body is None else body


def _plain(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else value.decode()


def _handler(contract: AwsContract) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = contract.answer(Request(self.command, self.path, headers, body))
            if answer is None:
                self.close_connection = True
                return
            status, more, content = answer
            self.send_response(status)
            for name, value in {"content-type": "application/json", **more, "content-length": len(content)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
