"""What an answer of a probe must be like: a scalar, a range, a pattern, a path, or one of several values.

The forms are those of the Chaos Toolkit. Called by the decisions of game days; pure. The one thing to know: an answer
that does not have what is asked for is neither within nor outside, it cannot be told.
"""

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AliasChoices, Field, field_validator, model_validator

from domain.model import Model

Scalar = bool | int | float | str
# A pattern is looked for in so many characters; more would be a page of text, and a bad pattern could take for ever.
_LOOKED_AT = 4096
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
# Where an answer's value stands when no path is given, in this order.
_USUAL_PLACES = ("value", "status", "result")


class _AtPath(Model):
    # Where in the answer: `$.rows[0].lag`, `rows[0].lag`; None: its `value`, its `status` or the whole of it.
    path: str | None = Field(default=None, validation_alias=AliasChoices("path", "target"))

    @field_validator("path")
    @classmethod
    def _path_can_be_read(cls, path: str | None) -> str | None:
        if path is not None:
            steps_of(path)
        return path


class RangeTolerance(_AtPath):
    """From the lower to the upper bound, both included."""

    type: Literal["range"]
    range: tuple[float, float]

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "RangeTolerance":
        if self.range[0] > self.range[1]:
            raise ValueError("a range is written [lower, upper]; the first bound is greater than the second")
        return self


class RegexTolerance(_AtPath):
    """The pattern is found somewhere in the text."""

    type: Literal["regex"]
    pattern: str = Field(max_length=500)

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        return pattern


class JsonPathTolerance(_AtPath):
    """What stands at the path is this value."""

    type: Literal["jsonpath"]
    expect: Scalar | tuple[Scalar, ...] | None

    @model_validator(mode="after")
    def _has_path(self) -> "JsonPathTolerance":
        if self.path is None:
            raise ValueError("a tolerance of type jsonpath needs a path such as $.status")
        return self


class MembershipTolerance(_AtPath):
    """One of these values."""

    type: Literal["membership"]
    values: tuple[Scalar, ...] = Field(min_length=1)


_Typed = Annotated[
    RangeTolerance | RegexTolerance | JsonPathTolerance | MembershipTolerance, Field(discriminator="type")
]
# A scalar must be equal; `[lower, upper]` is a range; a longer list holds the values that are right.
Tolerance = _Typed | Scalar | tuple[Scalar, ...]


class Within(NamedTuple):
    """Whether an answer is within tolerance (None: it cannot be told), and why."""

    holds: bool | None
    detail: str


def within(tolerance: Tolerance, answer: Any) -> Within:
    """Compare an answer with what is tolerated."""
    if isinstance(tolerance, _AtPath):
        path, (found, value) = tolerance.path, _value(answer, tolerance.path)
    else:
        path, (found, value) = None, _value(answer, None)
    if not found:
        return Within(None, f"the answer has no {path or 'value'}")
    holds, wanted = _compare(tolerance, value)
    if holds is None:
        return Within(None, f"{_shown(value)} cannot be compared with {wanted}")
    return Within(holds, f"{_shown(value)} is {wanted}" if holds else f"{_shown(value)} is not {wanted}")


def steps_of(path: str) -> tuple[str | int, ...]:
    """`$.rows[0].lag` as ('rows', 0, 'lag'); ValueError with a sentence for anything else."""
    rest = path.removeprefix("$")
    found = list(_STEP.finditer(rest))
    if rest and "".join(match[0] for match in found) != rest:
        message = f"{path!r} is not a path; write for example $.rows[0].lag"
        raise ValueError(message)
    return tuple(match[1] if match[1] is not None else int(match[2]) for match in found)


def at_path(answer: Any, path: str) -> tuple[bool, Any]:
    """What stands there, and whether anything does."""
    for step in steps_of(path):
        if isinstance(step, int) and isinstance(answer, list | tuple) and step < len(answer):
            answer = answer[step]
        elif isinstance(answer, dict) and str(step) in answer:
            answer = answer[str(step)]
        else:
            return False, None
    return True, answer


def _value(answer: Any, path: str | None) -> tuple[bool, Any]:
    if path is not None:
        return at_path(answer, path)
    if isinstance(answer, dict):
        place = next((name for name in _USUAL_PLACES if answer.get(name) is not None), None)
        return (True, answer[place]) if place else (False, None)
    return answer is not None, answer


def _compare(tolerance: Tolerance, value: Any) -> tuple[bool | None, str]:  # noqa: PLR0911 - one for each form
    match tolerance:
        case RangeTolerance(range=(lower, upper)):
            return _between(value, lower, upper)
        case RegexTolerance(pattern=pattern):
            text = value if isinstance(value, str) else str(value)
            return re.search(pattern, text[:_LOOKED_AT]) is not None, f"like {pattern!r}"
        case JsonPathTolerance(expect=expect):
            wanted = list(expect) if isinstance(expect, tuple) else expect
            return _same(value, wanted), _shown(wanted)
        case MembershipTolerance(values=values):
            return any(_same(value, each) for each in values), f"one of {_listed(values)}"
        case (int() | float() as lower, int() | float() as upper):
            return _between(value, float(lower), float(upper))
        case tuple():
            return any(_same(value, each) for each in tolerance), f"one of {_listed(tolerance)}"
        case _:
            return _same(value, tolerance), _shown(tolerance)


def _between(value: Any, lower: float, upper: float) -> tuple[bool | None, str]:
    wanted = f"between {lower:g} and {upper:g}"
    number = _number(value)
    return (None if number is None else lower <= number <= upper), wanted


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    # NaN is how Prometheus says that there is nothing to divide.
    return None if number != number else number  # noqa: PLR0124 - the definition of NaN


def _same(value: Any, wanted: Any) -> bool:
    # True is no 1 here, as in JSON.
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def _listed(values: tuple[Scalar, ...]) -> str:
    return ", ".join(map(_shown, values))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004 - a line has room for no more
