"""Puts the API together: gate, error table, REST, webhooks, pages. Called by `api/main.py` and by tests.

The one thing to know: everything that a route needs stands in `app.state` under the names given here.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from temporalio.client import Client

from api.acting import Actions
from api.auth import Authenticator
from api.drill_proposals import DrillProposals
from api.engine import Engine
from api.errors import install_error_handlers
from api.game_day_coverage import CoverageDesk
from api.game_day_reports import ReportDesk
from api.game_day_schedules import ScheduleDesk
from api.game_days import GameDayDesk
from api.guard import Guard
from api.health import Health
from api.learning import LearningDesk
from api.live import LOOK_EVERY
from api.metrics import Metrics
from api.openapi import OPENAPI_PATH, openapi_document
from api.pages import action_items as action_item_pages
from api.pages import drill_proposals as drill_proposal_pages
from api.pages import game_days as game_day_pages
from api.pages import incidents as incident_pages
from api.pages import learning as learning_pages
from api.pages import operations_reviews as operations_review_pages
from api.pages import reviews as review_pages
from api.pages import room as room_page
from api.pages import runs as run_pages
from api.pages import status as status_page
from api.pages.rendering import STATIC, render
from api.ports import ConfigurationSource, SecretSource
from api.postmortems import PostmortemDesk
from api.reading import Reader
from api.routes import (
    access,
    action_items,
    alert_groups,
    approvals,
    directory,
    game_days,
    health,
    incidents,
    insights,
    operations_reviews,
    patterns,
    postmortems,
    review_files,
    reviews,
    runs,
    safety_levers,
    search,
)
from api.safety_levers import LeverDesk
from api.standing_approvals import StandingDesk
from api.webhooks.routes import webhook_router
from api.webhooks.trackers import tracker_router
from runbooks.catalog import Catalog
from runbooks.game_day_catalog import GameDayCatalog
from store.interface import Learning, RecordReader, RecordSink

NOUNS = (
    incidents,
    runs,
    approvals,
    postmortems,
    review_files,
    reviews,
    action_items,
    alert_groups,
    game_days,
    safety_levers,
    directory,
    insights,
    search,
    patterns,
    operations_reviews,
    access,
)
PAGES = (
    incident_pages,
    room_page,
    run_pages,
    action_item_pages,
    game_day_pages,
    learning_pages,
    operations_review_pages,
    review_pages,
    drill_proposal_pages,
    status_page,
)


def create_app(
    *,
    engine: Client,
    reader: RecordReader,
    record: RecordSink,
    learning: Learning,
    demand_store: Callable[[], Awaitable[object]],
    configuration: ConfigurationSource,
    secrets: SecretSource,
    catalog: Catalog,
    game_day_catalog: GameDayCatalog,
    authenticator: Authenticator,
    secret_key: str,
    host: str = "127.0.0.1",
    look_every: timedelta = LOOK_EVERY,
) -> FastAPI:
    """The whole application. The engine's client may be lazy: until it answers, callers hear 503."""
    # No docs pages: Swagger's come from a CDN. The document itself is for tools.
    app = FastAPI(
        title="Hotwash", version="1", openapi_url=OPENAPI_PATH, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    gate = Engine(engine)
    state = app.state
    state.engine, state.configuration, state.secrets = engine, configuration, secrets
    state.catalog, state.game_days = catalog, game_day_catalog
    state.authenticator, state.secret_key = authenticator, secret_key
    state.reader = Reader(gate, reader)
    state.postmortems = PostmortemDesk(gate, reader, record, configuration)
    state.learning = LearningDesk(learning, catalog)
    state.actions = Actions(gate, state.reader, configuration, catalog, game_day_catalog)
    state.levers = LeverDesk(engine, configuration)
    state.game_day_desk = GameDayDesk(engine, game_day_catalog, configuration, state.levers)
    state.game_day_schedules = ScheduleDesk(engine, state.reader, state.game_day_desk, game_day_catalog, configuration)
    state.standing_approvals = StandingDesk(gate, configuration)
    state.game_day_reports = ReportDesk(gate, state.reader, configuration)
    state.game_day_coverage = CoverageDesk(state.reader, game_day_catalog, configuration)
    state.drill_proposals = DrillProposals(state.reader, game_day_catalog, configuration)
    state.health = Health(engine, demand_store)
    state.engine_answers = state.health.engine_answers
    state.metrics = Metrics()
    state.look_every = look_every
    state.show_problem = _show_problem
    install_error_handlers(app)
    _include(app)
    app.add_middleware(Guard, authenticator=authenticator, metrics=state.metrics, host=host)
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]  # FastAPI's own way of adding to the document
    return app


def _show_problem(status: int, title: str, detail: str) -> HTMLResponse:
    return render("problem.html", status=status, title=title, detail=detail)


def _include(app: FastAPI) -> None:
    v1 = APIRouter(prefix="/api/v1")
    for noun in NOUNS:
        v1.include_router(noun.router)
    app.include_router(v1)
    app.include_router(health.router)
    app.include_router(tracker_router())
    app.include_router(webhook_router())
    for pages in (access.pages, *(each.router for each in PAGES)):
        app.include_router(pages)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
