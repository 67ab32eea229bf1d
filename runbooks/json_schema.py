"""The JSON Schemas of runbooks and game days, for editors; `hotwash runbook schema` and `game-day schema` print them.

It knows the actions that there are, so an editor completes their parameters, too.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from domain.game_day import GameDayKind
from domain.run import ActionSpec
from runbooks.game_day_schema import GameDay
from runbooks.schema import Runbook
from runbooks.tabletop_schema import Tabletop

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d|w))+$", "examples": ["30s", "5m", "1h30m", "7d"]}
_EXPRESSION = {"type": "string", "pattern": r"\{[{%]"}


def runbook_json_schema(specs: Mapping[str, ActionSpec]) -> dict[str, Any]:
    """The schema of a runbook file, with the parameters of every action."""
    return _schema(Runbook, "Hotwash runbook", ("Step", "ActionCall", "Verify", "StopCondition"), specs)


def game_day_json_schema(specs: Mapping[str, ActionSpec]) -> dict[str, Any]:
    """The schema of a game day file, with the parameters of every action; a fault's limits stand beside its `with`.

    A file with `kind: tabletop` has other keys than one that breaks something: both are in here, told apart by `kind`.
    """
    without = {
        name: spec.model_copy(update={"parameters": _without_limits(spec.parameters)}) for name, spec in specs.items()
    }
    broken = _schema(GameDay, "Hotwash game day", ("Fault", "Probe", "ActionCall", "Rpo", "StopCondition"), without)
    played = _as_written(Tabletop.model_json_schema(by_alias=True))
    definitions = {**played.pop("$defs"), **broken["$defs"], "Tabletop": played}
    # Editors complete keys from `properties` at the top; which of them are allowed is said by kind.
    other = {"required": broken.pop("required"), "properties": dict.fromkeys(broken["properties"], True)}
    return {
        **broken,
        "$defs": definitions,
        "required": [name for name in other["required"] if name in played["required"]],
        "additionalProperties": True,
        "if": {"properties": {"kind": {"const": GameDayKind.TABLETOP.value}}, "required": ["kind"]},
        "then": {"$ref": "#/$defs/Tabletop"},
        "else": {**other, "additionalProperties": False},
    }


def _without_limits(parameters: dict[str, Any]) -> dict[str, Any]:
    """Game days write `duration` and `lease` beside `with`."""
    if "lease" not in parameters.get("properties", {}):
        return parameters
    properties = {key: value for key, value in parameters["properties"].items() if key not in {"duration", "lease"}}
    required = [key for key in parameters.get("required", ()) if key in properties]
    return {**parameters, "properties": properties, "required": required}


def _schema(
    model: type[BaseModel], title: str, holders: tuple[str, ...], specs: Mapping[str, ActionSpec]
) -> dict[str, Any]:
    schema = _as_written(model.model_json_schema(by_alias=True))
    definitions = schema["$defs"]
    for name, spec in sorted(specs.items()):
        own = spec.parameters.get("$defs", {})
        definitions.update({f"{name}.{each}": _open(body, name) for each, body in own.items()})
        definitions[name] = _open({k: v for k, v in spec.parameters.items() if k != "$defs"}, name)
    for holder in holders:
        _bind(definitions[holder], specs)
    return {"$schema": DIALECT, "title": title, **schema}


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
