"""What counts as an expression, decided without a template engine, so that workflows may ask.

`runbooks/render.py` evaluates them; `runbooks/lint.py` reads them.
"""

import re
from collections.abc import Iterator, Mapping
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


# `steps.check.output`, `params["url"]`: a name and the constant that it is read by, if there is one.
_READ = re.compile(r"""(?<![\w.])([A-Za-z_]\w*)(?:\s*\.\s*(\w+)|\s*\[\s*(?:'([^']*)'|"([^"]*)")\s*\])?""")
# The only parts of a scope that grow with the runbook.
_LARGE = ("steps", "params", "targets")


def read_by(template: Any, scope: Mapping[str, Any]) -> dict[str, Any]:
    """What the expressions of a JSON value can read of a scope, which is rarely more than a step or two of it.

    Errs on the side of too much: every word of a text counts, and what is read by a computed name stays whole.
    """
    wanted: dict[str, set[str] | None] = {}
    for text in _texts(template):
        for name, *keys in _READ.findall(text):
            key = next(filter(None, keys), None)
            if key is None:
                wanted[name] = None
            elif (known := wanted.setdefault(name, set())) is not None:
                known.add(key)
    found = {}
    for name in sorted(scope.keys() & wanted.keys()):
        value, keys_read = scope[name], wanted[name]
        found[name] = value
        # A key that is not there may be a method (`params.get(…)`), or a mistake whose sentence lists what there is.
        if name in _LARGE and keys_read and isinstance(value, Mapping) and keys_read <= value.keys():
            found[name] = {key: value[key] for key in sorted(keys_read)}
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if has_expression(value):
            yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
