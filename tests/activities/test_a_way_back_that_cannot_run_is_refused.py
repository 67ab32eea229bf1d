"""A fault whose way back is a program of `hotwash.yaml`: where that cannot be run, nothing is broken at all."""

import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.actions.machine import cannot_run
from activities.clients.machine import LinuxMachine
from activities.faults import FaultActivities
from activities.steps import CheckResult
from domain.action_targets import Daemon
from domain.fault_targets import ServedCertificate
from tests.support.action_world import World

AGAIN = {"process": "victim", "restart": "victim", "duration": "1m"}


async def capability(world: World, name: str, parameters: dict[str, Any]) -> CheckResult:
    """What a game day asks before anything is touched."""
    asked = FaultActivities(world.registry, world.secrets).capability
    return await ActivityEnvironment().run(asked, world.request(name, parameters))


def restarts_with(world: World, daemon: Daemon) -> None:
    """Say so in `hotwash.yaml`."""
    world.actions = world.actions.model_copy(update={"daemons": {"victim": daemon}})


async def test_a_process_that_nothing_would_bring_back_is_not_killed(world: World) -> None:
    """The program that `restart` names is not there: refused with its key, and the process lives."""
    for program in ("/nonexistent/shop-server", "no-such-shop-server"):
        world.start_victim()
        restarts_with(world, Daemon(pid_file=str(world.pid_file), start=(program, "--port", "80")))
        said = f"{program} (actions.daemons.victim.start) is no program that this worker may run"
        found = await capability(world, "process.kill", AGAIN)
        assert (found.holds, said in found.detail) == (False, True), found.detail
        with pytest.raises(ApplicationError) as refused:
            await world.perform("process.kill", AGAIN)
        assert refused.value.type == "Rejected"
        assert said in refused.value.message
    assert (world.dead_victims(), world.faults.leases()) == ([], [])


async def test_a_server_that_would_not_read_its_certificate_again_keeps_it(world: World) -> None:
    """The same of `reload`; the certificate is not even looked at."""
    served = ServedCertificate(
        certificate_file="/nonexistent/cert.pem",
        key_file="/nonexistent/key.pem",
        reload=("/nonexistent/nginx",),
        port=1,
    )
    world.actions = world.actions.model_copy(update={"certificates": {"tls": served}})
    found = await capability(world, "certificate.expire", {"certificate": "tls", "duration": "1m"})
    said = "/nonexistent/nginx (actions.certificates.tls.reload) is no program that this worker may run"
    assert (found.holds, said in found.detail) == (False, True), found.detail


async def test_a_program_is_looked_for_where_it_would_be_started(world: World) -> None:
    """Relative to the daemon's directory, and along the daemon's own PATH."""
    program = world.folder / "bin" / "shop-server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    world.start_victim()
    for start, more in (
        ("bin/shop-server", {"directory": str(world.folder)}),
        ("shop-server", {"environment": {"PATH": f"/usr/bin:{program.parent}"}}),
        ("sleep", {}),
    ):
        restarts_with(world, Daemon.model_validate({"pid_file": str(world.pid_file), "start": (start,), **more}))
        found = await capability(world, "process.kill", AGAIN)
        assert found.holds is True, (start, found.detail)


def test_the_sentence_names_the_key_and_not_more() -> None:
    """One sentence for all faults that run a program of yours."""
    machine = LinuxMachine()
    assert cannot_run(machine, sys.executable, "actions.programs.mend") is None
    nowhere = str(Path("/nonexistent/mend"))
    said = f"{nowhere} (actions.programs.mend) is no program that this worker may run; mend it"
    assert cannot_run(machine, nowhere, "actions.programs.mend") == said
