"""Keeps a process ready that stops an experiment of AWS FIS; implements `Stoppers`."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from activities.actions.aws_fis import StopOrder
from activities.clients.wishes import told
from activities.leases import Leases
from domain.errors import Rejected

_STOPPER = str(Path(__file__).with_name("fis_stopper.py"))
# Where AWS's own chain looks for ambient credentials; its names begin so, and files are found by the home folder.
_AMBIENT = ("AWS_", "HOME")


class FisStoppers:
    """One process per fault, under its lease."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def armed_file(self, key: str) -> str:
        """Beside its socket, as `Stoppers` promises."""
        return str(Path(self._leases.identity_file(key)).with_suffix(".armed"))

    async def stand_by(self, key: str, order: StopOrder) -> None:
        """Start it and tell it, as `Stoppers` promises."""
        name = Path(self._leases.identity_file(key)).with_suffix(".tell")
        is_there = bool(await self._leases.started(key))
        if is_there and not name.exists():
            # It takes its socket away once it has been told.
            return
        if not is_there:
            name.unlink(missing_ok=True)
            await self._leases.start(key, (sys.executable, "-I", _STOPPER, str(name)))
        ambient = {word: value for word, value in os.environ.items() if word.startswith(_AMBIENT)}
        await told(
            name,
            {
                "key": key,
                "target_name": order.target_name,
                "target": order.target.model_dump(mode="json"),
                "secrets": None if order.secrets is None else dict(order.secrets),
                "environment": ambient if order.secrets is None else {},
                "template": order.template,
                "mark": order.mark,
                "seconds": order.seconds,
            },
        )
        try:
            await asyncio.to_thread(Path(self.armed_file(key)).touch)
        except OSError as error:
            raise Rejected(f"the lease cannot be written to ({error.strerror}); nothing was started") from None

    async def dismiss(self, key: str) -> None:
        """Take the file away, as `Stoppers` promises."""
        with suppress(OSError):
            await asyncio.to_thread(os.unlink, self.armed_file(key))
