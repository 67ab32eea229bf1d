"""`clock.shift`: a process whose clock is wrong, as on a machine whose time service has died; done by libfaketime.

The process must have been started for it (LD_PRELOAD of libfaketime, FAKETIME_TIMESTAMP_FILE, FAKETIME_NO_CACHE=1);
what changes is that file. The one thing to know: nobody else's clock moves, and leases go by the time since boot.
"""

from datetime import timedelta
from typing import ClassVar, Protocol

from pydantic import field_validator
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine, pid_file_of
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Remove, Write
from activities.ports import ConfigurationSource
from domain.fault_targets import ShiftableClock

# A `Date` header tells whole seconds, and the answer takes some time.
_SLACK_SECONDS = 5.0
_LEAST_SECONDS = 30
_UNSHIFTED = ("", "+0", "+0s")
_HOW = (
    "start it with LD_PRELOAD=libfaketime.so.1, FAKETIME_TIMESTAMP_FILE={file}, FAKETIME_NO_CACHE=1 and "
    "FAKETIME_DONT_FAKE_MONOTONIC=1"
)


class Clocks(Protocol):
    """Clocks of processes, and the files that shift them."""

    async def offset(self, url: str) -> float | None:
        """By how many seconds the `Date` of an answer is ahead of ours; None when there is no such answer."""

    def written(self, file: str) -> str | None:
        """What the file says; None when there is none."""

    def write(self, file: str, text: str) -> None:
        """Write the file; Rejected when that cannot be done."""


class ClockShiftParameters(FaultParameters):
    """Whose clock, and by how much."""

    # A name of `actions.clocks`.
    clock: str
    # Ahead; negative: behind.
    shift_seconds: int

    @field_validator("shift_seconds")
    @classmethod
    def _can_be_told(cls, shift: int) -> int:
        if abs(shift) < _LEAST_SECONDS:
            message = f"write at least {_LEAST_SECONDS} or at most -{_LEAST_SECONDS}: less could not be told apart"
            raise ValueError(message)
        return shift


class ShiftedClock(Injected):
    """What was written where."""

    file: str = ""
    text: str = ""
    # None: there was no such file.
    before: str | None = None


class ClockShift(FaultAction[ClockShiftParameters, ShiftedClock]):
    """Shifts the clock of one process; in a drill only."""

    name = "clock.shift"
    summary = "Shift the clock of a process of actions.clocks (libfaketime), in a drill only."
    parameters_model = ClockShiftParameters
    result_model = ShiftedClock
    example: ClassVar = {"clock": "shop", "shift_seconds": -3600, "duration": "2m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, machine: Machine, clocks: Clocks) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._clocks = clocks

    @override
    async def capability(self, parameters: ClockShiftParameters, call: Call) -> Finding:
        clock = self._clock(parameters)
        process = self._machine.process(pid_file_of(self.configuration, clock.process))
        preload = self._machine.variable(process, "LD_PRELOAD") or ""
        file = self._machine.variable(process, "FAKETIME_TIMESTAMP_FILE")
        fresh = self._machine.variable(process, "FAKETIME_NO_CACHE")
        if "faketime" not in preload or file != clock.timestamp_file or fresh != "1":
            detail = f"{clock.process} does not run under libfaketime; {_HOW.format(file=clock.timestamp_file)}"
            return Finding(holds=False, detail=detail)
        if (self._clocks.written(clock.timestamp_file) or "").strip() not in _UNSHIFTED:
            detail = f"the clock of {clock.process} is shifted already; write +0 into {clock.timestamp_file}"
            return Finding(holds=False, detail=detail)
        if clock.url is not None and await self._clocks.offset(clock.url) is None:
            detail = f"{clock.url} gives no Date, so that a shift could not be proved; mend actions.clocks"
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{clock.process} runs under libfaketime as {process.pid}")

    @override
    async def plan(self, parameters: ClockShiftParameters, call: Call) -> Plan[ShiftedClock]:
        clock = self._clock(parameters)
        file, before = clock.timestamp_file, self._clocks.written(clock.timestamp_file)
        text = f"{parameters.shift_seconds:+d}s"
        ahead = "ahead" if parameters.shift_seconds > 0 else "behind"
        by = timedelta(seconds=abs(parameters.shift_seconds))
        what = f"the clock of {clock.process} is {by} {ahead}"
        # libfaketime keeps the last shift when its file goes: what was not there before says that nothing is shifted.
        unshifting = Write(path=file, text=before if before is not None else "+0\n")
        recipe = (unshifting,) if before is not None else (unshifting, Remove(path=file))
        return Plan(ShiftedClock(what=what, file=file, text=text, before=before), recipe)

    @override
    async def inject(self, parameters: ClockShiftParameters, result: ShiftedClock, call: Call) -> None:
        self._clocks.write(result.file, f"{result.text}\n")

    @override
    async def observe(self, parameters: ClockShiftParameters, result: ShiftedClock, call: Call) -> Finding:
        said = (self._clocks.written(result.file) or "").strip()
        if said != result.text:
            return Finding(holds=False, detail=f"{result.file} says {said!r}")
        clock = self._clock(parameters)
        offset = None if clock.url is None else await self._clocks.offset(clock.url)
        if offset is None:
            where = (
                f"set url under actions.clocks.{parameters.clock}" if clock.url is None else f"{clock.url} is silent"
            )
            return Finding(holds=None, detail=f"nobody has seen the process's clock: {where}")
        is_so = abs(offset - parameters.shift_seconds) <= _SLACK_SECONDS
        return Finding(holds=is_so, detail=f"its clock is {offset:+.0f} s off")

    @override
    async def residue(self, parameters: ClockShiftParameters, result: ShiftedClock, call: Call) -> Finding:
        said = (self._clocks.written(result.file) or "").strip()
        if said != (result.before or "").strip():
            return Finding(holds=False, detail=f"{result.file} says {said!r}")
        clock = self._clock(parameters)
        offset = None if clock.url is None else await self._clocks.offset(clock.url)
        if offset is None:
            return Finding(holds=True, detail=f"{result.file} is as it was")
        return Finding(holds=abs(offset) <= _SLACK_SECONDS, detail=f"its clock is {offset:+.0f} s off")

    def _clock(self, parameters: ClockShiftParameters) -> ShiftableClock:
        return named(self.configuration.current().actions.clocks, parameters.clock, "clocks", "clock")
