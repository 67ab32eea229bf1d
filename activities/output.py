"""What may leave an execution: no secret, and no more than 64 KiB.

Called by `activities/steps.py` on every output, detail and error. Redaction comes before the cut, so that a cut can
never leave half a secret that redaction would no longer recognise.
"""

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

from activities.ports import SecretResolver
from runbooks.schema import MAX_OUTPUT_BYTES, canonical_json

REDACTED = "[redacted]"
# Ends every text that was cut, whoever cut it.
CUT_MARKER = "… [truncated]"
# Half a secret at the end of a cut text is recognised from this many characters on; fewer tell nothing.
_TELLING_PREFIX = 4


class Redactor:
    """Resolves secrets for one execution and remembers them, so that none of them gets out."""

    def __init__(self, secrets: SecretResolver) -> None:
        self._secrets = secrets
        self._spellings: set[str] = set()

    def resolve(self, reference: str) -> str:
        """The value behind a reference; from now on it is redacted."""
        value = self._secrets.resolve(reference)
        self._spellings |= _spellings(value)
        return value

    def text(self, text: str) -> str:
        """The text without any secret that was resolved."""
        # Longest first: a secret that contains another one must not leave its rest behind.
        for spelling in sorted(self._spellings, key=len, reverse=True):
            text = text.replace(spelling, REDACTED)
        return self._without_half_a_secret(text)

    def clean(self, value: Any) -> Any:
        """The same JSON value without any secret, in keys as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(item) for item in value]
        return value

    def _without_half_a_secret(self, text: str) -> str:
        if not text.endswith(CUT_MARKER):
            return text
        body = text.removesuffix(CUT_MARKER)
        for spelling in self._spellings:
            for length in range(len(spelling) - 1, _TELLING_PREFIX - 1, -1):
                if body.endswith(spelling[:length]):
                    return body[:-length] + REDACTED + CUT_MARKER
        return text


def _spellings(value: str) -> set[str]:
    # The forms in which targets echo what they were sent: as it is, inside JSON, inside a URL, as basic auth.
    forms = {
        value,
        value.strip(),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        base64.b64encode(value.encode()).decode(),
    }
    return {form for form in forms if form}


def cut(text: str, size: int) -> str:
    """At most `size` bytes of the text, with the marker when something is missing."""
    data = text.encode()
    if len(data) <= size:
        return text
    return data[: max(0, size - len(CUT_MARKER.encode()))].decode(errors="ignore") + CUT_MARKER


def capped(output: dict[str, Any]) -> dict[str, Any]:
    """The output in at most 64 KiB of JSON: long texts are cut first, then it is shown as one cut text."""
    limit = MAX_OUTPUT_BYTES // 2
    while _size(output) > MAX_OUTPUT_BYTES and limit >= len(CUT_MARKER.encode()):
        output = _with_texts_cut(output, limit)
        limit //= 2
    if _size(output) > MAX_OUTPUT_BYTES:
        # JSON in JSON escapes quotes, at worst six bytes for one.
        output = {"truncated": cut(canonical_json(output), MAX_OUTPUT_BYTES // 8)}
    return output


def _with_texts_cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, dict):
        return {key: _with_texts_cut(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_texts_cut(item, limit) for item in value]
    return value


def _size(output: dict[str, Any]) -> int:
    # ASCII escapes are the longest form in which a converter may write it.
    return len(json.dumps(output))
