"""The coverage map: which services have withstood which kinds of fault, when, and what that is worth today. Pure.

Used by `api/game_day_coverage.py`. The one thing to know: only a fault that was proved to be there, in a game day that
ended with a word about the service, says anything; what was never shown counts as nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.game_day import GameDayKind, GameDayState, GameDayVerdict
from domain.game_day_faults import EffectProof, FaultRun
from domain.game_day_score import standing
from domain.model import Model

# What a fault at a target of no service, in a game day of no service, is listed under.
NO_SERVICE = "(no service)"


class CoverageCell(Model):
    """One kind of fault at one service."""

    kind: str
    # What it is worth now: 100 passed and fresh, 75 passed long ago, 50 failed, 0 never shown.
    standing: float = 0
    last_passed_at: datetime | None = None
    last_passed_id: str | None = None
    # The last game day that made this fault here, whatever it showed.
    last_at: datetime | None = None
    last_id: str | None = None
    last_verdict: str | None = None
    runs: int = 0


class CoverageRow(Model):
    """One service."""

    service: str
    # The mean of its cells.
    standing: float
    cells: tuple[CoverageCell, ...]


class Coverage(Model):
    """The whole map."""

    # A run that is older than this has aged.
    fresh_for_seconds: float
    kinds: tuple[str, ...]
    rows: tuple[CoverageRow, ...]
    # Kinds of faults that there are, and that no game day makes.
    untried: tuple[str, ...] = ()
    # How many game days were looked at, and whether there are older ones.
    looked_at: int = 0
    is_partial: bool = False


def coverage(
    held: Iterable[GameDayState],
    services: Sequence[str],
    planned: Iterable[str],
    known: Iterable[str],
    *,
    now: datetime,
    fresh_for: timedelta,
) -> Coverage:
    """The map of game days that were held, newest or oldest first; every service has a row, drilled or not.

    `planned` are the kinds of fault that game days on file make, `known` all kinds that there are.
    """
    states = sorted((each for each in held if _says_something(each)), key=_ended_at)
    cells: dict[tuple[str, str], CoverageCell] = {}
    for state in states:
        of_target = {target.name: target.service for target in state.targets.all()}
        met = {(_service(state, run, of_target), run.action) for run in state.faults if _was_there(run)}
        for service, kind in sorted(met):
            cells[service, kind] = _after(cells.get((service, kind), CoverageCell(kind=kind)), state, now, fresh_for)
    kinds = tuple(sorted({*planned, *(kind for _, kind in cells)}))
    names = sorted({*services, *(service for service, _ in cells)})
    return Coverage(
        fresh_for_seconds=fresh_for.total_seconds(),
        kinds=kinds,
        rows=tuple(_row(name, kinds, cells) for name in names),
        untried=tuple(sorted(set(known) - set(kinds))),
    )


def _says_something(state: GameDayState) -> bool:
    return state.finished_at is not None and state.verdict is not None and state.kind is not GameDayKind.DRY


def _ended_at(state: GameDayState) -> datetime:
    return state.finished_at or state.started_at


def _service(state: GameDayState, run: FaultRun, of_target: Mapping[str, str | None]) -> str:
    return of_target.get(run.target or "") or state.service or NO_SERVICE


def _was_there(run: FaultRun) -> bool:
    return run.effect is EffectProof.CONFIRMED


def _after(cell: CoverageCell, state: GameDayState, now: datetime, fresh_for: timedelta) -> CoverageCell:
    """The cell with one more, later game day."""
    verdict = state.verdict
    update: dict[str, object] = {
        "last_at": state.finished_at,
        "last_id": state.id,
        "last_verdict": verdict.value if verdict else None,
        "runs": cell.runs + 1,
    }
    if verdict is GameDayVerdict.PASSED:
        update |= {"last_passed_at": state.finished_at, "last_passed_id": state.id}
    # An aborted or inconclusive one takes nothing away from what was shown before.
    if verdict in {GameDayVerdict.PASSED, GameDayVerdict.FAILED}:
        update["standing"] = standing(verdict.value, state.finished_at, now, fresh_for)
    return cell.model_copy(update=update)


def _row(service: str, kinds: Sequence[str], cells: Mapping[tuple[str, str], CoverageCell]) -> CoverageRow:
    own = tuple(cells.get((service, kind), CoverageCell(kind=kind)) for kind in kinds)
    mean = round(sum(cell.standing for cell in own) / len(own), 1) if own else 0.0
    return CoverageRow(service=service, standing=mean, cells=own)
