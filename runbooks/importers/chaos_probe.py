"""A probe of the Chaos Toolkit with its tolerance as `check.http`. Used by `importers/chaos_game_day.py`.

The one thing to know: `check.http` gives a status and says whether a text was there, and no body; a tolerance
that looks into the body further than for a plain text has no like here.
"""

import re
from collections.abc import Mapping
from typing import Any

from runbooks.importers.chaos_http import Weave, limits_of, plain_url
from runbooks.importers.reading import Loss, Reading

_STATUSES = range(100, 600)
_OK = 200
_PLAIN = re.compile(r"[^\\.^$*+?{}\[\]|()]*")


def check_of_http(provider: Reading, tolerance: Any, weave: Weave) -> dict[str, Any] | None:
    """The check and, where needed, a tolerance of ours; None when it cannot be said, and then nothing was reported."""
    method = str(provider.take("method") or "GET").upper()
    url = provider.take("url")
    has_more = any(provider.take(key) for key in ("arguments", "body"))
    judged = _judged(tolerance)
    if method not in {"GET", "HEAD"} or has_more or not isinstance(url, str) or judged is None:
        return None
    # An answer to a request without them would be the answer to another question.
    if provider.take("headers"):
        return None
    call: dict[str, Any] = {"url": weave(plain_url(provider, url))}
    if method != "GET":
        call["method"] = method
    wanted, ours = judged
    call |= wanted | limits_of(provider, "check.http")
    if provider.take("expected_status") is not None:
        provider.lose("expected_status", "the tolerance says which status is right", Loss.CHANGED)
    return {"action": "check.http", "with": call} | ({} if ours is None else {"tolerance": ours})


def _judged(tolerance: Any) -> tuple[dict[str, Any], Any] | None:
    """What `check.http` itself compares, and what is left for a tolerance of the game day."""
    if isinstance(tolerance, list) and len(tolerance) == 1:
        tolerance = tolerance[0]
    if tolerance is None:
        return {}, None
    if _is_status(tolerance):
        return ({} if tolerance == _OK else {"status": tolerance}), None
    if isinstance(tolerance, list) and tolerance and all(map(_is_status, tolerance)):
        return {}, tolerance
    if isinstance(tolerance, Mapping):
        return _judged_by(tolerance)
    return None


def _judged_by(tolerance: Mapping[str, Any]) -> tuple[dict[str, Any], Any] | None:
    kind, target = tolerance.get("type"), tolerance.get("target")
    pattern, bounds = tolerance.get("pattern"), tolerance.get("range")
    if kind == "regex" and target in {None, "body"} and isinstance(pattern, str) and _PLAIN.fullmatch(pattern):
        return {"contains": pattern}, None
    if kind == "regex" and target == "status" and isinstance(pattern, str):
        return {}, {"type": "regex", "path": "$.status", "pattern": pattern}
    if kind == "range" and target in {None, "status"} and isinstance(bounds, list) and all(map(_is_status, bounds)):
        return {}, {"type": "range", "path": "$.status", "range": bounds}
    if kind == "jsonpath" and tolerance.get("path") in {"$.status", "status"} and _is_status(tolerance.get("expect")):
        return {"status": tolerance["expect"]}, None
    return None


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _STATUSES
