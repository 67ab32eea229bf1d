"""`chaostoolkit.run`: a whole experiment, run by the Chaos Toolkit itself, under a lease.

The one thing to know: the toolkit alone leaves its fault in place when a probe raises or when it is told to end. It is
always run with `--rollback-strategy always`, and the lease tells it to end (SIGTERM), upon which it plays its rollbacks
and writes its journal; a journal that does not show them means that a person must look.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine
from activities.actions.ports import Program, ProgramRunner
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import End, Leases
from activities.ports import ConfigurationSource
from domain.action_targets import ChaosExperiment

# Reading an experiment and importing its extensions; the toolkit itself starts in half a second.
_VALIDATE_SECONDS = 30.0
_SHOWN_OF_AN_ERROR = 500
# From its first line on the toolkit plays its rollbacks when it is told to end; from the second on it may have done
# something (chaoslib/run.py, 1.44).
_LISTENS = "Running experiment"
_BEGINS = "Playing your experiment's method now"
_DONE = "=> succeeded"
# As long as the first activity may take before the answer is "not yet".
_DONE_WITHIN_SECONDS = 5.0
# The toolkit and its extensions are there within seconds, on a busy machine too.
_LISTENS_WITHIN_SECONDS = 20.0
_POLL_SECONDS = 0.05
# A journal holds what every probe answered.
_MOST_BYTES = 4 * 1024 * 1024


class ChaosToolkitParameters(FaultParameters):
    """Which experiment."""

    # A name of `actions.chaos_toolkit`, never a path.
    experiment: str


class RunExperiment(Injected):
    """Where the toolkit writes its journal."""

    experiment: str = ""
    journal: str = ""
    log: str = ""


class ChaosToolkitRun(FaultAction[ChaosToolkitParameters, RunExperiment]):
    """Starts the toolkit; the end of the fault is the end of the experiment, with its rollbacks played."""

    name = "chaostoolkit.run"
    summary = "Run an experiment of actions.chaos_toolkit, in a drill only; the Chaos Toolkit rolls it back."
    parameters_model = ChaosToolkitParameters
    result_model = RunExperiment
    example: ClassVar = {"experiment": "shop-loses-its-cache", "duration": "5m"}

    def __init__(
        self, configuration: ConfigurationSource, leases: Leases, machine: Machine, programs: ProgramRunner
    ) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._programs = programs

    @override
    async def capability(self, parameters: ChaosToolkitParameters, call: Call) -> Finding:
        chosen = self._chosen(parameters)
        if self._machine.program(chosen.program) is None:
            detail = f"{chosen.program} cannot be run by this worker; install chaostoolkit in a venv of its own"
            return Finding(holds=False, detail=detail)
        argv = (chosen.program, "--no-log-file", "--no-version-check", "validate", chosen.experiment)
        ended = await self._programs.run(Program(argv, chosen.directory, _VALIDATE_SECONDS, {}))
        if ended.exit_code != 0:
            words = (ended.stderr or ended.stdout).strip()[-_SHOWN_OF_AN_ERROR:]
            return Finding(holds=False, detail=f"the toolkit does not take {parameters.experiment}: {words}")
        return Finding(holds=True, detail=f"the toolkit finds {parameters.experiment} valid")

    @override
    async def plan(self, parameters: ChaosToolkitParameters, call: Call) -> Plan[RunExperiment]:
        chosen = self._chosen(parameters)
        identity = self.leases.identity_file(call.performed_key)
        result = RunExperiment(
            what=f"the Chaos Toolkit runs {parameters.experiment}",
            experiment=parameters.experiment,
            journal=_absolute(f"{identity}.journal"),
            log=_absolute(f"{identity}.log"),
        )
        back = End(identity_file=identity, seconds=chosen.rollbacks_within.total_seconds(), leader_first=True)
        return Plan(result, (back,))

    @override
    async def inject(self, parameters: ChaosToolkitParameters, result: RunExperiment, call: Call) -> None:
        chosen = self._chosen(parameters)
        # It has run, and is not run a second time.
        if _text(result.journal):
            return
        argv = (
            chosen.program,
            "--log-file",
            result.log,
            "--no-version-check",
            "run",
            "--rollback-strategy",
            "always",
            "--journal-path",
            result.journal,
            _absolute(chosen.experiment, chosen.directory),
        )
        beside = {"PYTHONPATH": _absolute(chosen.directory)} if chosen.directory else None
        await self.leases.start(call.performed_key, argv, beside)
        # Ended before this, it would play no rollback.
        for _ in range(round(_LISTENS_WITHIN_SECONDS / _POLL_SECONDS)):
            if _LISTENS in _text(result.log) or not await self.leases.started(call.performed_key):
                return
            await asyncio.sleep(_POLL_SECONDS)

    @override
    async def observe(self, parameters: ChaosToolkitParameters, result: RunExperiment, call: Call) -> Finding:
        for _ in range(round(_DONE_WITHIN_SECONDS / _POLL_SECONDS)):
            if not await self.leases.started(call.performed_key):
                return Finding(holds=False, detail="the toolkit has ended, and its rollbacks with it")
            if _DONE in _text(result.log).partition(_BEGINS)[2]:
                return Finding(holds=True, detail="the toolkit says that an activity of its method succeeded")
            await asyncio.sleep(_POLL_SECONDS)
        return Finding(holds=None, detail="the toolkit is at it; nothing of its method has succeeded yet")

    @override
    async def residue(self, parameters: ChaosToolkitParameters, result: RunExperiment, call: Call) -> Finding:
        if await self.leases.started(call.performed_key):
            return Finding(holds=False, detail="the toolkit still runs")
        journal = _journal(result)
        if journal is None and _BEGINS not in _text(result.log):
            return Finding(holds=True, detail="the toolkit ended before it did anything")
        if journal is None:
            return Finding(holds=False, detail="the toolkit ended without a journal; look whether its fault is gone")
        played = [each for each in journal.get("rollbacks") or [] if isinstance(each, dict)]
        bad = [str(each.get("activity", {}).get("name")) for each in played if each.get("status") != "succeeded"]
        if bad:
            return Finding(holds=False, detail=f"rollbacks that did not succeed: {', '.join(bad)}")
        wanted = len(journal.get("experiment", {}).get("rollbacks") or [])
        if len(played) < wanted:
            return Finding(holds=False, detail=f"only {len(played)} of {wanted} rollbacks were played")
        return Finding(holds=True, detail=f"{len(played)} rollbacks succeeded")

    def _chosen(self, parameters: ChaosToolkitParameters) -> ChaosExperiment:
        known = self.configuration.current().actions.chaos_toolkit
        return named(known, parameters.experiment, "chaos_toolkit", "experiment")


def _journal(result: RunExperiment) -> dict[str, Any] | None:
    """What the toolkit wrote at its end; None when it did not, or it cannot be read."""
    try:
        read = json.loads(_text(result.journal))
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _absolute(path: str, folder: str | None = None) -> str:
    """The toolkit is started at the root of the file system."""
    return str(Path(folder or ".").resolve() / path)


def _text(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""
