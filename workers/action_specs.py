"""What every built-in and installed action declares of itself, without connections to anything.

The entry point of `hotwash runbook lint` and `hotwash runbook actions`, which work without a server.
"""

import json
from collections.abc import Iterator
from typing import Any

from activities.actions import BUILT_IN, specs, third_party_classes
from domain.model import Model
from domain.run import ActionSpec

_HEAD = """\
# Actions

What a runbook step may do. Made by `hotwash runbook actions --markdown` from what the code of each action declares; a
test holds this page to it.

- **effect**: `read_only` looks, `mutating` changes something, `fault` does harm on purpose and runs in drills only.
- **a second execution**: `idempotent` changes nothing more; `keyed`: the target knows our key; `at_most_once` may do
  harm, so a step whose worker vanished is checked, or a person is asked.
- Nothing is touched that `hotwash.yaml` does not name under `actions:`.

"""


class ActionPage(Model):
    """One action as the catalogue shows it."""

    spec: ActionSpec
    example: dict[str, Any]


def action_specs() -> dict[str, ActionSpec]:
    """By the action's name."""
    return specs()


def action_pages() -> list[ActionPage]:
    """The whole catalogue, by name."""
    classes = sorted((*BUILT_IN, *third_party_classes()), key=lambda each: each.name)
    return [ActionPage(spec=each.spec(), example=dict(each.example)) for each in classes]


def action_catalogue() -> str:
    """The catalogue as Markdown."""
    pages = action_pages()
    lines = ["| action | effect | a second execution | undo | check |", "|---|---|---|---|---|"]
    for page in pages:
        spec = page.spec
        has = ["yes" if each else "–" for each in (spec.has_undo, spec.has_check)]
        anchor = spec.name.replace(".", "")
        lines.append(f"| [`{spec.name}`](#{anchor}) | {spec.effect} | {spec.idempotency} | {has[0]} | {has[1]} |")
    return _HEAD + "\n".join(lines) + "\n\n" + "\n".join(line for page in pages for line in _lines(page)) + "\n"


def _lines(page: ActionPage) -> Iterator[str]:
    spec = page.spec
    yield f"## {spec.name}"
    yield ""
    yield spec.summary
    yield ""
    properties = spec.parameters.get("properties", {})
    if properties:
        yield "| parameter | type | |"
        yield "|---|---|---|"
        required = spec.parameters.get("required", [])
        for name, schema in properties.items():
            default = "required" if name in required else f"default {json.dumps(schema.get('default'))}"
            yield f"| `{name}` | {_type(schema, spec.parameters)} | {default} |"
        yield ""
    gives = ", ".join(f"`{name}`" for name in spec.result.get("properties", {}))
    if gives:
        yield f"Gives: {gives}."
        yield ""
    yield "```yaml"
    yield f"action: {spec.name}"
    yield f"with: {json.dumps(page.example, ensure_ascii=False)}"
    yield "```"
    yield ""


def _type(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    """A parameter's type in a few words."""
    if "$ref" in schema:
        return _type(whole.get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[-1], {}), whole)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each, whole) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), whole)}"
    return str(schema.get("format") or schema.get("type") or "anything")
