"""What a game day is worth: five scores of one run, how they age, and how one run compares with the last. Pure.

The scale of ageing is Gremlin's: passed 100, passed long ago 75, failed 50, never run 0; the weights of probes are
Litmus's. The one thing to know: scores are kept apart, because one number would hide the worst of them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.game_day import (
    Change,
    Difference,
    Expectation,
    GameDayState,
    Judgement,
    Scores,
)
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, UndoneBy, is_doubtful, moment

DETECTION = frozenset({Expectation.DETECT, Expectation.NO_OTHER_ALERTS})
RESPONSE = frozenset(
    {
        Expectation.DECLARE,
        Expectation.PAGE,
        Expectation.ROUTE,
        Expectation.ACKNOWLEDGE,
        Expectation.MITIGATE,
        Expectation.COMMUNICATE,
    }
)
PASSED, STALE, FAILED, NEVER = 100.0, 75.0, 50.0, 0.0
# Late is worth half of in time: it was noticed, and it was not good enough.
_WORTH = {Judgement.MET: 1.0, Judgement.LATE: 0.5, Judgement.MISSED: 0.0}


def scores(state: GameDayState) -> Scores:
    """The five scores of a game day that has ended; None where nothing was there to be judged."""
    if state.took_effect_at is None:
        return Scores(undo_safety=_undo_safety(state.faults), coverage=_coverage(state))
    return Scores(
        resilience=_resilience(state),
        detection=_expected(state, DETECTION),
        response=_expected(state, RESPONSE),
        undo_safety=_undo_safety(state.faults),
        coverage=_coverage(state),
    )


def standing(verdict: str | None, at: datetime | None, now: datetime, fresh_for: timedelta) -> float:
    """What the last run of a game day is worth now: it decays, because systems change."""
    if at is None or verdict not in {"passed", "failed"}:
        return NEVER
    if verdict == "failed":
        return FAILED
    return PASSED if now - at <= fresh_for else STALE


def aged(score: float | None, at: datetime, now: datetime, fresh_for: timedelta) -> float | None:
    """A score of a run, as it counts now: three quarters of it once the run is no longer fresh."""
    if score is None or now - at <= fresh_for:
        return score
    return score * STALE / PASSED


def difference(state: GameDayState, last: Mapping[str, Any] | None) -> Difference:
    """This run next to the last picture of the same name."""
    if last is None:
        return Difference(problem="this is the first run of this name")
    changes = [*_words(state, last), *_expectations(state, last), *_numbers(state, last)]
    return Difference(
        last_id=str(last.get("id", "")) or None,
        last_at=moment(last.get("finished_at") or last.get("started_at")),
        changes=tuple(changes),
    )


# --- scores ---


def _resilience(state: GameDayState) -> float | None:
    weighed = [(probe.weight, probe.held / probe.asked) for probe in state.probes if probe.asked and probe.weight]
    total = sum(weight for weight, _ in weighed)
    held = sum(weight * share for weight, share in weighed) / total if total else None
    parts = [held] if held is not None else []
    recovered = [each for each in state.expectations if each.expectation is Expectation.RECOVER]
    parts += [_WORTH[each.judgement] for each in recovered if each.judgement in _WORTH]
    if state.rto_limit_seconds is not None:
        parts.append(float(state.rto_seconds is not None and state.rto_seconds <= state.rto_limit_seconds))
    if state.rpo_limit is not None:
        parts.append(float(state.rpo is not None and state.rpo <= state.rpo_limit))
    return _percent(parts)


def _expected(state: GameDayState, kinds: frozenset[Expectation]) -> float | None:
    return _percent(
        [
            _WORTH[each.judgement]
            for each in state.expectations
            if each.expectation in kinds and each.judgement in _WORTH
        ]
    )


def _undo_safety(faults: Iterable[FaultRun]) -> float | None:
    return _percent([_safety(run) for run in faults if run.state is not FaultStage.SKIPPED])


def _safety(run: FaultRun) -> float:
    if run.state is FaultStage.UNDO_FAILED or run.clean is False:
        return 0.0
    # The second path had to do what the first should have done.
    by_itself = run.ended_early and run.undone_by in {UndoneBy.LEASE, UndoneBy.SWEEP}
    return FAILED / PASSED if by_itself or is_doubtful(run) else 1.0


def _coverage(state: GameDayState) -> float | None:
    faults = [float(run.effect is EffectProof.CONFIRMED) for run in state.faults]
    seen = [float(each.judgement in _WORTH) for each in state.expectations]
    return _percent(faults + seen)


def _percent(parts: list[float]) -> float | None:
    return round(100 * sum(parts) / len(parts), 1) if parts else None


# --- the last run ---


_BETTER = {"met": 3, "late": 2, "missed": 1, "not_observable": 0, "passed": 3, "failed": 1, "inconclusive": 0}


def _words(state: GameDayState, last: Mapping[str, Any]) -> Iterable[Change]:
    now = state.verdict.value if state.verdict else "none"
    before = str(last.get("verdict") or "none")
    if now != before:
        yield Change(what="verdict", before=before, now=now, is_better=_is_better(before, now))
    definition = str(last.get("definition", ""))
    if definition and definition != state.definition:
        yield Change(what="definition", before=definition[:19], now=state.definition[:19])
    targets = _names(last.get("targets") or {})
    mine = [each.name for each in state.targets.all()]
    if targets is not None and targets != mine:
        yield Change(what="targets", before=", ".join(targets) or "none", now=", ".join(mine) or "none")


def _expectations(state: GameDayState, last: Mapping[str, Any]) -> Iterable[Change]:
    known = {each.get("expectation"): each for each in last.get("expectations") or () if isinstance(each, Mapping)}
    for result in state.expectations:
        name, now = result.expectation.value, result.judgement.value
        before = known.get(name)
        if before is None:
            yield Change(what=name, before="not expected", now=now)
            continue
        was = str(before.get("judgement"))
        if was != now:
            yield Change(what=name, before=was, now=now, is_better=_is_better(was, now))
        took, took_before = result.observed_after_seconds, before.get("observed_after_seconds")
        if took is not None and isinstance(took_before, int | float) and abs(took - took_before) >= 1:
            yield _number(f"{name} after", took_before, took, "s", lower_is_better=True)


def _numbers(state: GameDayState, last: Mapping[str, Any]) -> Iterable[Change]:
    before = last.get("scores") or {}
    for name, score in state.scores.model_dump().items():
        was = before.get(name)
        if score is not None and isinstance(was, int | float) and score != was:
            yield _number(name.replace("_", " "), was, score, "", lower_is_better=False)
    for name, mine in (("rto_seconds", state.rto_seconds), ("rpo", state.rpo)):
        was = last.get(name)
        if mine is not None and isinstance(was, int | float) and abs(mine - was) >= 1:
            unit = "s" if name == "rto_seconds" else state.rpo_unit
            yield _number(name.removesuffix("_seconds").upper(), was, mine, unit, lower_is_better=True)


def _number(what: str, before: float, now: float, unit: str, *, lower_is_better: bool) -> Change:
    unit = f" {unit}" if unit else ""
    is_better = (now < before) if lower_is_better else (now > before)
    return Change(what=what, before=f"{before:.1f}{unit}", now=f"{now:.1f}{unit}", is_better=is_better)


def _is_better(before: str, now: str) -> bool | None:
    if before not in _BETTER or now not in _BETTER:
        return None
    return _BETTER[now] > _BETTER[before]


def _names(targets: Mapping[str, Any]) -> list[str] | None:
    groups = targets.get("targets")
    if not isinstance(groups, Mapping):
        return None
    return sorted({str(each.get("name")) for group in groups.values() for each in group if isinstance(each, Mapping)})
