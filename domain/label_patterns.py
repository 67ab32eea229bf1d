"""Which regular expressions may be held against an alert's labels. Pure; used where routes and triggers are read.

The one thing to know: they are matched inside workflows, with texts that strangers wrote. A pattern that does not
compile, or that takes minutes over a text made for it, would hold up every incident; so it is refused where it is read.
"""

import re
from typing import Annotated

from pydantic import AfterValidator

# A label has 2,000 characters at most. With a third open repetition the worst text takes seconds, with a fourth, hours.
_MOST_OPEN_REPETITIONS = 3
_LONGEST = 500
# As in the address `([0-9]{1,3}[.]){3}[0-9]{1,3}`: ten ways, four times, are tried in milliseconds.
_FEW, _FEW_WAYS, _MANY = 4, 10, 1_000_000
_TOKEN = re.compile(
    r"(?P<skip>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<open>\((?:\?(?:P<\w+>|P=|[:=!>#]|<[=!]|[aiLmsux-]+[:)]))?)"
    r"|(?P<close>\))"
    r"|(?P<repeat>[*+]|\{\d*,\d*\}|\{\d+\})"
    r"|(?P<choice>[|?])"
    r"|(?P<other>.)",
    re.DOTALL,
)


def _demanded(match: dict[str, str]) -> dict[str, str]:
    for label, value in match.items():
        problem = _problem(value[1:]) if value.startswith("~") else None
        if problem is not None:
            message = f"{label}: {value[1:80]!r} {problem}"
            raise ValueError(message)
    return match


# Label to value; a value `~…` is a regular expression that must match in full, and does so in a short time.
LabelPatterns = Annotated[dict[str, str], AfterValidator(_demanded)]


def _problem(pattern: str) -> str | None:
    if len(pattern) > _LONGEST:
        return f"has {len(pattern)} characters; a regular expression for a label has {_LONGEST} at most"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    return _too_slow(pattern)


def _too_slow(pattern: str) -> str | None:
    """Repeating what itself repeats or chooses tries every way to cut a text into pieces: twice as many a character."""
    # For each group that is open, in how many ways it may take a text; the outermost is the pattern itself.
    groups = [1]
    closed = 1
    repetitions = 0
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup
        if kind == "repeat":
            most = _most(token.group())
            ways = most if closed == 1 else closed**most if most <= _FEW and closed <= _FEW_WAYS else _MANY
            if ways >= _MANY and closed > 1:
                return "repeats a group that itself repeats or chooses, which can take hours; repeat single characters"
            repetitions += most == _MANY
            groups[-1] = min(_MANY, max(groups[-1], ways))
        elif kind == "choice":
            groups[-1] = max(groups[-1], 2)
        closed = 1
        if kind == "open" and not token.group().endswith(")"):
            groups.append(1)
        elif kind == "close" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = max(groups[-1], closed)
    if repetitions > _MOST_OPEN_REPETITIONS:
        return f"repeats {repetitions} times without an end; {_MOST_OPEN_REPETITIONS} times '*' or '+' are the most"
    return None


def _most(repeat: str) -> int:
    """How often at most; `_MANY` for without an end."""
    if repeat in {"*", "+"} or repeat.endswith(",}"):
        return _MANY
    return min(_MANY, int(repeat.strip("{}").rpartition(",")[2]))
