"""The OpenAPI document, served at `/api/v1/openapi.json`: what FastAPI derives and what the gate adds to each route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.auth import SESSION_COOKIE
from api.guard import PUBLIC, PUBLIC_FOLDERS
from api.problems import MEDIA_TYPE, Problem

OPENAPI_PATH = "/api/v1/openapi.json"
# FastAPI's own form of a 422, which never leaves this API: api/errors.py makes a problem document of it.
_NEVER_SENT = ("HTTPValidationError", "ValidationError")


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document; made once, with the first request for it."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            routes=app.routes,
            description="Durable incident orchestration. Every refusal is an RFC 9457 problem document.",
        )
        _describe_problems(document)
        _describe_credentials(document)
        app.openapi_schema = document
    return app.openapi_schema


def _describe_problems(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(described.pop("$defs", {}))
    schemas["Problem"] = described
    for name in _NEVER_SENT:
        schemas.pop(name, None)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in _operations(document):
        for status, response in operation["responses"].items():
            if status == "422":
                response["content"] = content


def _describe_credentials(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
    }
    document["security"] = [{"token": []}, {"session": []}]
    for path, item in document["paths"].items():
        if path in PUBLIC or path.startswith(PUBLIC_FOLDERS):
            for operation in item.values():
                # Webhooks say in their own words what they want to see.
                operation.setdefault("security", [])


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]
