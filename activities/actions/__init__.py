"""The built-in actions and those of third parties; called by the composition root.

`specs()` needs no client, so that the API can lint and show runbooks without being able to run them.
"""

from collections.abc import Iterable
from importlib.metadata import entry_points

from activities.action import Action, ActionRegistry, AnyAction
from activities.actions.check_http import CheckHttp
from activities.actions.check_process import CheckProcess
from activities.actions.check_program import CheckProgram
from activities.actions.cloud import CLOUD_ACTIONS, CloudPorts, cloud_actions
from activities.actions.faults import FAULT_ACTIONS, FaultPorts, fault_actions
from activities.actions.http_request import HttpRequest
from activities.actions.noop import Noop
from activities.actions.notify_post import NotifyPost
from activities.actions.ports import HttpCaller, ProgramRunner, Releases
from activities.actions.process_run import ProcessRun
from activities.actions.release import ReleaseActivate, ReleaseRestart, ReleaseRollback
from activities.actions.site import SITE_ACTIONS, SitePorts, site_actions
from activities.ports import ChannelSource, ConfigurationSource
from domain.errors import Rejected
from domain.run import ActionSpec

# A third party's entry point names a class that derives from Action and is built with the ConfigurationSource alone.
ENTRY_POINTS = "hotwash.actions"

BUILT_IN: tuple[type[AnyAction], ...] = (
    CheckHttp,
    CheckProcess,
    CheckProgram,
    HttpRequest,
    Noop,
    NotifyPost,
    ProcessRun,
    ReleaseActivate,
    ReleaseRestart,
    ReleaseRollback,
    *FAULT_ACTIONS,
    *SITE_ACTIONS,
    *CLOUD_ACTIONS,
)


def builtin_actions(
    configuration: ConfigurationSource,
    *,
    channels: ChannelSource,
    http: HttpCaller,
    programs: ProgramRunner,
    releases: Releases,
    faults: FaultPorts,
    site: SitePorts,
    cloud: CloudPorts,
) -> list[AnyAction]:
    """One of each of `BUILT_IN`, with what it needs."""
    return [
        CheckHttp(http),
        CheckProcess(configuration, faults.machine),
        CheckProgram(configuration, programs),
        HttpRequest(configuration, http),
        Noop(),
        NotifyPost(channels),
        ProcessRun(configuration, programs),
        ReleaseActivate(configuration, releases),
        ReleaseRestart(configuration, releases),
        ReleaseRollback(configuration, releases),
        *fault_actions(configuration, faults),
        *site_actions(configuration, site),
        *cloud_actions(configuration, cloud),
    ]


def third_party_classes() -> list[type[AnyAction]]:
    """The actions that installed packages bring along; Rejected, naming the package's entry point, for a bad one."""
    classes = []
    for point in entry_points(group=ENTRY_POINTS):
        loaded = point.load()
        if not (isinstance(loaded, type) and issubclass(loaded, Action)):
            raise Rejected(f"the entry point {point.name} = {point.value} of {ENTRY_POINTS} is no Action class")
        classes.append(loaded)
    return classes


def registry(configuration: ConfigurationSource, builtin: Iterable[AnyAction]) -> ActionRegistry:
    """Everything that this process can run: `builtin_actions(...)` and what third parties bring along."""
    # The constructor is part of the entry point's contract and not of Action, whose built-ins need other things.
    brought = [cls(configuration) for cls in third_party_classes()]  # type: ignore[call-arg]
    return ActionRegistry([*builtin, *brought])


def specs() -> dict[str, ActionSpec]:
    """What every action declares of itself, without building any."""
    return {cls.name: cls.spec() for cls in (*BUILT_IN, *third_party_classes())}
