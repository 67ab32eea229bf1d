"""Control groups of both versions, through the file system; implements `Cgroups`.

The one thing to know: a machine may have both at once, the controllers in version 1 and only the freezer in version 2.
What is really there is read from `/proc/mounts` each time.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from activities.actions.cgroups import CgroupPlace, Controller
from activities.actions.machine import ProcessIdentity
from activities.clients import kernel
from domain.errors import Rejected, RejectionKind


@dataclass(frozen=True)
class _Hierarchy:
    version: int
    mount: Path
    # As `/proc/PID/cgroup` names it: `freezer`, or nothing for version 2.
    name: str


class KernelCgroups:
    """Implements `Cgroups`."""

    def __init__(self, mounts: Path = Path("/proc/mounts")) -> None:
        self._mounts = mounts

    def trouble(self, controller: Controller) -> str | None:
        """Why not, as `Cgroups` promises."""
        hierarchy = self._hierarchy(controller)
        if hierarchy is None and controller == "unified":
            return "this machine has no cgroups of version 2; mount them: mount -t cgroup2 none /sys/fs/cgroup/unified"
        if hierarchy is None:
            return (
                f"this machine has no cgroup controller {controller!r}; boot a kernel that has it, or on version 2 "
                f"write +{controller} into cgroup.subtree_control at the top"
            )
        if not os.access(hierarchy.mount, os.W_OK):
            return (
                f"this worker may not make cgroups in {hierarchy.mount}; run it as root, outside of a container or "
                "with the cgroup file system mounted writable"
            )
        return None

    def place(self, controller: Controller, process: ProcessIdentity, key: str) -> CgroupPlace:
        """Where, as `Cgroups` promises."""
        hierarchy = self._hierarchy(controller)
        home = None if hierarchy is None else _home(hierarchy, process.pid)
        if hierarchy is None or home is None:
            raise Rejected(f"the cgroup of process {process.pid} cannot be found", RejectionKind.CONFLICT)
        # Version 2 takes processes only where no cgroup is divided further, and the top is the one exception.
        above = hierarchy.mount if hierarchy.version == 2 and controller in {"cpu", "memory"} else home  # noqa: PLR2004
        mark = hashlib.sha256(f"{key} {process.pid}".encode()).hexdigest()[:16]
        return CgroupPlace(
            version=1 if hierarchy.version == 1 else 2,
            home=str(home),
            folder=str(above / f"hotwash-{mark}"),
            level=len(above.relative_to(hierarchy.mount).parts) + 1,
        )

    def cage(self, place: CgroupPlace, settings: Mapping[str, str], processes: tuple[ProcessIdentity, ...]) -> None:
        """Make and fill it, as `Cgroups` promises."""
        try:
            Path(place.folder).mkdir(exist_ok=True)
        except OSError as error:
            raise _refused(place.folder, error) from None
        for file, text in settings.items():
            self.set(place, file, text)
        for process in processes:
            if kernel.is_the_same(process.pid, process.started):
                # It may end on the way.
                with suppress(ProcessLookupError):
                    self._move(place, process.pid)

    def set(self, place: CgroupPlace, file: str, text: str) -> None:
        """Write a file, as `Cgroups` promises."""
        path = Path(place.folder) / file
        try:
            path.write_text(text)
        except OSError as error:
            raise _refused(str(path), error) from None

    def read(self, place: CgroupPlace, file: str) -> str | None:
        """Read a file, as `Cgroups` promises."""
        try:
            return (Path(place.folder) / file).read_text().strip()
        except OSError:
            return None

    def _move(self, place: CgroupPlace, pid: int) -> None:
        path = Path(place.folder) / "cgroup.procs"
        try:
            path.write_text(str(pid))
        except ProcessLookupError:
            raise
        except OSError as error:
            raise _refused(str(path), error) from None

    def _hierarchy(self, controller: Controller) -> _Hierarchy | None:
        version_2 = None
        for line in self._mounts.read_text().splitlines():
            _, mount, kind, options, *_ = line.split()
            if kind == "cgroup" and controller in options.split(","):
                return _Hierarchy(1, Path(mount), controller)
            if kind == "cgroup2":
                version_2 = _Hierarchy(2, Path(mount), "")
        if version_2 is None:
            return None
        # Freezing is no controller in version 2: every cgroup but the top can do it.
        with suppress(OSError):
            divided = (version_2.mount / "cgroup.subtree_control").read_text().split()
            if controller in {"freezer", "unified"} or controller in divided:
                return version_2
        return None


def _home(hierarchy: _Hierarchy, pid: int) -> Path | None:
    """The cgroup of a process, as a folder."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, names, path = line.split(":", maxsplit=2)
            if hierarchy.name in names.split(","):
                return hierarchy.mount / path.removeprefix("/")
    return None


def _refused(what: str, error: OSError) -> Rejected:
    return Rejected(f"{what} cannot be written: {error.strerror}", RejectionKind.CONFLICT)
