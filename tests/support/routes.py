"""Every route of the app, with a request that would be good enough to reach it. Used by the tests of the API.

Made from the app itself, so that a route added later is in every matrix without anybody thinking of it.
"""

import re
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

# What stands in a path for each parameter.
INCIDENT = "inc-20261122-k7qd"
_FILLED = {"id": INCIDENT, "task_id": "task-1", "name": "say-yes", "service": "checkout"}


class Call(NamedTuple):
    """One method of one route."""

    method: str
    # The template, for messages, and the path with its parameters filled in.
    template: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def all_calls(app: FastAPI) -> list[Call]:
    """Each route with each of its methods."""
    calls = []
    for each in iter_route_contexts(app.routes):
        template = each.path
        if template is None or not each.methods:
            continue
        path = re.sub(r"{(\w+)(:\w+)?}", lambda found: _FILLED.get(found.group(1), INCIDENT), template)
        calls += [Call(method, template, path) for method in sorted(each.methods - {"HEAD"})]
    return calls


def body_fields(app: FastAPI, call: Call) -> dict[str, Any]:
    """The properties of the JSON body that the OpenAPI document promises; empty without one."""
    document = app.openapi()
    operation = document["paths"].get(call.template, {}).get(call.method.lower(), {})
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    choices = [schema, *schema.get("anyOf", [])]
    names = [each["$ref"].rpartition("/")[2] for each in choices if "$ref" in each]
    found: dict[str, Any] = document["components"]["schemas"][names[0]] if names else {}
    return found
