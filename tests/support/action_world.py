"""A small world for actions to change: a web server, a release directory, a program, a process and a channel, all real.

`World.case(name)` tells for every built-in action what to ask of it and how to count what it did.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.action import ActionRegistry
from activities.actions import builtin_actions
from activities.actions.service_faults import SERVICE_FAULTS, service_faults
from activities.clients.fault_ports import fault_ports
from activities.clients.http import HttpClient
from activities.clients.programs import Programs
from activities.clients.releases import ReleaseDirectories
from activities.ports import ChannelSender, OutgoingMessage
from activities.steps import CheckResult, StepActivities, StepRequest, StepResult, UndoRequest
from domain.action_targets import ChaosExperiment, Daemon
from domain.configuration import ActionSettings, AllowedProgram, Configuration, ReleaseTarget
from domain.errors import Rejected, RejectionKind, Transient
from tests.support.cloud_world import SECRETS as CLOUD_SECRETS
from tests.support.cloud_world import Cloud
from tests.support.fault_world import FAULT_PROGRAMS, FaultCase, Faults
from tests.support.http_target import Target
from tests.support.ledger import Ledger
from tests.support.service_fault_world import ServiceFaults
from tests.support.site_world import Site, with_settings

SERVICE_FAULT_NAMES = frozenset(each.name for each in SERVICE_FAULTS)
KEY = "run/inc-20261122-k7qd/mitigate/1/step"
TOKEN = "s3cr3t/tok+en value"
APPEND = "import sys, os; open(sys.argv[1], 'a').write(sys.argv[2] + chr(10)); print('appended', os.getcwd())"


class Secrets:
    """References that resolve to known values."""

    def __init__(self) -> None:
        self.values = {"env:TOKEN": TOKEN} | CLOUD_SECRETS

    def resolve(self, reference: str) -> str:
        """The value, or a refusal that names the reference."""
        if reference not in self.values:
            message = f"the secret {reference} is not set"
            raise Rejected(message, RejectionKind.NOT_FOUND)
        return self.values[reference]


@dataclass
class Chat:
    """A channel whose far side drops what it has seen, as receivers of Standard Webhooks do."""

    honours_key: bool = True
    arrived: list[OutgoingMessage] = field(default_factory=list)

    async def send(self, message: OutgoingMessage) -> str:
        """Take a message once per key."""
        if not self.honours_key or message.key not in {one.key for one in self.arrived}:
            self.arrived.append(message)
        return "202"


class Channels:
    """The channels by name."""

    def __init__(self, **channels: ChannelSender) -> None:
        self._channels = channels

    def sender(self, name: str) -> ChannelSender:
        """The channel, or a refusal."""
        if name not in self._channels:
            message = f"there is no channel {name!r}"
            raise Rejected(message, RejectionKind.NOT_FOUND)
        return self._channels[name]


class DoubtfulLedger(Ledger):
    """A ledger that may be lost between a claim and its settlement."""

    settle_is_down = False

    async def settle(self, key: str, outcome: dict[str, Any]) -> None:
        """Settle, unless the store went away meanwhile."""
        if self.settle_is_down:
            message = "the store is away"
            raise Transient(message)
        await super().settle(key, outcome)

    def leave_unsettled(self, key: str) -> None:
        """As if the worker had died after its claim."""
        self.outcomes[key] = None


@dataclass
class Case:
    """What to ask of an action, and how to see what it has done."""

    parameters: dict[str, Any]
    # A list that grows by one with each effect.
    effects: Callable[[], list[Any]]
    # What an undo must bring back; read from the target, not from the action.
    state: Callable[[], Any] = lambda: None


class World:
    """Everything that the built-in actions can touch, below one folder."""

    def __init__(self, folder: Path, target: Target) -> None:
        self.folder = folder
        self.target = target
        self.ledger = DoubtfulLedger()
        self.secrets = Secrets()
        self.chat = Chat()
        self.http = HttpClient()
        self.programs = Programs()
        self.shop = make_releases(folder / "shop")
        self.restarts = folder / "restarts"
        self.written = folder / "written"
        self.pid_file = folder / "victim.pid"
        self._children: list[subprocess.Popen[bytes]] = []
        self.site = Site(folder, TOKEN)
        self.cloud = Cloud(TOKEN)
        self.services = ServiceFaults(folder, TOKEN, self.cloud)
        self.faults = Faults(folder, self.start_victim, self.dead_victims)
        self.actions = self._settings()
        self.registry = ActionRegistry(
            builtin_actions(
                self,
                channels=Channels(chat=self.chat),
                http=self.http,
                programs=self.programs,
                releases=ReleaseDirectories(self.programs),
                faults=self.services.ports(fault_ports(self, self.programs, self.http)),
                site=self.site.ports(self.programs, self.http),
                cloud=self.cloud.ports(self.ledger),
            )
        )

    def current(self) -> Configuration:
        """The world is its own ConfigurationSource."""
        return Configuration(actions=self.cloud.settings(self.actions))

    def _settings(self) -> ActionSettings:
        restart = (sys.executable, "-c", APPEND, str(self.restarts), "restarted")
        return ActionSettings(
            releases={"shop": ReleaseTarget(directory=str(self.shop), restart=restart)},
            programs={
                "append": AllowedProgram(
                    program=sys.executable,
                    arguments=(("-c", ".*", r"/[^\0]*", ".*"),),
                    directory=str(self.folder),
                ),
                "looks": AllowedProgram(program="/bin/echo", arguments=((".*",),), read_only=True),
                **FAULT_PROGRAMS,
            },
            chaos_toolkit={
                "breaks": ChaosExperiment(
                    experiment="experiment.json",
                    program=str(Path(sys.executable).with_name("chaos")),
                    directory=str(self.folder),
                )
            },
            processes={"victim": str(self.pid_file)},
            daemons={"victim": Daemon(pid_file=str(self.pid_file), start=("/bin/sleep", "60"))},
            http_allow=(f"{self.target.url}/api",),
            journal_folder=str(self.folder / "journals"),
            **self.faults.settings(),
        )

    def use_real_services(self) -> None:
        """Faults reach the clusters that the settings name, and not the little one."""
        real = fault_ports(self, self.programs, self.http)
        self.registry = ActionRegistry(
            [
                *service_faults(self, real.leases, real.services),
                *(self.registry.get(name) for name in self.registry.names() if name not in SERVICE_FAULT_NAMES),
            ]
        )

    def configure_faults(self) -> None:
        """Write the targets of faults into the configuration; some have their port only once they are made."""
        self.actions = ActionSettings.model_validate(self.actions.model_dump() | self.faults.settings())

    def start_victim(self) -> int:
        """A process that sleeps, and the pid file that it would have written."""
        child = subprocess.Popen(["/bin/sleep", "60"])
        self._children.append(child)
        self.pid_file.write_text(f"{child.pid}\n")
        return child.pid

    def dead_victims(self) -> list[int]:
        """The pids of the processes that were ended."""
        return [child.pid for child in self._children if child.poll() is not None]

    def releases(self) -> tuple[str, list[str]]:
        """The current release of the shop, and its history."""
        return current_release(self.shop), lines(self.shop / "history")

    def case(self, name: str) -> Case:
        """What to ask of a built-in action, and how to count its effects."""
        if name in SERVICE_FAULT_NAMES:
            at_service = self.fault_case(name)
            return Case(at_service.parameters, at_service.effects, at_service.state)
        on_site = self.site.case(name)
        if on_site is not None:
            parameters, effects, state, kind = on_site
            self.actions = with_settings(self.actions, self.site, kind)
            return Case(parameters, effects, state)
        in_cloud = self.cloud.case(name)
        if in_cloud is not None:
            return Case(*in_cloud)
        at_fault = self.faults.case(name)
        if at_fault is not None:
            self.configure_faults()
            return Case(at_fault.parameters, at_fault.effects, at_fault.state)

        def releases() -> list[Any]:
            return [current_release(self.shop), lines(self.shop / "history")]

        say = {"url": f"{self.target.url}/api/say", "method": "POST", "json": {"a": 1}}
        secret = {"headers": {"Authorization": {"secret": "env:TOKEN", "prefix": "Bearer "}}}
        return {
            "noop": Case({"echo": {"a": 1}}, list),
            "check.http": Case({"url": self.target.url}, list),
            "check.process": Case({"process": "victim", "wanted": "gone"}, list),
            "check.program": Case({"program": "looks", "arguments": ["ok"], "says": "ok"}, list),
            "http.request": Case(say | secret, lambda: self.target.asked("POST")),
            "notify.post": Case({"channel": "chat", "text": "hello"}, lambda: self.chat.arrived),
            "process.run": Case(
                {"program": "append", "arguments": ["-c", APPEND, str(self.written), "line"]},
                lambda: lines(self.written),
            ),
            "release.activate": Case({"target": "shop", "release": "v3"}, lambda: lines(self.restarts), releases),
            "release.restart": Case({"target": "shop"}, lambda: lines(self.restarts)),
            "release.rollback": Case({"target": "shop"}, lambda: lines(self.restarts), releases),
        }[name]

    def fault_case(self, name: str) -> FaultCase:
        """What the laws of faults ask of one."""
        at_service = self.services.case(name) if name in SERVICE_FAULT_NAMES else None
        if at_service is not None:
            case, settings = at_service
            self.actions = ActionSettings.model_validate(self.actions.model_dump() | settings)
            return case
        at_host = self.faults.case(name)
        assert at_host is not None, f"{name} needs a FaultCase in tests/support/"
        self.configure_faults()
        return at_host

    def request(self, name: str, parameters: dict[str, Any], **more: Any) -> StepRequest:
        """A request as a run makes it, in a drill."""
        defaults: dict[str, Any] = {"key": KEY, "incident_id": "inc-20261122-k7qd", "drill": True}
        return StepRequest(action=name, parameters=parameters, **(defaults | more))

    @property
    def steps(self) -> StepActivities:
        """A worker that has just started."""
        return StepActivities(self.registry, self.ledger, self.secrets)

    async def perform(self, name: str, parameters: dict[str, Any], **more: Any) -> StepResult:
        """`steps.perform` as the engine runs it."""
        return await ActivityEnvironment().run(self.steps.perform, self.request(name, parameters, **more))

    async def check(self, name: str, parameters: dict[str, Any], **more: Any) -> CheckResult:
        """`steps.check` as the engine runs it."""
        return await ActivityEnvironment().run(self.steps.check, self.request(name, parameters, **more))

    async def answer(self, name: str, parameters: dict[str, Any], **more: Any) -> CheckResult:
        """The same, once it is yes or no: a program that begins slowly is not known to have done anything yet."""
        async with asyncio.timeout(60):
            while (found := await self.check(name, parameters, **more)).holds is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found

    async def undo(
        self, name: str, parameters: dict[str, Any], output: dict[str, Any] | None, key: str = KEY
    ) -> StepResult:
        """`steps.undo` as the engine runs it."""
        request = UndoRequest(
            key=f"{key}/undo", action=name, parameters=parameters, incident_id=None, drill=True, output=output
        )
        return await ActivityEnvironment().run(self.steps.undo, request)

    async def close(self) -> None:
        """End what was started."""
        await self.http.close()
        self.faults.close()
        self.services.close()
        self.site.close()
        for child in self._children:
            child.kill()
            child.wait()


async def changed(state: Callable[[], Any], before: Any) -> None:
    """Wait until a target is not as before: a program that does the harm may need a moment on a busy machine."""
    async with asyncio.timeout(20):
        while state() == before:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)


def make_releases(directory: Path) -> Path:
    """`releases/v1`, `v2`, `v3`; v2 is current, v1 was before."""
    for name in ("v1", "v2", "v3"):
        (directory / "releases" / name).mkdir(parents=True)
    (directory / "current").symlink_to("releases/v2")
    (directory / "history").write_text("v1\nv2\n")
    return directory


def current_release(directory: Path) -> str:
    """What the symlink says."""
    return (directory / "current").readlink().name


def lines(path: Path) -> list[str]:
    """The lines of a file; none when there is no file."""
    return path.read_text().splitlines() if path.exists() else []
