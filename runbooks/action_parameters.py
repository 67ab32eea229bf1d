"""Checks what a runbook gives an action against the JSON Schema that the action declares. Called by the lint.

Only what pydantic writes into schemas is understood, and only what can be known before the run: a text with an
expression may become anything, so it fits everywhere.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from runbooks.expressions import has_expression
from runbooks.findings import nearest
from runbooks.source import Path

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
    "null": (type(None),),
}


class Mistake(NamedTuple):
    """What is wrong with one parameter; the path begins inside `with`."""

    path: Path
    code: str
    sentence: str


def mistakes_in(value: Any, schema: Mapping[str, Any]) -> list[Mistake]:
    """Everything about the value that the schema does not allow; texts with expressions pass."""
    return _check(value, schema, schema.get("$defs", {}), ())


def _check(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any], path: Path) -> list[Mistake]:
    if isinstance(value, str) and has_expression(value):
        return []
    if "$ref" in schema:
        return _check(value, definitions[schema["$ref"].removeprefix("#/$defs/")], definitions, path)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            tries = [_check(value, each, definitions, path) for each in schema[word]]
            # The alternative that fits best says best what is wrong: a type error is the worst fit.
            return min(
                tries, key=lambda found: (any(m.code == "wrong_type" and m.path == path for m in found), len(found))
            )
    found = [mistake for each in schema.get("allOf", ()) for mistake in _check(value, each, definitions, path)]
    type_mistake = _type(value, schema, path)
    if type_mistake:
        return [*found, type_mistake]
    return found + _inside(value, schema, definitions, path)


def _inside(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any], path: Path) -> list[Mistake]:
    if isinstance(value, dict):
        return _object(value, schema, definitions, path)
    if not isinstance(value, list | tuple):
        return _scalar(value, schema, path)
    items = schema.get("items", {})
    return [m for index, item in enumerate(value) for m in _check(item, items, definitions, (*path, index))]


def _type(value: Any, schema: Mapping[str, Any], path: Path) -> Mistake | None:
    wanted = schema.get("type")
    if wanted is None:
        return None
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    # Durations are written as text (`5m`); pydantic's schema of a bare timedelta says so with a format.
    fits = any(isinstance(value, _TYPES.get(name, (object,))) for name in names)
    if fits and not (isinstance(value, bool) and "boolean" not in names):
        return None
    is_number_for_text = names == ["string"] and isinstance(value, int | float) and not isinstance(value, bool)
    hint = "; put it in quotes" if is_number_for_text else ""
    return Mistake(path, "wrong_type", f"{_name(path)} must be {_a(names)}, not {_kind(value)}{hint}")


def _object(
    value: dict[str, Any], schema: Mapping[str, Any], definitions: Mapping[str, Any], path: Path
) -> list[Mistake]:
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    found = [
        Mistake(path, "missing_parameter", f"the parameter {'.'.join(map(str, (*path, key)))!r} is missing")
        for key in schema.get("required", ())
        if key not in value
    ]
    for key, item in value.items():
        if key in properties:
            found += _check(item, properties[key], definitions, (*path, key))
        elif rest is False:
            hint = nearest(str(key), list(properties))
            found.append(Mistake((*path, key), "unknown_parameter", f"unknown parameter {key!r}{hint}"))
        elif isinstance(rest, Mapping):
            found += _check(item, rest, definitions, (*path, key))
    return found


def _scalar(value: Any, schema: Mapping[str, Any], path: Path) -> list[Mistake]:
    sentences = []
    if "enum" in schema and value not in schema["enum"]:
        sentences.append(f"must be one of {', '.join(map(str, schema['enum']))}")
    if "const" in schema and value != schema["const"]:
        sentences.append(f"must be {schema['const']!r}")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        sentences.append(_about_pattern(schema["pattern"]))
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            sentences.append(f"must be at least {schema['minimum']}")
        if value > schema.get("maximum", value):
            sentences.append(f"must be at most {schema['maximum']}")
    return [Mistake(path, "bad_value", f"{_name(path)} {sentence}") for sentence in sentences]


def _about_pattern(pattern: str) -> str:
    if pattern.startswith("^(env|file|"):
        return "is a secret: give a reference such as env:NAME or file:PATH, never the value"
    return f"must match {pattern}"


def _name(path: Path) -> str:
    return repr(".".join(map(str, path))) if path else "'with'"


def _a(names: list[str]) -> str:
    return " or ".join(
        {"array": "a list", "object": "a mapping", "null": "empty"}.get(n, f"of type {n}") for n in names
    )


def _kind(value: Any) -> str:
    words = {bool: "a truth value", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}
    return words.get(type(value), "empty" if value is None else type(value).__name__)
