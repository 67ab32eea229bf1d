"""What `hotwash.yaml` says, for workflows. Called by `workflows/alert_group.py` at the moment of declaration."""

from temporalio import activity

from activities.errors import translated
from activities.ports import ConfigurationSource
from domain.incident import IncidentContext
from domain.incident_context import incident_context
from domain.model import Model


class IncidentContextRequest(Model):
    """The services of the incident that is about to be declared."""

    services: tuple[str, ...] = ()


class DirectoryActivities:
    """The team, its people and its policy, as they are now."""

    def __init__(self, configuration: ConfigurationSource) -> None:
        self._configuration = configuration

    @activity.defn(name="directory.incident_context")
    @translated
    async def incident_context(self, request: IncidentContextRequest) -> IncidentContext:
        """What is to be pinned into an incident of these services. Reads only; may be repeated."""
        return incident_context(self._configuration.current(), request.services)
