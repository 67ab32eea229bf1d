"""The trackers of hotwash.yaml, as they are now. Built by `workers/composition.py`."""

from activities.actions.ports import HttpCaller
from activities.clients.trackers.github import GithubIssues
from activities.clients.trackers.gitlab import GitlabIssues
from activities.clients.trackers.jira import JiraIssues
from activities.clients.trackers.linear import LinearIssues
from activities.ports import ConfigurationSource, SecretResolver
from activities.trackers.ports import TrackerClient
from domain.errors import Rejected, RejectionKind
from domain.tracker_settings import GithubTracker, GitlabTracker, JiraTracker, LinearTracker, Tracker


class ConfiguredTrackers:
    """One client per tracker, made anew when its settings change; the token is read for every request."""

    def __init__(self, configuration: ConfigurationSource, secrets: SecretResolver, http: HttpCaller) -> None:
        self._configuration = configuration
        self._secrets = secrets
        self._http = http
        self._known: dict[str, tuple[Tracker, TrackerClient]] = {}

    def client(self, name: str) -> tuple[TrackerClient, Tracker]:
        """The tracker of that name."""
        settings = self._configuration.current().trackers.get(name)
        if settings is None:
            raise Rejected(f"hotwash.yaml has no tracker {name!r} (any more)", RejectionKind.NOT_FOUND)
        known = self._known.get(name)
        if known is None or known[0] != settings:
            known = (settings, self._build(settings))
            self._known[name] = known
        return known[1], settings

    def _build(self, settings: Tracker) -> TrackerClient:
        def token() -> str:
            return self._secrets.resolve(settings.token)

        match settings:
            case GithubTracker():
                return GithubIssues(settings, token, self._http)
            case GitlabTracker():
                return GitlabIssues(settings, token, self._http)
            case JiraTracker():
                return JiraIssues(settings, token, self._http)
            case LinearTracker():
                return LinearIssues(settings, token, self._http)
