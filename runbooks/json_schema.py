"""The JSON Schema of the runbook language, for editors; `hotwash runbook schema` and the API publish it.

It knows the actions that there are, so an editor completes their parameters, too.
"""

from collections.abc import Mapping
from typing import Any

from domain.run import ActionSpec
from runbooks.schema import Runbook

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d|w))+$", "examples": ["30s", "5m", "1h30m", "7d"]}
_EXPRESSION = {"type": "string", "pattern": r"\{[{%]"}


def runbook_json_schema(specs: Mapping[str, ActionSpec]) -> dict[str, Any]:
    """The schema of a runbook file, with the parameters of every action."""
    schema = _as_written(Runbook.model_json_schema(by_alias=True))
    definitions = schema["$defs"]
    for name, spec in sorted(specs.items()):
        own = spec.parameters.get("$defs", {})
        definitions.update({f"{name}.{each}": _open(body, name) for each, body in own.items()})
        definitions[name] = _open({k: v for k, v in spec.parameters.items() if k != "$defs"}, name)
    for holder in ("Step", "ActionCall", "Verify", "StopCondition"):
        _bind(definitions[holder], specs)
    return {"$schema": DIALECT, "title": "Hotwash runbook", **schema}


def _bind(definition: dict[str, Any], specs: Mapping[str, ActionSpec]) -> None:
    definition["allOf"] = [
        {
            "if": {"properties": {"action": {"const": name}}, "required": ["action"]},
            "then": {"properties": {"with": {"$ref": f"#/$defs/{name}"}}},
        }
        for name in sorted(specs)
    ]


def _as_written(value: Any) -> Any:
    """Durations are written `5m`, not in ISO 8601 as a machine would; and a default needs no repeating."""
    if isinstance(value, dict):
        if value.get("format") == "duration":
            return {**_DURATION, **{k: v for k, v in value.items() if k in {"title", "description"}}}
        return {key: _as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    return value


def _open(value: Any, action: str, *, is_schema: bool = True) -> Any:
    """The schema of parameters where every value may be an expression instead, and references stay in the action."""
    if isinstance(value, list):
        return [_open(item, action) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {**value, "$ref": value["$ref"].replace("#/$defs/", f"#/$defs/{action}.")}
    opened = {
        key: {name: _or_expression(_open(item, action)) for name, item in inner.items()}
        if key == "properties" and is_schema
        else _open(inner, action)
        for key, inner in value.items()
    }
    return _as_written(opened)


def _or_expression(schema: Any) -> Any:
    return {"anyOf": [schema, _EXPRESSION]}
