"""Worker, API and engine are killed while faults are in place; every target puts itself right."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.action_world import TOKEN, Secrets
from tests.support.fault_house import FaultHouse, a_fault_house, everybody_dies
from tests.support.fault_world import HOST_FAULTS, NEEDS, skip_without_needs
from tests.support.netem_stand_in import has_netem
from tests.support.service_fault_world import PROXIED, ServiceFaults


async def test_all_are_killed_and_the_targets_are_clean(tmp_path: Path) -> None:
    """Every fault that needs nothing but Python, at once."""
    # The Chaos Toolkit begins its method only some time after it was started; its own tests wait for that.
    faults = [fault for fault in HOST_FAULTS if fault not in NEEDS and fault != "chaostoolkit.run"]
    async with a_fault_house(tmp_path, *faults) as (house, world):
        await everybody_dies(house, world)


async def test_disturbed_traffic_flows_again(tmp_path: Path) -> None:
    """Every fault of the fault proxy, with a proxy for each; a server behind HAProxy; an experiment of AWS FIS."""
    with ExitStack() as running:

        def prepare(house: FaultHouse) -> None:
            # A worker's first call of AWS loads boto3.
            house.lease = "15s"
            for fault in (*PROXIED, "haproxy.server_down", "aws.fis.start_experiment"):
                folder = tmp_path / fault
                folder.mkdir()
                services = ServiceFaults(folder, TOKEN)
                running.callback(services.close)
                case = services.case(fault)
                assert case is not None
                house.add_target(fault, *case)

        environment = {reference.removeprefix("env:"): value for reference, value in Secrets().values.items()}
        async with a_fault_house(tmp_path, prepare=prepare, environment=environment) as (house, world):
            await everybody_dies(house, world)


@pytest.mark.real
async def test_the_faults_that_need_root_end_as_well(tmp_path: Path) -> None:
    """Control groups, packet filters and stress-ng, at once."""
    # Without netem in the kernel no worker delays anything.
    faults = [fault for fault in HOST_FAULTS if fault in NEEDS and (fault != "network.delay" or has_netem())]
    for fault in faults:
        skip_without_needs(fault)
    async with a_fault_house(tmp_path, *faults) as (house, world):
        await everybody_dies(house, world)
