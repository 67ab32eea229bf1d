"""An example of what an action returns, made from its result schema; a rehearsal gives it where nothing is scripted.

Only what pydantic writes into schemas is understood.
"""

from collections.abc import Mapping
from typing import Any


def example_of(schema: Mapping[str, Any], name: str = "value") -> Any:
    """Something that fits a schema: texts say what they stand for (`<previous>`), the rest is as plain as it may be."""
    return _example(schema, schema.get("$defs", {}), name)


def _example(schema: Mapping[str, Any], definitions: Mapping[str, Any], name: str) -> Any:
    if "$ref" in schema:
        return _example(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions, name)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _example(schema[word][0], definitions, name)
    for word in ("default", "const"):
        if schema.get(word) is not None:
            return schema[word]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {key: _example(each, definitions, key) for key, each in schema.get("properties", {}).items()}
    least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    plain = {"string": f"<{name}>", "integer": least, "number": least, "boolean": True, "array": []}
    return plain.get(str(schema.get("type")))
