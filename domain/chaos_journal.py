"""A game day as the Chaos Toolkit writes its journals, for the tools that read them (reports, dashboards). Pure.

Called by `api/routes/game_days.py`. The one thing to know: the toolkit's words are fewer than ours. A game day that was
refused is `aborted` there, a fault whose effect was not confirmed `failed`; what has no place is under `hotwash`.
"""

from datetime import datetime
from typing import Any

from domain.game_day import GameDayState, GameDayVerdict
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, is_doubtful
from domain.game_day_probes import ProbeRun

# chaoslib 1.44 `types.py`: completed, failed, aborted, interrupted.
_STATUS = {
    GameDayVerdict.PASSED: "completed",
    GameDayVerdict.FAILED: "completed",
    GameDayVerdict.PREVIEWED: "completed",
    GameDayVerdict.INCONCLUSIVE: "failed",
    GameDayVerdict.REFUSED: "aborted",
    GameDayVerdict.ABORTED: "interrupted",
}
_MODES_DURING = frozenset({"continuous", "during_fault"})


def journal_of(state: GameDayState, version: str) -> dict[str, Any]:
    """The journal of a game day that has ended, or of one under way as far as it got."""
    end = state.finished_at
    return {
        # Readers look at this for the shape of what follows.
        "chaoslib-version": "1.44.0",
        "platform": "hotwash",
        "node": f"hotwash {version}",
        "experiment": _experiment(state),
        "start": _time(state.started_at),
        "status": _STATUS[state.verdict] if state.verdict is not None else "started",
        "deviated": _deviated(state),
        "steady_states": _steady_states(state),
        "run": [_injection(fault) for fault in state.faults if fault.asked_at is not None],
        "rollbacks": [_rollback(fault) for fault in state.faults if fault.undo_asked_at or fault.undone_at],
        "end": _time(end),
        "duration": (end - state.started_at).total_seconds() if end else None,
        "hotwash": {
            "id": state.id,
            "verdict": state.verdict,
            "reason": state.reason,
            "incident_id": state.incident_id,
            "expectations": [each.model_dump(mode="json") for each in state.expectations],
            "scores": state.scores.model_dump(mode="json"),
        },
    }


def _experiment(state: GameDayState) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "title": state.title,
        "description": state.hypothesis or state.title,
        "tags": [tag for tag in (state.name, state.service, state.environment) if tag],
        "steady-state-hypothesis": {
            "title": state.hypothesis or state.title,
            "probes": [_activity("probe", probe.name, probe.id) for probe in state.probes],
        },
        "method": [_activity("action", fault.name, fault.action) for fault in state.faults],
        "rollbacks": [_activity("action", f"undo {fault.name}", fault.action) for fault in state.faults],
    }


def _activity(kind: str, name: str, called: str) -> dict[str, Any]:
    # The toolkit has no provider for what Hotwash does; a Python one with our names is valid, and says whose it is.
    return {"type": kind, "name": name, "provider": {"type": "python", "module": "hotwash", "func": called}}


def _steady_states(state: GameDayState) -> dict[str, Any]:
    """Hotwash keeps the last answer of each probe: that is `after`; whether it ever broke is `during`."""
    during = [_probed(probe, probe.broke_at is None) for probe in state.probes if probe.mode in _MODES_DURING]
    checked = next((each for each in state.preflight if "steady" in each.name), None)
    before = None if checked is None else {"steady_state_met": checked.holds is True, "probes": []}
    after = [_probed(probe, probe.holds is True) for probe in state.probes if probe.at is not None]
    met = bool(after) and all(each["tolerance_met"] for each in after)
    return {
        "before": before,
        "after": {"steady_state_met": met, "probes": after} if state.finished_at and after else None,
        "during": [{"steady_state_met": all(each["tolerance_met"] for each in during), "probes": during}]
        if during and state.took_effect_at
        else [],
    }


def _probed(probe: ProbeRun, met: bool) -> dict[str, Any]:
    at = _time(probe.at)
    return {
        "activity": _activity("probe", probe.name, probe.id),
        "output": probe.detail,
        "start": at,
        "status": "succeeded" if probe.holds is not None else "failed",
        "end": at,
        "duration": 0.0,
        "tolerance_met": met,
    }


def _injection(fault: FaultRun) -> dict[str, Any]:
    is_there = fault.effect is EffectProof.CONFIRMED
    return _ran(
        _activity("action", fault.name, fault.action),
        fault.asked_at,
        fault.made_at,
        problem=fault.problem or ("" if is_there else fault.effect_detail or "its effect was not confirmed"),
        output=fault.effect_detail,
    )


def _rollback(fault: FaultRun) -> dict[str, Any]:
    bad = fault.state is FaultStage.UNDO_FAILED or fault.clean is False or is_doubtful(fault)
    problem = (fault.undo_problem or fault.clean_detail or "it is not undone") if bad else ""
    done = _ran(
        _activity("action", f"undo {fault.name}", fault.action),
        fault.undo_asked_at or fault.undone_at,
        fault.undone_at,
        problem=problem,
        output=fault.clean_detail,
    )
    return {**done, "hotwash": {"undone_by": fault.undone_by}}


def _ran(
    activity: dict[str, Any], begun: datetime | None, ended: datetime | None, *, problem: str, output: str
) -> dict[str, Any]:
    seconds = max(0.0, (ended - begun).total_seconds()) if begun and ended else 0.0
    return {
        "activity": activity,
        "output": output,
        "start": _time(begun),
        "status": "failed" if problem else "succeeded",
        "end": _time(ended),
        "duration": seconds,
        **({"exception": [problem]} if problem else {}),
    }


def _deviated(state: GameDayState) -> bool:
    """The toolkit: the steady state did not hold after the method. Ours: it broke where it had to hold."""
    broke = any(probe.mode == "during_fault" and probe.broke_at is not None for probe in state.probes)
    return broke or state.hypothesis_held is False or state.restored is False


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
