"""Worker, API and engine are killed while faults are in place; every target puts itself right."""

from pathlib import Path

import pytest

from tests.support.fault_house import a_fault_house, everybody_dies
from tests.support.fault_world import HOST_FAULTS, NEEDS, skip_without_needs


async def test_all_are_killed_and_the_targets_are_clean(tmp_path: Path) -> None:
    """Every fault that needs nothing but Python, at once."""
    faults = [fault for fault in HOST_FAULTS if fault not in NEEDS]
    async with a_fault_house(tmp_path, *faults) as (house, world):
        await everybody_dies(house, world)


@pytest.mark.real
async def test_the_faults_that_need_root_end_as_well(tmp_path: Path) -> None:
    """Control groups, packet filters and stress-ng, at once."""
    faults = [fault for fault in HOST_FAULTS if fault in NEEDS]
    for fault in faults:
        skip_without_needs(fault)
    async with a_fault_house(tmp_path, *faults) as (house, world):
        await everybody_dies(house, world)
