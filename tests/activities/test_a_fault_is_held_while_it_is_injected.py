"""The order of a fault: way back, injection, proof; and what becomes of one that goes wrong on the way."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from activities.action import Call, Finding
from activities.clients import lease_files, lease_reversals
from activities.clients.leases import FileLeases
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import LeaseStatus, Remove
from domain.configuration import ActionSettings, Configuration
from domain.errors import NeedsHuman, Rejected, Transient

CALL = Call("game-day/k", None, None, True, None, lambda reference: reference)
LONG = FaultParameters.model_construct(lease=timedelta(minutes=1), duration=timedelta(minutes=2))
# Shorter than a game day may say, so that the test is short.
BRIEF = FaultParameters.model_construct(lease=timedelta(seconds=3), duration=timedelta(minutes=1))


class AFile(FaultAction[FaultParameters, Injected]):
    """Makes a file, slowly."""

    name = "test.file"
    summary = "Make a file."
    parameters_model = FaultParameters
    result_model = Injected
    example: ClassVar = {"duration": "1m"}

    def __init__(self, folder: Path) -> None:
        self.settings = Configuration(actions=ActionSettings(lease_folder=str(folder / "leases")))
        self.leases: FileLeases
        super().__init__(self, FileLeases(self))
        self.file = folder / "fault"
        self.renewals_wanted = 0
        self.breaks = False
        self.is_able = True
        self.stays = False

    def current(self) -> Configuration:
        """As ConfigurationSource promises."""
        return self.settings

    @override
    async def capability(self, parameters: FaultParameters, call: Call) -> Finding:
        return Finding(holds=self.is_able, detail="install what is missing")

    @override
    async def plan(self, parameters: FaultParameters, call: Call) -> Plan[Injected]:
        return Plan(Injected(what="a file is there"), (Remove(path=str(self.file)),))

    @override
    async def inject(self, parameters: FaultParameters, result: Injected, call: Call) -> None:
        (lease,) = self.leases._files()
        first, renewals = lease_files.read_beat(lease), 0
        while renewals < self.renewals_wanted:
            await asyncio.sleep(0.02)
            until = lease_files.read_beat(lease)
            renewals, first = (renewals + 1, until) if until > first else (renewals, first)
        self.file.touch()
        if self.breaks:
            raise Transient("the target went away")

    @override
    async def observe(self, parameters: FaultParameters, result: Injected, call: Call) -> Finding:
        return Finding(holds=self.file.exists(), detail="")

    @override
    async def residue(self, parameters: FaultParameters, result: Injected, call: Call) -> Finding:
        return Finding(holds=not (self.stays or self.file.exists()), detail="the file")


@pytest.fixture
def fault(tmp_path: Path) -> Iterator[AFile]:
    """A fault below the test's folder; no lease is held when the test ends."""
    fault = AFile(tmp_path)
    yield fault
    for lease in (tmp_path / "leases").glob("*.json"):
        lease_reversals.revert(lease, "undo")


async def test_a_slow_injection_is_held_meanwhile(fault: AFile) -> None:
    """It takes longer than its lease, nobody else renews yet, and it is still there when it has been made."""
    # Renewed every third of it.
    fault.renewals_wanted = 4
    await fault.perform(BRIEF, CALL)
    assert fault.file.exists()
    lease = await fault.leases.find(CALL.key)
    assert lease is not None
    assert lease.status is LeaseStatus.HELD


async def test_an_injection_that_fails_halfway_is_reverted_at_once(fault: AFile) -> None:
    """What was there of it is gone before the step has failed, and the key is used up."""
    fault.breaks = True
    with pytest.raises(Transient, match="the target went away"):
        await fault.perform(LONG, CALL)
    assert not fault.file.exists()
    fault.breaks = False
    with pytest.raises(Rejected, match="not injected a second time: it was undone"):
        await fault.perform(LONG, CALL)


async def test_an_injector_that_cannot_work_leaves_no_lease(fault: AFile) -> None:
    """The refusal is the probe's own sentence, and another attempt may find it mended."""
    fault.is_able = False
    with pytest.raises(Rejected, match="install what is missing"):
        await fault.perform(LONG, CALL)
    assert await fault.leases.find(CALL.key) is None
    fault.is_able = True
    assert (await fault.perform(LONG, CALL)).what


async def test_an_undo_that_leaves_traces_asks_a_person(fault: AFile) -> None:
    """Reverted twice and still not clean: no machine goes on as if it were."""
    await fault.perform(LONG, CALL)
    fault.stays = True
    with pytest.raises(NeedsHuman, match="is undone and still shows: the file"):
        await fault.undo(LONG, None, CALL)
