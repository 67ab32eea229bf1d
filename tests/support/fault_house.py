"""A Hotwash of real processes with faults in place, and the death of all of it; for tests/acceptance and tests/real.

Each fault gets a target of its own (`FaultCase`, or whatever else has parameters and a state) and all are injected
through a real worker at once, so that one house's start and end serves all of them. The one thing to know: the test
itself renews nothing and undoes nothing; what puts the targets right is theirs.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.steps import StepRequest, StepResult
from domain.action_targets import Daemon
from domain.configuration import ActionSettings
from tests.support.fault_world import FAULT_PROGRAMS, FaultCase, Faults
from tests.support.world import World, a_world
from workflows.options import STEPS_QUEUE

QUEUE = "fault-test"
# A test waits for it, and on a busy machine the last of many faults is in place seconds after the first.
LEASE = "10s"
# A server whose own clock ends the fault.
ITSELF = "the target itself"


@workflow.defn
class Perform:
    """One step on the real steps queue, as a run or a game day would have it."""

    @workflow.run
    async def run(self, request: StepRequest) -> StepResult:
        """Perform it once."""
        return await workflow.execute_activity(
            "steps.perform",
            request,
            result_type=StepResult,
            task_queue=STEPS_QUEUE,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@dataclass(frozen=True)
class Target:
    """What one fault is done to."""

    fault: str
    case: FaultCase
    before: Any

    def is_clean(self) -> bool:
        """Whether it is as it was before the fault."""
        return bool(self.case.state() == self.before)


class FaultHouse:
    """Use it through `a_fault_house`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lease_folder = folder / "leases"
        # Longer where the last injection is slow: the first must still be there when all are looked at.
        self.lease = LEASE
        self.targets: list[Target] = []
        self._settings: dict[str, dict[str, Any]] = {}
        self._victims: list[subprocess.Popen[bytes]] = []
        self._faults: list[Faults] = []

    def add(self, fault: str) -> None:
        """A target of `fault_world.py` for this fault."""
        folder = self.folder / fault
        folder.mkdir()

        def start_victim() -> int:
            child = subprocess.Popen(["/bin/sleep", "600"])
            self._victims.append(child)
            (folder / "victim.pid").write_text(f"{child.pid}\n")
            return child.pid

        # All share the leases of the one worker.
        faults = Faults(folder, start_victim, lambda: [each.pid for each in self._victims if each.poll() is not None])
        faults.lease_folder = self.lease_folder
        case = faults.case(fault)
        assert case is not None
        pid_file = str(faults.pid_file)
        named = {
            **faults.settings(),
            "processes": {"victim": pid_file},
            "programs": FAULT_PROGRAMS,
            "daemons": {"victim": Daemon(pid_file=pid_file, start=("/bin/sleep", "60"))},
        }
        self._faults.append(faults)
        self.add_target(fault, case, {kind: one for kind, one in named.items() if isinstance(one, dict)})

    def add_target(self, fault: str, case: FaultCase, settings: Mapping[str, dict[str, Any]]) -> None:
        """Any other target: `settings` is its part of `actions`, by kind and name; each name is made unique."""
        names = {name for one in settings.values() for name in one}
        mark = f"-{len(self.targets)}"
        for kind, one in settings.items():
            marked = {name + mark: _renamed(value, names, mark) for name, value in one.items()}
            self._settings.setdefault(kind, {}).update(marked)
        parameters = {
            key: value + mark if isinstance(value, str) and value in names else value
            for key, value in case.parameters.items()
        }
        case = replace(case, parameters=parameters | {"lease": self.lease})
        self.targets.append(Target(fault, case, case.state()))

    def configuration(self) -> str:
        """The text of hotwash.yaml."""
        actions = ActionSettings.model_validate({**self._settings, "lease_folder": str(self.lease_folder)})
        return f"actions: {actions.model_dump_json()}\n"

    async def inject(self, world: World) -> None:
        """All faults at once, through the real worker."""
        client = await world.engine()
        async with Worker(client, task_queue=QUEUE, workflows=[Perform], workflow_runner=UnsandboxedWorkflowRunner()):
            await asyncio.gather(
                *(
                    client.execute_workflow(
                        Perform.run,
                        StepRequest(
                            key=f"game-day/house/{target.fault}",
                            action=target.fault,
                            parameters=target.case.parameters,
                            incident_id=None,
                            drill=True,
                        ),
                        id=f"house/{target.fault}",
                        task_queue=QUEUE,
                        execution_timeout=timedelta(seconds=40),
                    )
                    for target in self.targets
                )
            )

    def unclean(self) -> list[str]:
        """The faults whose targets are not as they were."""
        return [target.fault for target in self.targets if not target.is_clean()]

    def reverted_by(self) -> dict[str, str | None]:
        """Who has reverted each fault, by the lease files; ITSELF where the target needs nobody to do it."""
        documents = [json.loads(file.read_text()) for file in self.lease_folder.glob("*.json")]
        return {document["action"]: document["by"] if document["recipe"] else ITSELF for document in documents}

    def close(self) -> None:
        """End the targets."""
        for faults in self._faults:
            faults.close()
        for child in self._victims:
            child.kill()
            child.wait()


def _renamed(value: Any, names: set[str], mark: str) -> Any:
    """A target that speaks of a process of `actions.processes` speaks of it under its new name."""
    process = getattr(value, "process", None)
    return value.model_copy(update={"process": process + mark}) if process in names else value


@asynccontextmanager
async def a_fault_house(
    folder: Path,
    *faults: str,
    prepare: Callable[[FaultHouse], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[FaultHouse, World]]:
    """A running house with a target for each fault; `prepare` may add more."""
    house = FaultHouse(folder)
    try:
        for fault in faults:
            house.add(fault)
        if prepare is not None:
            prepare(house)
        async with a_world(folder / "world", house.configuration(), environment) as world:
            yield house, world
    finally:
        house.close()


async def everybody_dies(house: FaultHouse, world: World) -> None:
    """The law: faults in place, kill -9 of worker, API and engine, and the targets are clean, by their leases alone."""
    assert house.unclean() == []
    await house.inject(world)
    hit = house.unclean()
    for part in ("worker", "api", "engine"):
        world.kill(part)
    assert sorted(hit) == sorted(target.fault for target in house.targets)

    async def unclean() -> list[str]:
        return house.unclean()

    await world.eventually(unclean, lambda left: left == [], "clean targets", 60)

    async def reverted_by() -> dict[str, str | None]:
        return house.reverted_by()

    # The last word may be written a moment after the target is clean.
    await world.eventually(reverted_by, lambda found: set(found.values()) <= {"lease", ITSELF}, "reverts by the leases")
    assert sorted(house.reverted_by()) == sorted(hit)
