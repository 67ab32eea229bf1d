"""Evaluates the expressions of a runbook. Closed: no clock, no chance, no environment, no loops, nothing that grows.

Called through `activities/rendering.py` (and by the lint and previews). An expression may come from somebody hostile:
everything that is not on a list here is refused with a sentence. A text that is one expression keeps the type of its
value; anything else is text.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from math import isfinite
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from domain.errors import Rejected
from runbooks.expressions import has_expression
from runbooks.schema import MAX_OUTPUT_BYTES, canonical_json

__all__ = ["MAX_RENDERED_BYTES", "condition", "has_expression", "names_used", "render"]

# A rendered step is recorded in workflow history, like an output.
MAX_RENDERED_BYTES = MAX_OUTPUT_BYTES
# A page of text; longer ones belong into a file that a program reads.
MAX_TEMPLATE_CHARACTERS = 16 * 1024
# Each node can at most add one value of 64 KiB to the result: 32 MB before the cap on the result bites.
MAX_NODES = 500
MAX_ITEMS = 10_000
MAX_DEPTH = 40
# Bits of a number: more than any id, counter or time in nanoseconds needs.
_MAX_BITS = 256
# Of a fraction: a float has no more.
_MAX_DIGITS = 15

# Of what there is instead of a name; more would hide the sentence.
_NAMES_TOLD = 12

_NO_FORMAT = "% formats no text here; put the values into the text with {{ }}"
_NO_MULTIPLE = "only numbers can be multiplied"
_ALLOWED_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.CondExpr, nodes.If, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg,
    nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat, nodes.Filter,
    nodes.Test, nodes.Call, nodes.Keyword, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
)  # fmt: skip
_METHODS = frozenset(
    {"lower", "upper", "title", "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "removeprefix"}
    | {"removesuffix", "get", "keys", "values", "items"}
)
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort",
    "string", "sum", "title", "trim", "unique", "upper",
)  # fmt: skip
_TESTS = (
    "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt", "in", "integer",
    "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string", "true",
    "undefined", "upper", "==", "!=", "<", "<=", ">", ">=", "greaterthan", "lessthan",
)  # fmt: skip


def render(value: Any, scope: Mapping[str, Any]) -> Any:
    """The JSON value with every expression replaced by its value; Rejected with a sentence when that fails."""
    rendered = _walk(value, scope, "")
    size = len(canonical_json(rendered).encode())
    if size > MAX_RENDERED_BYTES:
        raise Rejected(f"the values come to {size} bytes; at most {MAX_RENDERED_BYTES} are taken")
    return rendered


def condition(text: str, scope: Mapping[str, Any]) -> bool:
    """Whether a condition holds; Rejected when it is neither true nor false."""
    return as_truth(text, render(text, scope))


def as_truth(text: str, value: Any) -> bool:
    """The value of a condition as a truth value; a text such as `false` is a mistake, not a yes."""
    if isinstance(value, bool):
        return value
    raise Rejected(f"the condition {text!r} gives {_shown(value)}, which is neither true nor false; compare something")


def names_used(text: str) -> list[tuple[str, ...]]:
    """What an expression reads, as dotted paths as far as they are constant; Rejected when it is not an expression."""
    tree = _parse(text)
    found: list[tuple[str, ...]] = []
    _collect(tree, found)
    return found


def _walk(value: Any, scope: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, str):
        return _text(value, scope, where) if has_expression(value) else value
    if isinstance(value, dict):
        return {
            _key(key, where): _walk(item, scope, f"{where}.{key}" if where else str(key)) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walk(item, scope, f"{where}.{index}" if where else str(index)) for index, item in enumerate(value)]
    return value


def _key(key: str, where: str) -> str:
    if has_expression(key):
        raise Rejected(f"{where or 'the value'}: the key {key!r} holds an expression; only values may")
    return key


def _text(text: str, scope: Mapping[str, Any], where: str) -> Any:
    at = f"{where}: " if where else ""
    tree = _parse(text, at)
    try:
        if _is_one_expression(tree):
            return _plain(_ENVIRONMENT.compile_expression(_inside(text), undefined_to_none=False)(**scope), at)
        return _capped(_ENVIRONMENT.from_string(text).render(**scope))
    except Rejected as error:
        raise Rejected(f"{at}{error.sentence}") from None
    except TemplateError as error:
        raise Rejected(f"{at}{text[:80]!r}: {error.message or type(error).__name__}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise Rejected(f"{at}{text[:80]!r}: {type(error).__name__}: {str(error)[:200]}") from None


def _parse(text: str, at: str = "") -> nodes.Template:
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        limit = f"a text with expressions may have {MAX_TEMPLATE_CHARACTERS} characters"
        raise Rejected(f"{at}{limit}; it has {len(text)}: keep long texts in a file that a program reads")
    try:
        tree = _ENVIRONMENT.parse(text)
        _demand_allowed(tree)
    except TemplateError as error:
        raise Rejected(f"{at}{text[:80]!r} is not an expression: {error.message}") from None
    except RecursionError:
        raise Rejected(
            f"{at}the expression is nested too deeply; take it apart into outputs of several steps"
        ) from None
    except ValueError:
        # A number of more digits than Python reads.
        raise Rejected(f"{at}{text[:80]!r}: a number in it is too long") from None
    except Rejected as error:
        raise Rejected(f"{at}{text[:80]!r}: {error.sentence}") from None
    return tree


def _demand_allowed(tree: nodes.Template) -> None:
    count = 0
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        count += 1
        if count > MAX_NODES:
            raise Rejected(f"the expression has more than {MAX_NODES} parts")
        if not isinstance(node, _ALLOWED_NODES):
            what = _NAMES.get(type(node).__name__, type(node).__name__.lower())
            cure = "; a foreach step and the filters walk a list" if isinstance(node, nodes.For) else ""
            raise Rejected(f"{what} may not be used here{cure}")
        if isinstance(node, nodes.Getattr | nodes.Name) and _name(node).startswith("_"):
            raise Rejected(f"{_name(node)!r} may not be used: names that begin with an underscore are out of bounds")
        if isinstance(node, nodes.Filter) and node.name not in _ENVIRONMENT.filters:
            raise Rejected(f"there is no filter {node.name!r}")
        if isinstance(node, nodes.Test) and node.name not in _ENVIRONMENT.tests:
            raise Rejected(f"there is no test {node.name!r}")
        if isinstance(node, nodes.Mul | nodes.Mod):
            _demand_numbers(node)
        if isinstance(node, nodes.Call):
            _demand_method(node)
        waiting.extend(node.iter_child_nodes())


_NAMES = {
    "For": "loops",
    "Assign": "{% set %}",
    "AssignBlock": "{% set %}",
    "Macro": "macros",
    "CallBlock": "macros",
    "Pow": "the operator **",
    "Include": "{% include %}",
    "Import": "{% import %}",
    "FromImport": "{% import %}",
    "Extends": "{% extends %}",
    "With": "{% with %}",
}


def _demand_numbers(node: nodes.Mul | nodes.Mod) -> None:
    """What can be told beforehand: a text or a list that is written there; the rest is told when it is evaluated."""
    for side in (node.left, node.right):
        if isinstance(side, nodes.List | nodes.Tuple | nodes.Dict) or (
            isinstance(side, nodes.Const) and not _are_numbers(side.value)
        ):
            raise Rejected(_NO_MULTIPLE if isinstance(node, nodes.Mul) else _NO_FORMAT)


def _demand_method(node: nodes.Call) -> None:
    if not isinstance(node.node, nodes.Getattr) or node.node.attr not in _METHODS:
        called = node.node.attr if isinstance(node.node, nodes.Getattr) else getattr(node.node, "name", "this")
        raise Rejected(f"{called}() may not be called; there are {', '.join(sorted(_METHODS))} and the filters")


def _name(node: nodes.Getattr | nodes.Name) -> str:
    return str(node.attr if isinstance(node, nodes.Getattr) else node.name)


def _is_one_expression(tree: nodes.Template) -> bool:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return False
    parts = tree.body[0].nodes
    return len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData)


def _inside(text: str) -> str:
    # `{{- x +}}`: a sign next to the braces controls white space and belongs to them.
    inside = text.strip()[2:-2]
    start = 1 if inside[:1] in {"-", "+"} else 0
    end = len(inside) - (1 if inside[-1:] in {"-", "+"} else 0)
    return inside[start:end]


def _collect(node: nodes.Node, found: list[tuple[str, ...]]) -> None:
    path = _path(node)
    if path:
        found.append(path)
        return
    for child in node.iter_child_nodes():
        _collect(child, found)


def _path(node: nodes.Node) -> tuple[str, ...]:
    """`('params', 'url')` for `params.url` and `params['url']`; empty when the node is no such thing."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return (*inner, node.attr) if inner else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        inner = _path(node.node)
        return (*inner, str(node.arg.value)) if inner else ()
    return ()


def _plain(value: Any, at: str, depth: int = 0) -> Any:
    """The value as JSON knows it."""
    if depth > MAX_DEPTH:
        raise Rejected("the value is nested too deeply")
    if isinstance(value, Undefined):
        # Touching a strict undefined raises with the name that is missing.
        str(value)
    if isinstance(value, float) and not isfinite(value):
        raise Rejected(f"the expression gives {value}, which is no JSON value")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _capped(str(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item, at, depth + 1) for key, item in _few(value.items())}
    if isinstance(value, Iterable):
        return [_plain(item, at, depth + 1) for item in _few(value)]
    raise Rejected(f"the expression gives {_shown(value)}, which is no JSON value")


def _few(items: Iterable[Any]) -> list[Any]:
    taken = list(islice(items, MAX_ITEMS + 1))
    if len(taken) > MAX_ITEMS:
        raise Rejected(f"a list of more than {MAX_ITEMS} items")
    return taken


def _capped(text: str) -> str:
    if len(text) > MAX_RENDERED_BYTES:
        raise Rejected(f"the text has {len(text)} characters; at most {MAX_RENDERED_BYTES} are taken")
    return text


def _shown(value: Any) -> str:
    if callable(value):
        return "a function"
    return f"{str(value)[:60]!r} ({type(value).__name__})"


def _join(value: Iterable[Any], separator: str = "") -> str:
    parts = [str(item) for item in _few(value)]
    size = sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0)
    return separator.join(parts) if size <= MAX_RENDERED_BYTES else _too_long(size)


def _round(value: float, precision: int = 0) -> float:
    # Jinja's own takes ten to the power of whatever it is told.
    if not isinstance(precision, int) or abs(precision) > _MAX_DIGITS:
        raise Rejected(f"numbers are rounded to at most {_MAX_DIGITS} digits")
    return round(float(value), precision)


def _replace(text: str, old: str, new: str) -> str:
    size = len(text) + str(text).count(old) * max(len(new) - len(old), 0)
    return str(text).replace(old, new) if size <= MAX_RENDERED_BYTES else _too_long(size)


def _too_long(size: int) -> NoReturn:
    raise Rejected(f"the text would have {size} characters; at most {MAX_RENDERED_BYTES} are taken")


def _to_json(value: Any) -> str:
    return canonical_json(_plain(value, ""))


def _from_json(text: str) -> Any:
    return json.loads(_capped(text))


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with every operator that can make something large out of something small under control."""

    intercepted_binops = frozenset({"*", "%", "**", "//", "+", "/"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A parameter may be called `items`; in a document its value comes before the method of that name.
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and not _are_numbers(left, right):
            raise Rejected(_NO_FORMAT)
        if operator == "*":
            _demand_small_product(left, right)
        if operator == "+" and not _are_numbers(left, right) and _size(left) + _size(right) > MAX_RENDERED_BYTES:
            raise Rejected("the sum would be too large")
        return super().call_binop(context, operator, left, right)


def _demand_small_product(left: Any, right: Any) -> None:
    if not _are_numbers(left, right):
        raise Rejected(_NO_MULTIPLE)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _MAX_BITS:
        raise Rejected("the number would be too large")


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0


class _Missing(StrictUndefined):
    """What is not there, told with what is: people look for a name, and not for a dict and its attributes."""

    @property
    def _undefined_message(self) -> str:
        owner, name = self._undefined_obj, self._undefined_name
        if self._undefined_hint or not isinstance(owner, Mapping) or name is None:
            return super()._undefined_message
        known = sorted(map(str, owner))
        near = get_close_matches(str(name), known, n=1)
        if near:
            return f"there is no {name!r} in it; did you mean {near[0]!r}?"
        return f"there is no {name!r} in it; it has {', '.join(known[:_NAMES_TOLD]) or 'nothing'}"


def _environment() -> _Environment:
    environment = _Environment(undefined=_Missing, autoescape=False, loader=None)
    environment.globals.clear()
    own: dict[str, Callable[..., Any]] = {
        "join": _join,
        "replace": _replace,
        "round": _round,
        "tojson": _to_json,
        "fromjson": _from_json,
    }
    environment.filters = {**{name: FILTERS[name] for name in _FILTERS}, **own}
    environment.tests = {name: TESTS[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _environment()
