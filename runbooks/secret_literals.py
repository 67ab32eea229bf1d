"""Secrets that somebody has written into a runbook instead of a reference. Called by `runbooks/lint.py`.

What is typed as a secret is checked by its type; this finds the rest by its look and by the name of its key. The one
thing to know: a finding never shows the value, because findings end in logs and in a CI's public output.
"""

import re
from collections.abc import Iterator
from typing import Any

from runbooks.expressions import has_expression
from runbooks.findings import Finding
from runbooks.parameters import is_reference
from runbooks.source import Path, Source

_CODE = "secret_as_literal"
_CURE = (
    "keep it out of the file: write a reference such as env:NAME or file:PATH, "
    "as {secret: env:NAME} in a header, or as a parameter of type 'secret'"
)
# What stands in brackets is a remark: `(left out)` is what the importers write.
# Forms that their makers publish so that scanners find them, and the two that need no maker.
_LOOKS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an access key of AWS": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of GitHub": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})"),
    "a token of GitLab": re.compile(r"\bglpat-[A-Za-z0-9_-]{20}"),
    "a token of Slack": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "a webhook of Slack": re.compile(r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/\w+"),
    "a key of Stripe": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    "a key of Google": re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
    "a JSON Web Token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"),
    "a password in an address": re.compile(r"://[^/\s:@{}]*:[^/\s@{}]+@"),
    "a secret in JSON": re.compile(
        r"\"[\w-]*(password|passwd|secret|token|api_?key)\"\s*:\s*\"(?!\{\{|env:|file:|\(|-)[^\"]+\"", re.IGNORECASE
    ),
    # Whatever stands on a command line is seen by everybody on that machine.
    "a secret on a command line": re.compile(
        r"(^|\s)--?[\w-]*(password|passwd|secret|token|api-?key)[= ](?!\{\{|env:|file:|\(|-)\S+", re.IGNORECASE
    ),
    "a bearer token": re.compile(r"^(Bearer|Basic|token) +[A-Za-z0-9._~+/=-]{8,}$", re.IGNORECASE),
}
_NAMES = re.compile(
    r"(^|[._-])(password|passwd|passphrase|secret|token|api[._-]?key|secret[._-]?key|private[._-]?key|credentials?)$"
    r"|^(proxy-)?authorization$|^(set-)?cookie$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Keys of the language itself whose values are names and words, never values of the world.
_WORDS = frozenset({"id", "name", "type", "description", "title", "as"})


def secret_findings(source: Source) -> Iterator[Finding]:
    """Every text of the file that looks like a secret, or stands under a name that says that it is one."""
    yield from _in(source, source.data, ())


def _in(source: Source, value: Any, path: Path) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _in(source, inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _in(source, inner, (*path, index))
    elif isinstance(value, str) and value.strip() and not is_reference(value):
        what = _look(value) or _name(path, value)
        if what is not None:
            yield source.finding(path, _CODE, f"this looks like {what}; {_CURE}")


def _look(text: str) -> str | None:
    return next((what for what, look in _LOOKS.items() if look.search(text)), None)


def _name(path: Path, text: str) -> str | None:
    """What a key says of its value. Only where values of the world stand: parameters, and what an action is given."""
    if has_expression(text):
        return None
    if len(path) == 3 and path[0] == "parameters" and path[2] == "default":  # noqa: PLR2004 - parameters, NAME, default
        name = str(path[1])
    elif {"with", "parameters"} & set(path[1:-1]):
        name = next((part for part in reversed(path) if isinstance(part, str)), "")
    else:
        return None
    if name in _WORDS or not _NAMES.search(_CAMEL.sub("-", name)):
        return None
    return f"a secret, because of its name {name!r}"
