"""Game days that have ended, made by hand; and put into the record as their workflows would have left them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.drill_targets import Chosen, ResolvedTarget
from domain.game_day import GameDayPhase, GameDayState, GameDayVerdict
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, UndoneBy
from domain.ids import game_day_workflow_id, incident_workflow_id
from domain.incident import IncidentState, IncidentStatus
from domain.record import Projection, ProjectionKind
from domain.severity import IncidentType, Severity
from domain.timeline import automation, person
from store.opening import open_store
from tests.support.records import batch
from tests.support.world import World

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
KILL = FaultRun(
    id="kill", action="process.kill", target="shop-1", duration_seconds=60, state=FaultStage.UNDONE,
    effect=EffectProof.CONFIRMED, undone_by=UndoneBy.WORKFLOW, clean=True,
)  # fmt: skip


def held(**fields: Any) -> GameDayState:
    """A game day that has ended well, but for what a test says of it."""
    target = ResolvedTarget(name="shop-1", service="shop", environment="staging")
    usual: dict[str, Any] = {
        "id": "drill-1", "name": "drill", "title": "A drill", "phase": GameDayPhase.FINISHED,
        "verdict": GameDayVerdict.PASSED, "started_at": START, "finished_at": START + timedelta(minutes=3),
        "took_effect_at": START, "requested_by": person("dana"), "faults": (KILL,),
        "targets": Chosen(targets={"shop": (target,)}),
    }  # fmt: skip
    return GameDayState(**usual | fields)


def projection(state: GameDayState) -> Projection:
    """Its picture."""
    document = state.model_dump(mode="json")
    return Projection(kind=ProjectionKind.GAME_DAY, id=state.id, version=1, incident_id=None, document=document)


async def record_game_day(world: World, state: GameDayState) -> None:
    """Beside the world's own processes, into the same store."""
    await _record(world, game_day_workflow_id(state.id), projection(state))


async def record_drill(world: World, game_day: str, incident_id: str) -> None:
    """The incident of a game day, as its alert would have made it."""
    state = IncidentState(
        id=incident_id, title="The shelf has fallen", status=IncidentStatus.INVESTIGATING, severity=Severity.SEV3,
        type=IncidentType.OUTAGE, declared_by=automation("alerts"), declared_at=datetime.now(UTC), drill=True,
        game_day_workflow=game_day_workflow_id(game_day),
    )  # fmt: skip
    document = state.model_dump(mode="json")
    kind = ProjectionKind.INCIDENT
    picture = Projection(kind=kind, id=incident_id, version=1, incident_id=incident_id, document=document)
    await _record(world, incident_workflow_id(incident_id), picture)


async def _record(world: World, origin: str, picture: Projection) -> None:
    store = open_store(world.home.store_url)
    try:
        await store.record.save(batch(origin, pictures=(picture,)))
    finally:
        await store.close()
