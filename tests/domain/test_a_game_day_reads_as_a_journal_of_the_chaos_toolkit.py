"""A game day's journal has the shape of the toolkit's own, and tells the truth about faults and rollbacks."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.chaos_journal import journal_of
from domain.game_day import GameDayPhase, GameDayState, GameDayVerdict, PreflightCheck
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, UndoneBy
from domain.game_day_probes import ProbeRun
from domain.timeline import person

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def held(**fields: Any) -> GameDayState:
    """A game day that went well, unless told otherwise."""
    fault = FaultRun(
        id="kill",
        action="process.kill",
        target="shop-1",
        duration_seconds=60,
        state=FaultStage.UNDONE,
        asked_at=at(1),
        made_at=at(2),
        effect=EffectProof.CONFIRMED,
        effect_detail="process 7 was ended",
        undo_asked_at=at(20),
        undone_at=at(21),
        undone_by=UndoneBy.WORKFLOW,
        clean=True,
        clean_detail="it runs",
    )
    probe = ProbeRun(id="health", mode="continuous", holds=True, detail="answered 200", at=at(25), asked=5, held=5)
    base: dict[str, Any] = {
        "id": "process-dies-1",
        "name": "process-dies",
        "title": "The process dies",
        "hypothesis": "It comes back",
        "phase": GameDayPhase.FINISHED,
        "verdict": GameDayVerdict.PASSED,
        "started_at": START,
        "took_effect_at": at(2),
        "finished_at": at(30),
        "restored": True,
        "requested_by": person("dana"),
        "preflight": (PreflightCheck(name="steady state", holds=True),),
        "faults": (fault,),
        "probes": (probe,),
    }
    return GameDayState(**(base | fields))


def test_it_has_every_field_that_the_toolkit_itself_writes(tmp_path: Path) -> None:
    """Compared with a journal that the real toolkit has just written."""
    probe = {"type": "probe", "name": "ok", "tolerance": 0, "provider": {"type": "process", "path": "true"}}
    action = {"type": "action", "name": "do", "provider": {"type": "process", "path": "true"}}
    whole = {
        "title": "t",
        "description": "d",
        "steady-state-hypothesis": {"title": "h", "probes": [probe]},
        "method": [action],
        "rollbacks": [action],
    }
    (tmp_path / "experiment.json").write_text(json.dumps(whole))
    chaos = Path(sys.executable).with_name("chaos")
    argv = [chaos, "--no-log-file", "--no-version-check", "run", "--rollback-strategy", "always", "experiment.json"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    theirs = json.loads((tmp_path / "journal.json").read_text())
    ours = journal_of(held(), "0.1.0")
    assert theirs.keys() <= ours.keys()
    for key in ("run", "rollbacks"):
        assert theirs[key][0].keys() <= ours[key][0].keys()
    assert theirs["steady_states"].keys() == ours["steady_states"].keys()
    seen = theirs["steady_states"]["after"]["probes"][0]
    assert seen.keys() <= ours["steady_states"]["after"]["probes"][0].keys()
    assert theirs["experiment"].keys() - {"dry"} <= ours["experiment"].keys()
    assert (theirs["status"], theirs["deviated"]) == (ours["status"], ours["deviated"])


def test_what_went_well_says_so() -> None:
    """Injected, proved, undone by the workflow."""
    journal = journal_of(held(), "0.1.0")
    assert (journal["status"], journal["deviated"], journal["duration"]) == ("completed", False, 30.0)
    assert [(each["status"], each["duration"]) for each in journal["run"]] == [("succeeded", 1.0)]
    assert [(each["status"], each["hotwash"]["undone_by"]) for each in journal["rollbacks"]] == [
        ("succeeded", "workflow")
    ]


def test_an_undo_that_failed_is_a_rollback_that_failed() -> None:
    """And the system deviated, because it is not as it was."""
    broken = held().faults[0].model_copy(update={"state": FaultStage.UNDO_FAILED, "undo_problem": "no way back"})
    journal = journal_of(held(faults=(broken,), restored=False, verdict=GameDayVerdict.FAILED), "0.1.0")
    assert journal["deviated"] is True
    assert (journal["rollbacks"][0]["status"], journal["rollbacks"][0]["exception"]) == ("failed", ["no way back"])


def test_a_fault_without_effect_is_no_success() -> None:
    """The toolkit says succeeded when a call returned; here it has to show."""
    idle = held().faults[0].model_copy(update={"effect": EffectProof.MISMATCH, "effect_detail": "it still runs"})
    journal = journal_of(held(faults=(idle,), verdict=GameDayVerdict.INCONCLUSIVE), "0.1.0")
    assert (journal["status"], journal["run"][0]["status"]) == ("failed", "failed")


@pytest.mark.parametrize(
    ("verdict", "status"), [(GameDayVerdict.REFUSED, "aborted"), (GameDayVerdict.ABORTED, "interrupted")]
)
def test_an_early_end_has_the_toolkits_word(verdict: GameDayVerdict, status: str) -> None:
    """What was never touched has neither a run nor a rollback."""
    untouched = FaultRun(id="kill", action="process.kill", duration_seconds=60, state=FaultStage.SKIPPED)
    journal = journal_of(held(verdict=verdict, faults=(untouched,), took_effect_at=None), "0.1.0")
    assert (journal["status"], journal["run"], journal["rollbacks"]) == (status, [], [])
