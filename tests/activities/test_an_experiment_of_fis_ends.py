"""What `aws.fis.start_experiment` does beyond the laws of faults: what it refuses, what it believes, who stops it."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.clients import kernel, lease_files
from activities.faults import FaultActivities
from domain.cloud_targets import AwsTarget
from tests.support.action_world import World
from tests.support.aws_contract import ACCESS_KEY, REGION, SECRET_KEY, Failure
from tests.support.aws_contract_services import Fis
from tests.support.fault_world import FaultCase
from tests.support.real_servers import until

FIS = "aws.fis.start_experiment"


@pytest.fixture
def case(world: World) -> FaultCase:
    """An experiment that may be started."""
    return world.fault_case(FIS)


@pytest.fixture
def fis(world: World, case: FaultCase) -> Fis:
    """The service behind it."""
    del case
    return world.cloud.contract.fis


def faults(world: World) -> FaultActivities:
    """A worker that has just started."""
    return FaultActivities(world.registry, world.secrets)


async def asked(world: World, what: str, parameters: dict[str, Any]) -> Any:
    """`capability`, `renew` or `is_clean`, as the engine asks."""
    return await ActivityEnvironment().run(getattr(faults(world), what), world.request(FIS, parameters))


async def refusal(world: World, parameters: dict[str, Any], **more: Any) -> ApplicationError:
    """How it was refused."""
    with pytest.raises(ApplicationError) as failure:
        await world.perform(FIS, parameters, **more)
    return failure.value


def run_out(world: World) -> None:
    """Nobody has renewed the lease."""
    for lease in world.faults.leases():
        lease_files.write_beat(lease, 0)


def stopper(world: World) -> int:
    """The process that would stop it."""
    (file,) = world.faults.lease_folder.glob("*.process")
    identity = kernel.read_identity(file)
    assert identity is not None
    return identity[0]


async def test_an_experiment_runs_in_a_drill_only(world: World, case: FaultCase) -> None:
    """Harm on purpose is refused outside of drills before AWS hears of it."""
    assert (await refusal(world, case.parameters, drill=False)).details == ("forbidden",)
    assert world.cloud.contract.asked == []


async def test_a_template_that_nobody_would_end_is_refused_before_anything_is_started(
    world: World, case: FaultCase, fis: Fis
) -> None:
    """Each refusal says how to mend it; what is accepted in words is let through."""
    fis.stop_conditions = [{"source": "none"}]
    assert "write 'without_stop_condition: true'" in (await refusal(world, case.parameters)).message
    accepted = case.parameters | {"without_stop_condition": True}
    assert (await asked(world, "capability", accepted)).holds is True
    too_short = await asked(world, "capability", accepted | {"duration": "39s"})
    assert (too_short.holds, "write 'duration: 40s' or more" in too_short.detail) == (False, True)
    fis.actions["pause"] = {"actionId": "aws:ec2:reboot-instances", "startAfter": ["wait"]}
    assert "write 'without_duration: true'" in (await asked(world, "capability", accepted)).detail
    assert (await asked(world, "capability", accepted | {"without_duration": True})).holds is True
    assert (await asked(world, "capability", case.parameters | {"template": "EXT0"})).holds is False
    assert (case.effects(), world.faults.leases()) == ([], [])


async def test_an_experiment_that_fails_is_not_tried_again(world: World, case: FaultCase, fis: Fis) -> None:
    """Some of its actions may have done their harm: what comes after it is a new game day, with a key of its own."""
    fis.fails_because = "no targets matched"
    failure = await refusal(world, case.parameters)
    assert (failure.type, failure.details) == ("Rejected", ("conflict",))
    assert "no targets matched" in failure.message
    fis.fails_because = None
    assert "not injected a second time" in (await refusal(world, case.parameters, attempt=2)).message
    assert len(fis.runs) == 1
    await world.perform(FIS, case.parameters, key="game-day/another")
    assert len(fis.runs) == 2


@pytest.mark.parametrize("failure", [Failure(), Failure(after=True, hang_up=True)], ids=["throttled", "lost"])
async def test_a_start_that_got_no_answer_is_asked_for_again(
    world: World, case: FaultCase, fis: Fis, failure: Failure
) -> None:
    """By the same token: whatever had become of the first one, there is one experiment."""
    world.cloud.contract.fail_next("StartExperiment", failure)
    await world.perform(FIS, case.parameters)
    assert world.cloud.contract.asked.count("StartExperiment") == 2
    assert (case.effects(), len(fis.running())) == (["StartExperiment"], 1)


@pytest.mark.parametrize(
    ("states", "holds"),
    [
        ({}, True),
        ({"pause": "pending"}, None),
        ({"pause": "skipped"}, False),
        ({"pause": "failed"}, False),
        ({"pause": "completed"}, False),
    ],
    ids=lambda value: "/".join(value.values()) or "running" if isinstance(value, dict) else None,
)
async def test_an_experiment_that_runs_proves_nothing_while_its_actions_do_not(
    world: World, case: FaultCase, fis: Fis, states: dict[str, str], *, holds: bool | None
) -> None:
    """What counts is the action that does harm, and not the one that waits beside it."""
    await world.perform(FIS, case.parameters)
    fis.states = states
    assert (await world.check(FIS, case.parameters)).holds is holds


@pytest.mark.parametrize(("status", "by"), [("completed", "duration"), ("stopped", "lease")])
async def test_the_end_that_fis_made_is_heard_of(world: World, case: FaultCase, fis: Fis, status: str, by: str) -> None:
    """Its durations are over, or its alarm has stopped it: the next renewal says so, with FIS's own time."""
    await world.perform(FIS, case.parameters)
    assert (await asked(world, "renew", case.parameters)).state == "held"
    fis.end(status)
    over = await asked(world, "renew", case.parameters)
    assert (over.state, over.by, over.at) == ("reverted", by, next(iter(fis.runs.values())).started)
    world.cloud.contract.fail_next("ListExperiments")
    assert (await asked(world, "renew", case.parameters)).state == "held", "silence of AWS is no end of a fault"


async def test_what_fis_never_takes_back_stays_told(world: World, case: FaultCase, fis: Fis) -> None:
    """A failover is done and its experiment over: the fault is in effect, and held until the game day ends it."""
    fis.actions = {"fail_over": {"actionId": "aws:rds:failover-db-cluster", "parameters": {}}}
    parameters = case.parameters | {"without_duration": True}
    await world.perform(FIS, parameters)
    fis.end("completed")
    found = await world.check(FIS, parameters)
    assert found.holds is True
    assert "FIS does not take that back" in found.detail
    assert (await asked(world, "renew", parameters)).state == "held"
    await world.undo(FIS, parameters, None)
    assert (await asked(world, "is_clean", parameters)).holds is True


async def test_an_experiment_whose_machine_is_gone_is_found_by_its_tag(world: World, case: FaultCase, fis: Fis) -> None:
    """No lease, no watchdog and no process is left: it is not clean, and an undo from anywhere stops it."""
    await world.perform(FIS, case.parameters)
    watchdog, _ = lease_files.read_lease(world.faults.leases()[0])["watchdog"]
    for pid in (watchdog, stopper(world)):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(world.faults.lease_folder)
    assert (await asked(world, "is_clean", case.parameters)).holds is False
    await world.undo(FIS, case.parameters, None)
    assert fis.running() == []
    assert (await asked(world, "is_clean", case.parameters)).holds is True


async def test_a_lease_whose_process_was_killed_does_not_say_that_it_is_reverted(
    world: World, case: FaultCase, fis: Fis
) -> None:
    """The watchdog has nobody to end: what is left over is said so to people, until an undo has stopped it."""
    await world.perform(FIS, case.parameters)
    os.kill(stopper(world), signal.SIGKILL)
    run_out(world)
    (lease,) = world.faults.leases()
    until(lambda: lease_files.read_lease(lease)["state"] == "failed", "the failed revert")
    assert "nobody has stopped the experiment, see FIS" in " ".join(lease_files.read_lease(lease)["notes"])
    assert (await asked(world, "is_clean", case.parameters)).holds is False
    await world.undo(FIS, case.parameters, None)
    assert (lease_files.read_lease(lease)["state"], fis.running()) == ("reverted", [])


async def test_a_stop_that_aws_refuses_at_first_is_tried_again_by_the_lease(
    world: World, case: FaultCase, fis: Fis
) -> None:
    """Nobody else is there to do it."""
    await world.perform(FIS, case.parameters)
    world.cloud.contract.fail_next("StopExperiment")
    run_out(world)
    until(lambda: fis.running() == [], "the end of the experiment")
    assert world.cloud.contract.asked.count("StopExperiment") == 2


async def test_the_keys_are_where_nobody_can_read_them(
    world: World, case: FaultCase, fis: Fis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ambient ones too: they are told over a socket, and the lease stops the experiment with them."""
    ambient = {
        "ACCESS_KEY_ID": ACCESS_KEY,
        "SECRET_ACCESS_KEY": SECRET_KEY,
        "SESSION_TOKEN": world.cloud.contract.token,
    }
    for name, value in ambient.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = world.cloud.contract.url
    world.cloud.targets["here"] = AwsTarget(region=REGION, credentials="ambient", endpoint_url=url, resources=("*",))
    await world.perform(FIS, case.parameters | {"target": "here"})
    process = Path(f"/proc/{stopper(world)}")
    seen = b"".join((process / what).read_bytes() for what in ("cmdline", "environ"))
    seen += b"".join(file.read_bytes() for file in world.faults.lease_folder.iterdir() if file.is_file())
    assert not any(value.encode() in seen for value in ambient.values())
    run_out(world)
    until(lambda: fis.running() == [], "the end of the experiment")


async def test_an_experiment_starts_once_on_moto_too(world: World) -> None:
    """Moto keeps states, tokens and tags honestly (its experiments do no harm, which is not asked here)."""
    world.case("aws.ssm.set_parameter")
    client = world.cloud.moto.client("fis")
    template = client.create_experiment_template(
        clientToken="t",
        description="d",
        roleArn="arn:aws:iam::123456789012:role/fis",
        stopConditions=[{"source": "none"}],
        targets={"all": {"resourceType": "aws:ec2:instance", "selectionMode": "ALL", "resourceTags": {"a": "b"}}},
        actions={"stop": {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "all"}}},
    )["experimentTemplate"]["id"]
    accepted = {"without_stop_condition": True, "without_duration": True}
    parameters = {"target": "moto", "template": template, "duration": "1m", **accepted}
    first = await world.perform(FIS, parameters)
    world.ledger.leave_unsettled("run/inc-20261122-k7qd/mitigate/1/step")
    second = await world.perform(FIS, parameters, attempt=2)
    assert first.output == second.output
    await world.undo(FIS, parameters, first.output)
    (one,) = client.list_experiments()["experiments"]
    assert one["state"]["status"] in {"stopped", "completed"}
