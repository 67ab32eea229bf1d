"""The HTTP provider of the Chaos Toolkit as `http.request` and `check.http`. Used by `importers/chaos_toolkit.py`."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from runbooks.importers.reading import Loss, Reading, may_be_secret
from runbooks.importers.writing import identifier

Weave = Callable[[Any], Any]
_STATUSES = range(100, 600)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# The actions wait no longer (activities/actions/http_request.py and check_http.py).
_MOST_SECONDS = {"http.request": 300.0, "check.http": 60.0}
# A steady state that has just been broken needs a while to come back.
_CHECK_WITHIN = "2m"


def check_of(activity: Reading, provider: Reading, weave: Weave) -> dict[str, Any] | None:
    """A probe as a wait for a check; None when the check cannot be said, and then nothing was reported of it."""
    method = str(provider.take("method") or "GET").upper()
    tolerance = activity.take("tolerance")
    if isinstance(tolerance, list) and len(tolerance) == 1:
        tolerance = tolerance[0]
    is_status = isinstance(tolerance, int) and not isinstance(tolerance, bool) and tolerance in _STATUSES
    url = provider.take("url")
    has_more = any(provider.take(key) for key in ("headers", "arguments", "body"))
    if method not in {"GET", "HEAD"} or has_more or not isinstance(url, str) or not (is_status or tolerance is None):
        return None
    call: dict[str, Any] = {"url": weave(plain_url(provider, url))}
    if method != "GET":
        call["method"] = method
    if is_status and tolerance != 200:  # noqa: PLR2004 - what check.http wants unless told otherwise
        call["status"] = tolerance
    call |= limits_of(provider, "check.http")
    return {"wait": {"duration": _CHECK_WITHIN, "until": {"action": "check.http", "with": call}}}


def request_of(provider: Reading, weave: Weave) -> dict[str, Any] | None:
    """An action as a request; None when it cannot be sent, and then nothing was reported of it."""
    method = str(provider.take("method") or "GET").upper()
    url = provider.take("url")
    if method not in _METHODS or not isinstance(url, str):
        return None
    url = plain_url(provider, url)
    call: dict[str, Any] = {"method": method}
    arguments = provider.take("arguments")
    if arguments is not None:
        if method in {"GET", "HEAD"} and isinstance(arguments, dict):
            # References stay as they are; they become expressions afterwards.
            url += ("&" if "?" in url else "?") + urlencode(arguments, safe="${}", doseq=True)
        elif isinstance(arguments, str):
            call["body"] = weave(arguments)
        else:
            call["json"] = weave(arguments)
    call["url"] = weave(url)
    if headers := _headers(provider, weave):
        call["headers"] = headers
    expected = provider.take("expected_status")
    if isinstance(expected, int) and expected in _STATUSES:
        call["expect_status"] = [expected]
    elif expected is not None:
        provider.lose("expected_status", "it is no HTTP status; any 2xx is taken", Loss.CHANGED)
    call |= limits_of(provider, "http.request")
    if method not in {"GET", "HEAD"}:
        provider.lose("url", "allow it under actions.http_allow in hotwash.yaml", Loss.INCOMPLETE)
    return {"action": "http.request", "with": call}


def plain_url(provider: Reading, url: str) -> str:
    """The URL without a user and a password, which are reported."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if mark and "@" in host:
        provider.lose("url", "it held a user or a password; send a header with a secret's reference", Loss.SECRET)
        host = host.rpartition("@")[2]
    return f"{scheme}{mark}{host}{slash}{path}"


def _headers(provider: Reading, weave: Weave) -> dict[str, Any]:
    inner = provider.inner("headers")
    kept: dict[str, Any] = {}
    for name in inner.keys() if inner else ():
        value = inner.text(name) if inner else None
        if inner and may_be_secret(name):
            reference = f"env:{(identifier(name) or 'secret').upper()}"
            inner.lose(name, f"its value may be a secret and is read from {reference} now", Loss.SECRET)
            kept[name] = {"secret": reference}
        elif value is not None:
            kept[name] = weave(value)
    return kept


def limits_of(provider: Reading, action: str) -> dict[str, Any]:
    """How long it may take, as the action says it."""
    provider.lose("verify_tls", "certificates are always checked", Loss.CHANGED)
    timeout = provider.take("timeout")
    if timeout is None:
        return {}
    # `[connect, read]`: one limit is for the whole of it.
    parts = timeout if isinstance(timeout, list) else [timeout]
    numbers = [part for part in parts if isinstance(part, int | float) and not isinstance(part, bool) and part > 0]
    if len(numbers) != len(parts) or not numbers:
        provider.lose("timeout", "a runbook wants a number here that is known before it runs")
        return {}
    if sum(numbers) > _MOST_SECONDS[action]:
        provider.lose("timeout", f"{action} waits {_MOST_SECONDS[action]:g} s at most", Loss.CHANGED)
    return {"timeout_seconds": min(float(sum(numbers)), _MOST_SECONDS[action])}
