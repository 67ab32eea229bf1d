"""The Kubernetes API over plain HTTP with a bearer token: one call is one request.

Built by `workers/composition.py`, used by `activities/actions/kubernetes_*.py`. The one thing to know: nothing is
repeated, redirected or read from a kubeconfig; where a request goes and as whom is written in hotwash.yaml.
"""

import os
import ssl
from pathlib import Path
from typing import Any

import httpx

from activities.actions.kubernetes import KubernetesAnswer, KubernetesCall
from domain.cloud_targets import KubernetesTarget, KubernetesToken
from domain.errors import HotwashError, Rejected, RejectionKind, Transient, UnknownOutcome

# An API server is within 0.5 s; one that takes 5 s to connect to is away.
_CONNECT_SECONDS = 5.0
# Admission webhooks may take up to 30 s each; what takes longer than two thirds of one is in trouble.
_READ_SECONDS = 20.0
_SHOWN_OF_A_MESSAGE = 400
# Where every pod finds its service account.
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_REFUSED = {
    400: RejectionKind.INVALID,
    401: RejectionKind.UNAUTHENTICATED,
    403: RejectionKind.FORBIDDEN,
    404: RejectionKind.NOT_FOUND,
    405: RejectionKind.INVALID,
    406: RejectionKind.INVALID,
    410: RejectionKind.CONFLICT,
    413: RejectionKind.TOO_LARGE,
    415: RejectionKind.INVALID,
    422: RejectionKind.INVALID,
}
_CONFLICT = 409
_TOO_MANY = 429


class KubernetesClient:
    """Implements `Kubernetes` with httpx."""

    def __init__(self) -> None:
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    async def call(self, call: KubernetesCall) -> KubernetesAnswer:
        """Call once, as `Kubernetes` promises."""
        server, ca_file, token = _place(call)
        url = f"{server.rstrip('/')}{call.path}"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "hotwash"}
        if call.content_type is not None:
            headers["Content-Type"] = call.content_type
        what = f"{call.method} {call.path} on {call.name}"
        try:
            # No connection is kept: on a kept one nobody can tell a refused request from a lost answer.
            async with httpx.AsyncClient(
                verify=self._context(ca_file, call.name) if server.startswith("https") else False,
                timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=False,
            ) as client:
                response = await client.request(
                    call.method, url, params=call.query, headers=headers, content=call.content()
                )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise Rejected(f"{what} is no request that can be sent: {type(error).__name__}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Transient(f"{what}: it cannot be reached ({type(error).__name__}); nothing was sent") from None
        except httpx.HTTPError as error:
            raise _lost(f"{what}: no whole answer came back ({type(error).__name__})", call) from None
        return _answer(what, response, call)

    def _context(self, ca_file: str | None, name: str) -> ssl.SSLContext:
        if ca_file not in self._contexts:
            try:
                self._contexts[ca_file] = ssl.create_default_context(cafile=ca_file)
            except (OSError, ssl.SSLError) as error:
                raise Rejected(
                    f"actions.kubernetes.{name}.ca_file: {ca_file} is no authority ({type(error).__name__})"
                ) from None
        return self._contexts[ca_file]


def _place(call: KubernetesCall) -> tuple[str, str | None, str]:
    """Server, authority and token; Rejected when they are to be ambient and there is no cluster around."""
    target: KubernetesTarget = call.target
    if isinstance(target.credentials, KubernetesToken):
        return target.server or "", target.ca_file, call.secret(target.credentials.token)
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    server = target.server or (f"https://{host}:{port}" if host else None)
    if server is None or not (_SERVICE_ACCOUNT / "token").exists():
        raise Rejected(
            f"actions.kubernetes.{call.name} has ambient credentials, and this worker runs in no pod",
            RejectionKind.UNAUTHENTICATED,
        )
    # Resolved as a secret, so that it is redacted like one.
    return server, target.ca_file or str(_SERVICE_ACCOUNT / "ca.crt"), call.secret(f"file:{_SERVICE_ACCOUNT / 'token'}")


def _answer(what: str, response: httpx.Response, call: KubernetesCall) -> KubernetesAnswer:
    status = response.status_code
    document = _document(response)
    if status in call.accepted:
        return KubernetesAnswer(status, document)
    if response.is_success:
        if not document:
            raise _lost(f"{what}: the answer is no JSON object", call)
        return KubernetesAnswer(status, document)
    sentence = f"{what}: {status} {str(document.get('message') or '')[:_SHOWN_OF_A_MESSAGE]}".strip()
    if status in (_CONFLICT, _TOO_MANY):
        # Refused before anything was changed: somebody else was faster, or the server is busy.
        raise Transient(sentence)
    if status in _REFUSED:
        mend = f"; mend actions.kubernetes.{call.name}.credentials" if status == httpx.codes.UNAUTHORIZED else ""
        raise Rejected(f"{sentence}{mend}", _REFUSED[status])
    raise _lost(sentence, call)


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _lost(sentence: str, call: KubernetesCall) -> HotwashError:
    return UnknownOutcome(sentence) if call.changes else Transient(sentence)
