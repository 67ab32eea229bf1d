"""What counts as an expression, decided without a template engine, so that workflows may ask.

`runbooks/render.py` evaluates them; `runbooks/lint.py` reads them.
"""

from collections.abc import Mapping
from typing import Any

_MARKS = ("{{", "{%", "{#")


def has_expression(value: Any) -> bool:
    """Whether a JSON value holds anything to evaluate, in texts or in keys."""
    if isinstance(value, str):
        return any(mark in value for mark in _MARKS)
    if isinstance(value, dict):
        return any(has_expression(key) or has_expression(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(has_expression(item) for item in value)
    return False


def with_aliases(named: Mapping[str, Any]) -> dict[str, Any]:
    """The same names, and each name with a dash also with an underscore: `steps.check_health` for `check-health`."""
    return {**{name.replace("-", "_"): value for name, value in named.items()}, **named}
