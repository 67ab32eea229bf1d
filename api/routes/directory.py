"""What `hotwash.yaml` and the runbook folders say: services, who is on call, runbooks with their plan."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.bodies import nearest
from api.dependencies import CatalogDep, ConfigurationDep, problems
from domain.configuration import Configuration, OnCall, Service
from domain.errors import Rejected, RejectionKind
from runbooks.schema import Runbook

router = APIRouter()


@router.get("/services", tags=["services"], summary="What can break", response_model=None, responses=problems())
async def list_services(configuration: ConfigurationDep) -> JSONResponse:
    """Every service of the configuration."""
    return _all([_service(key, each) for key, each in configuration.services.items()])


@router.get("/services/{id}", tags=["services"], summary="One service", response_model=None, responses=problems(404))
async def get_service(id: str, configuration: ConfigurationDep) -> JSONResponse:  # noqa: A002 - the path's word
    """With the team that looks after it."""
    return JSONResponse(_service(id, _known_service(id, configuration)))


@router.get(
    "/on-call", tags=["on-call"], summary="Who is on call, per service", response_model=None, responses=problems()
)
async def list_on_call(configuration: ConfigurationDep) -> JSONResponse:
    """`people` are paged first; `levels` says who comes after them."""
    return _all([_on_call(key, each, configuration) for key, each in configuration.services.items()])


@router.get(
    "/on-call/{service}", tags=["on-call"], summary="Who is on call for a service", response_model=None,
    responses=problems(404),
)  # fmt: skip
async def get_on_call(service: str, configuration: ConfigurationDep) -> JSONResponse:
    """Nobody is an answer, too: `people` is empty then."""
    return JSONResponse(_on_call(service, _known_service(service, configuration), configuration))


@router.get("/runbooks", tags=["runbooks"], summary="The catalogue", response_model=None, responses=problems())
def list_runbooks(catalog: CatalogDep) -> JSONResponse:
    """The team's runbooks and the library's, with what is wrong where something is."""
    return _all([each.model_dump(mode="json") for each in catalog.summaries()])


@router.get("/runbooks/{name}", tags=["runbooks"], summary="One runbook", response_model=None, responses=problems(404))
def get_runbook(name: str, catalog: CatalogDep) -> JSONResponse:
    """Its text, and when it is fit to run: its digest, parameters and plan; else the findings."""
    text = catalog.text(name)
    linted = catalog.lint(name)
    findings = [each.model_dump(mode="json") for each in linted.findings]
    body: dict[str, Any] = {"name": name, "text": text, "findings": findings}
    if findings or linted.runbook is None:
        return JSONResponse({**body, "digest": None, "plan": None})
    pinned = catalog.pin(name)
    return JSONResponse(
        {
            **body,
            **_said(pinned.document),
            "digest": pinned.reference.digest,
            "plan": catalog.plan(name).model_dump(mode="json"),
        }
    )


def _said(runbook: Runbook) -> dict[str, Any]:
    shown = {"title", "version", "owner", "description", "mitigates", "parameters"}
    return runbook.model_dump(mode="json", include=shown)


def _all(items: list[dict[str, Any]]) -> JSONResponse:
    return JSONResponse({"items": items, "next_cursor": None})


def _known_service(name: str, configuration: Configuration) -> Service:
    if name not in configuration.services:
        raise Rejected(f"there is no service {name!r}{nearest(name, configuration.services)}", RejectionKind.NOT_FOUND)
    return configuration.services[name]


def _service(key: str, service: Service) -> dict[str, Any]:
    return {"id": key, **service.model_dump(mode="json")}


def _on_call(key: str, service: Service, configuration: Configuration) -> dict[str, Any]:
    path = configuration.on_call[service.on_call] if service.on_call else None
    return {
        "service": key,
        "on_call": service.on_call,
        "people": list(path.levels[0].people) if path else [],
        "levels": _levels(path) if path else [],
    }


def _levels(path: OnCall) -> list[dict[str, Any]]:
    return [
        {
            "level": number,
            "people": list(level.people),
            "acknowledge_within_seconds": level.acknowledge_within.total_seconds()
            if level.acknowledge_within
            else None,
        }
        for number, level in enumerate(path.levels, start=1)
    ]
