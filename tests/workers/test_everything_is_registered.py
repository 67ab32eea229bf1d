"""What the packages define is what the workers run: nothing is written and then forgotten in the composition root."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from temporalio import activity, workflow

import activities
import workflows
from activities.clients.channels import ConfiguredChannels
from runtime.configuration import ConfigurationFile
from runtime.home import Home
from runtime.secrets import Secrets
from runtime.settings import Settings
from runtime.temporal import connect
from store import open_store
from workers.composition import WORKFLOWS, control_activities, step_activities, sweep_activities


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def test_every_workflow_is_registered() -> None:
    """A workflow class that no worker knows would leave its starter waiting for ever."""
    defined = {
        thing
        for module in modules(workflows)
        for thing in vars(module).values()
        if isinstance(thing, type)
        and thing.__module__.startswith("workflows")
        and "__temporal_workflow_definition" in vars(thing)
    }
    assert set(WORKFLOWS) == defined
    assert all(workflow._Definition.must_from_class(each).name == each.__name__ for each in WORKFLOWS)


def defined_activities() -> set[str]:
    """The names of all activities."""
    names = set()
    for module in modules(activities):
        for thing in vars(module).values():
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                found = (
                    activity._Definition.from_callable(method) for method in vars(thing).values() if callable(method)
                )
                names |= {definition.name for definition in found if definition is not None and definition.name}
    return names


async def test_every_activity_is_registered(tmp_path: Path) -> None:
    """Control, steps and sweeps together run every activity, and none runs on two of them."""
    home = Home(tmp_path / "home")
    home.prepare()
    configuration, store = ConfigurationFile(home.configuration), open_store(home.store_url)
    client = await connect(Settings(home=home.folder, temporal_port=1), lazy=True)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(store.close)
        secrets = Secrets(configuration.folder)
        channels = ConfiguredChannels(configuration, secrets)
        closing.push_async_callback(channels.close)
        control = names(control_activities(client, store, configuration, channels, closing))
        steps = names(step_activities(store, configuration, secrets, channels, closing))
        sweeps = names(sweep_activities(configuration))
        assert sorted([*control, *steps, *sweeps]) == sorted(defined_activities())


def names(registered: Iterable[Callable[..., Any]]) -> list[str | None]:
    """The names under which they are known."""
    return [activity._Definition.must_from_callable(each).name for each in registered]
