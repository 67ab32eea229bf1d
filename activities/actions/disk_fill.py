"""`disk.fill`: a file system without room, as after a log that nobody rotates.

The filling is one file in the configured folder. The one thing to know: how much room stays is bounded by
`keep_free_bytes` in hotwash.yaml, whatever a game day says.
"""

import hashlib
from pathlib import PurePath
from typing import ClassVar, Protocol

from pydantic import Field
from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Remove
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind
from domain.fault_targets import MEBIBYTE, Disk

# Others write and remove while the drill runs: as full as wanted is as full as wanted and this much.
_SLACK_BYTES = 16 * MEBIBYTE


class Disks(Protocol):
    """File systems of the worker's machine."""

    def free(self, folder: str) -> int:
        """The bytes that are left for everybody but root; Rejected when the folder cannot be written to."""

    async def allocate(self, file: str, size: int) -> None:
        """Make a file of that size whose blocks are really taken; Rejected when the disk is full before that."""

    def allocated(self, file: str) -> int | None:
        """The bytes that a file takes; None when there is none."""


class DiskFillParameters(FaultParameters):
    """Which disk, and how full."""

    # A name of `actions.disks`.
    disk: str
    # What stays free; None: what hotwash.yaml keeps free at least.
    leave_free_bytes: int | None = Field(default=None, ge=0)
    # Or how much is taken, whatever is left.
    take_bytes: int | None = Field(default=None, ge=1)


class FilledDisk(Injected):
    """What fills it."""

    file: str = ""
    size: int = 0
    # How much is to be free while the fault is there; None where only the size was asked for.
    left: int | None = None


class DiskFill(FaultAction[DiskFillParameters, FilledDisk]):
    """Fills the file system of a folder; in a drill only."""

    name = "disk.fill"
    summary = "Fill a disk of actions.disks as far as hotwash.yaml allows, in a drill only; the filling is removed."
    parameters_model = DiskFillParameters
    result_model = FilledDisk
    example: ClassVar = {"disk": "data", "duration": "2m"}

    def __init__(self, configuration: ConfigurationSource, leases: Leases, disks: Disks) -> None:
        super().__init__(configuration, leases)
        self._disks = disks

    @override
    async def capability(self, parameters: DiskFillParameters, call: Call) -> Finding:
        disk = self._disk(parameters)
        if PurePath(self.configuration.current().actions.lease_folder).is_relative_to(disk.folder):
            detail = f"the leases are kept below {disk.folder}; set actions.lease_folder to a folder on another disk"
            return Finding(holds=False, detail=detail)
        free = self._disks.free(disk.folder)
        size, left = self._size(parameters, disk, free)
        if size <= 0 or free - size < disk.keep_free_bytes:
            detail = (
                f"{parameters.disk} has {_mebibytes(free)} free and {_mebibytes(disk.keep_free_bytes)} are kept: there "
                "is no room to fill; lower keep_free_bytes under actions.disks in hotwash.yaml or what the fault takes"
            )
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{parameters.disk} has {_mebibytes(free)} free, {_mebibytes(left)} will be")

    @override
    async def plan(self, parameters: DiskFillParameters, call: Call) -> Plan[FilledDisk]:
        disk = self._disk(parameters)
        size, left = self._size(parameters, disk, self._disks.free(disk.folder))
        mark = hashlib.sha256(call.performed_key.encode()).hexdigest()[:16]
        file = str(PurePath(disk.folder) / f"hotwash-fill-{mark}")
        what = f"{_mebibytes(size)} of {parameters.disk} are taken by {file}"
        wanted = left if parameters.take_bytes is None else None
        return Plan(FilledDisk(what=what, file=file, size=size, left=wanted), (Remove(path=file),))

    @override
    async def inject(self, parameters: DiskFillParameters, result: FilledDisk, call: Call) -> None:
        await self._disks.allocate(result.file, result.size)

    @override
    async def observe(self, parameters: DiskFillParameters, result: FilledDisk, call: Call) -> Finding:
        taken = self._disks.allocated(result.file)
        if taken is None or taken < result.size:
            return Finding(holds=False, detail=f"{result.file} takes {_mebibytes(taken or 0)} only")
        free = self._disks.free(self._disk(parameters).folder)
        is_full = result.left is None or free <= result.left + _SLACK_BYTES
        return Finding(holds=is_full, detail=f"{parameters.disk} has {_mebibytes(free)} free")

    @override
    async def residue(self, parameters: DiskFillParameters, result: FilledDisk, call: Call) -> Finding:
        is_gone = self._disks.allocated(result.file) is None
        return Finding(holds=is_gone, detail=f"{result.file} is {'gone' if is_gone else 'still there'}")

    def _disk(self, parameters: DiskFillParameters) -> Disk:
        return named(self.configuration.current().actions.disks, parameters.disk, "disks", "disk")

    def _size(self, parameters: DiskFillParameters, disk: Disk, free: int) -> tuple[int, int]:
        """What to take, and what is free then."""
        if parameters.take_bytes is not None and parameters.leave_free_bytes is not None:
            raise Rejected("say either take_bytes or leave_free_bytes", RejectionKind.INVALID)
        if parameters.take_bytes is not None:
            return parameters.take_bytes, free - parameters.take_bytes
        left = disk.keep_free_bytes if parameters.leave_free_bytes is None else parameters.leave_free_bytes
        return free - left, left


def _mebibytes(size: int) -> str:
    return f"{size / MEBIBYTE:,.0f} MiB"
