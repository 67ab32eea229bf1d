"""The choices of `aws:branch` as conditions. Used by `importers/ssm_automation.py`."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from runbooks.importers.jumps import Way
from runbooks.importers.reading import Loss, Reading
from runbooks.importers.writing import quoted

# What each comparison of AWS is in an expression: {0} is the variable, {1} the value.
_COMPARISONS = {
    "StringEquals": "{0} == {1}",
    "EqualsIgnoreCase": "({0} | lower) == ({1} | lower)",
    "StartsWith": "({0} | string).startswith({1})",
    "EndsWith": "({0} | string).endswith({1})",
    "Contains": "{1} in {0}",
    "NumericEquals": "({0} | float) == {1}",
    "NumericGreater": "({0} | float) > {1}",
    "NumericLesser": "({0} | float) < {1}",
    "NumericGreaterOrEquals": "({0} | float) >= {1}",
    "NumericLesserOrEquals": "({0} | float) <= {1}",
    "BooleanEquals": "({0} | string | lower) == ({1} | string | lower)",
}
Expression = Callable[[str], str | None]
Target = Callable[[Reading, str, str], int | None]


def branch_ways(step: Reading, after: int | None, *, expression: Expression, target: Target) -> list[Way]:
    """The ways out of a branch: each choice in its order, then the default; what cannot be written is left out.

    `expression` turns `{{ name }}` into an expression without braces (None: it cannot); `target` finds a step.
    """
    ways = []
    inputs = step.inner("inputs") or Reading(step.report, step.path, {})
    for choice in inputs.inners("Choices"):
        name = choice.text("NextStep") or ""
        condition = _condition(choice, expression)
        choice.done()
        if condition is None:
            choice.say(
                Loss.LEFT_OUT, f"the choice of {name!r} is not carried over: its condition cannot be written here"
            )
        else:
            ways.append(Way(condition, target(choice, "NextStep", name)))
    default = inputs.text("Default")
    inputs.done()
    return [*ways, Way(None, target(inputs, "Default", default) if default else after)]


def _condition(choice: Reading, expression: Expression) -> str | None:
    for word, between in (("And", " and "), ("Or", " or ")):
        if word in choice:
            parts = [_condition(each, expression) for each in choice.inners(word)]
            return between.join(f"({part})" for part in parts) if parts and None not in parts else None
    if "Not" in choice:
        inner = choice.inner("Not")
        part = _condition(inner, expression) if inner else None
        return f"not ({part})" if part is not None else None
    return _comparison(choice, expression)


def _comparison(choice: Reading, expression: Expression) -> str | None:
    variable = expression(choice.text("Variable") or "")
    found = [word for word in _COMPARISONS if word in choice]
    if variable is None or len(found) != 1:
        return None
    value = _value(choice.take(found[0]), expression, is_number=found[0].startswith("Numeric"))
    return None if value is None else _COMPARISONS[found[0]].format(variable, value)


def _value(value: Any, expression: Expression, *, is_number: bool) -> str | None:
    if isinstance(value, Mapping | list) or value is None:
        return None
    if isinstance(value, str) and "{{" in value:
        other = expression(value)
        return f"({other} | float)" if other is not None and is_number else other
    if not is_number:
        return quoted(value if isinstance(value, bool) else str(value))
    try:
        number = float(value)
    except ValueError:
        return None
    return str(number) if math.isfinite(number) else None
