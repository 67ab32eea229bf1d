"""The shape of `hotwash.yaml`: services, teams, people, on-call, routes, channels, policy.

Secrets are references (`env:NAME`, `file:PATH`), never values. `runtime/configuration.py` reads the file and turns a
mistake into a sentence with its line; this module only says what is right.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import AliasChoices, Field, field_validator, model_validator

from domain.action_targets import (
    AlertmanagerServer,
    ChaosExperiment,
    Daemon,
    Database,
    Endpoint,
    FaultProxy,
    FlagProvider,
    HaproxyServer,
    NginxUpstream,
    PostgresCluster,
    PrometheusServer,
    RedisServer,
)
from domain.cloud_targets import AwsTarget, KubernetesTarget
from domain.drill_targets import DrillTarget, GameDayPolicy
from domain.durations import Duration
from domain.fault_targets import (
    Disk,
    NetworkPath,
    PressedHost,
    Resolver,
    ServedCertificate,
    ShiftableClock,
)
from domain.insight.words import INSIGHTS, LoadLimits
from domain.label_patterns import LabelPatterns
from domain.model import Model
from domain.names import Name, SecretReference
from domain.policy import Audience, Policy, known_time_zone
from domain.severity import IncidentType, Severity
from domain.timeline import ADMINISTRATOR
from domain.tracker_settings import Tracker


class Person(Model):
    """Somebody who can be paged, hold a role and approve."""

    name: str
    email: str | None = None
    # Approver groups and permissions; `admin` may do everything but approve what they asked for themselves.
    groups: tuple[Name, ...] = ()
    # Who hears about missed deadlines.
    manager: Name | None = None
    # Tokens issued before this Unix time are refused; raise it to log a person out everywhere.
    tokens_valid_after: int = 0


class Team(Model):
    """A group of people that owns services."""

    name: str
    members: tuple[Name, ...] = ()
    manager: Name | None = None


class OnCallLevel(Model):
    """Who is paged at this level, all at once."""

    people: tuple[Name, ...] = Field(min_length=1)
    # None: the severity's `acknowledge_within`.
    acknowledge_within: Duration | None = None


class OnCall(Model):
    """An escalation path: levels from first to last."""

    levels: tuple[OnCallLevel, ...] = Field(min_length=1)


class Service(Model):
    """Something that can break, and who looks after it."""

    name: str
    team: Name | None = None
    on_call: Name | None = None
    # Shown on the public status page under `public_name` (or `name`).
    public: bool = False
    public_name: str | None = None
    description: str = ""


class Threshold(Model):
    """What must hold before alerts become an incident."""

    # Firing for at least this long ...
    lasting: Duration = Field(default=timedelta(0), validation_alias=AliasChoices("for", "lasting"))
    # ... with at least this many distinct alerts firing at once ...
    count: int = Field(default=1, ge=1)
    # ... and at least this severity (after the route's own setting).
    minimum_severity: Severity = Severity.SEV5


class Declaration(StrEnum):
    """What happens once the threshold is met."""

    AUTOMATIC = "automatic"
    PROPOSE = "propose"


class Route(Model):
    """Which alerts are whose, how bad they are, and what is to be done. The first route that matches wins."""

    name: Name
    # Label name to value; a value `~…` is a regular expression that must match in full.
    match: LabelPatterns = Field(default_factory=dict)
    # Labels that make a group; empty: what the sender grouped by.
    group_by: tuple[str, ...] = ()
    service: Name | None = None
    # None: taken from the alert's `severity` label, else SEV-3.
    severity: Severity | None = None
    type: IncidentType = IncidentType.OUTAGE
    runbook: str | None = None
    # Runbook parameters; texts may name labels: `{labels.instance}` is replaced by the label's value, never evaluated.
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)
    threshold: Threshold = Field(default_factory=Threshold)
    declare: Declaration = Declaration.AUTOMATIC
    # Counted and shown, but never an incident.
    suppress: bool = False


class SmtpChannel(Model):
    """Mail through an SMTP server."""

    kind: Literal["smtp"]
    host: str
    port: int = 587
    sender: str
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretReference | None = None


class WebhookChannel(Model):
    """A signed POST (Standard Webhooks) to somebody's endpoint."""

    kind: Literal["webhook"]
    url: str
    secret: SecretReference


Channel = Annotated[SmtpChannel | WebhookChannel, Field(discriminator="kind")]


class Destination(Model):
    """Where an audience's messages go; `to` are mail addresses and stays empty for a webhook."""

    channel: Name
    to: tuple[str, ...] = ()


class AudiencePlan(Model):
    """How one audience is told."""

    destinations: tuple[Destination, ...] = ()
    # The first notice goes out by itself, from its template; later ones are written by a person.
    first_notice: Literal["automatic", "person"] = "person"


class Integration(Model):
    """What an alert sender must present. Without an entry its webhook refuses everything."""

    # Compared with the bearer token (or the basic-auth password) of the request.
    secret: SecretReference


class ReleaseTarget(Model):
    """A directory of releases with a `current` symlink, and the supervised process that runs from it."""

    kind: Literal["release"] = "release"
    directory: str
    # Run after the symlink moved, so that the process picks the release up; argv, never a shell string.
    restart: tuple[str, ...] = ()
    # A file that holds the supervised process's pid. SIGHUP is sent to it when `restart` is empty; with `restart` it
    # tells whether a restart took place whose worker died, so that there is no second one.
    pid_file: str | None = None


class AllowedProgram(Model):
    """A program that `process.run` may start. Arguments must match one of the patterns, whole and in order."""

    program: str
    # Regular expressions, one per argument; the last may be followed by none.
    arguments: tuple[tuple[str, ...], ...] = ((),)
    directory: str | None = None
    # Its owner's word that it only looks: `check.program` may run it as often as it likes.
    read_only: bool = False


class ActionSettings(Model):
    """What runbooks may touch. Empty means nothing."""

    releases: dict[Name, ReleaseTarget] = Field(default_factory=dict)
    programs: dict[Name, AllowedProgram] = Field(default_factory=dict)
    # Processes that a drill may break, and that `check.process` may look at: name to pid file.
    processes: dict[Name, str] = Field(default_factory=dict)
    # URL prefixes that `http.request` may call with a method other than GET or HEAD.
    http_allow: tuple[str, ...] = ()
    # What runbooks may start, stop and restart.
    daemons: dict[Name, Daemon] = Field(default_factory=dict)
    # What `check.tcp`, `check.promql` and `check.sql` may ask.
    endpoints: dict[Name, Endpoint] = Field(default_factory=dict)
    prometheus: dict[Name, PrometheusServer] = Field(default_factory=dict)
    databases: dict[Name, Database] = Field(default_factory=dict)
    # Where traffic, primaries and flags are switched.
    postgres: dict[Name, PostgresCluster] = Field(default_factory=dict)
    haproxy: dict[Name, HaproxyServer] = Field(default_factory=dict)
    nginx: dict[Name, NginxUpstream] = Field(default_factory=dict)
    redis: dict[Name, RedisServer] = Field(default_factory=dict)
    flags: dict[Name, FlagProvider] = Field(default_factory=dict)
    # Whose alerts a drill may mute.
    alertmanagers: dict[Name, AlertmanagerServer] = Field(default_factory=dict)
    # What stands before services and databases so that a drill can disturb their traffic.
    fault_proxies: dict[Name, FaultProxy] = Field(default_factory=dict)
    # Experiments that the Chaos Toolkit may run in a drill.
    chaos_toolkit: dict[Name, ChaosExperiment] = Field(default_factory=dict)
    # Accounts and clusters, and what may be changed in them.
    aws: dict[Name, AwsTarget] = Field(default_factory=dict)
    kubernetes: dict[Name, KubernetesTarget] = Field(default_factory=dict)
    # What game days may break on this machine, and how far (beside `processes`).
    disks: dict[Name, Disk] = Field(default_factory=dict)
    hosts: dict[Name, PressedHost] = Field(default_factory=dict)
    networks: dict[Name, NetworkPath] = Field(default_factory=dict)
    clocks: dict[Name, ShiftableClock] = Field(default_factory=dict)
    certificates: dict[Name, ServedCertificate] = Field(default_factory=dict)
    resolvers: dict[Name, Resolver] = Field(default_factory=dict)
    # Where it is remembered what was done to targets that remember nothing. Workers that act on the same targets from
    # several machines share this folder.
    journal_folder: str = "journals"
    # Where the way back from each fault of a game day is written down before the fault is injected. On a disk of this
    # machine, writable for the worker, and not on a disk that a drill fills.
    lease_folder: str = "leases"


class GameDaySettings(Model):
    """What a game day of the library needs to know here, and when it runs by itself."""

    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)
    # Who gets the report.
    audience: tuple[Name, ...] = ()

    # Five-field cron, in this time zone; None: the calendar's.
    cron: str | None = None
    time_zone: str | None = None
    every: Duration | None = None
    # It starts up to so much later, so that nobody learns to wait for it; never as late as the time after.
    jitter: Duration | None = None
    paused: bool = False

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, time_zone: str | None) -> str | None:
        return time_zone if time_zone is None else known_time_zone(time_zone)


class MailedReport(Model):
    """What is counted regularly and mailed; without people and destinations it is not scheduled."""

    # Who gets it over the page channels, and where else it goes.
    audience: tuple[Name, ...] = ()
    destinations: tuple[Destination, ...] = ()
    # Five-field cron, in the calendar's time zone: Monday at nine.
    cron: str = "0 9 * * 1"
    paused: bool = False


class OperationsReviewSettings(MailedReport):
    """The weekly document for the meeting."""

    # Whoever was interrupted in more hours than this stands in the review, and on the page of insights.
    load: LoadLimits = LoadLimits()


class InsightMailSettings(MailedReport):
    """Insights by mail."""

    # The first of each month at nine.
    cron: str = "0 9 1 * *"
    # How far back they look: a quarter, as the page does.
    days: int = Field(default=90, ge=1, le=3_660)
    # Which of them; empty: all.
    insights: tuple[str, ...] = ()

    @field_validator("insights")
    @classmethod
    def _insights_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in INSIGHTS]
        if unknown:
            raise ValueError(f"there is no insight {unknown[0]!r}; there are {', '.join(INSIGHTS)}")
        return names


class Configuration(Model):
    """Everything that `hotwash.yaml` may say."""

    organization: str = "Hotwash"
    # Where people reach the console; used in links in pages and mails.
    base_url: str | None = None
    people: dict[Name, Person] = Field(default_factory=dict)
    teams: dict[Name, Team] = Field(default_factory=dict)
    on_call: dict[Name, OnCall] = Field(default_factory=dict)
    services: dict[Name, Service] = Field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    integrations: dict[Name, Integration] = Field(default_factory=dict)
    channels: dict[Name, Channel] = Field(default_factory=dict)
    # Channels that carry pages and reminders to a person; mail goes to the person's address.
    page_channels: tuple[Name, ...] = ()
    audiences: dict[Audience, AudiencePlan] = Field(default_factory=dict)
    # Folders with runbooks and game days of the team's own, relative to `hotwash.yaml`; they come before the library.
    runbook_folders: tuple[str, ...] = ("runbooks",)
    game_day_folders: tuple[str, ...] = ("game_days",)
    template_folder: str = "templates"
    game_days: dict[Name, GameDaySettings] = Field(default_factory=dict)
    # What game days may break, and the rules for all of them.
    drill_targets: dict[Name, DrillTarget] = Field(default_factory=dict)
    game_day_policy: GameDayPolicy = GameDayPolicy()
    operations_review: OperationsReviewSettings = OperationsReviewSettings()
    insight_mail: InsightMailSettings = InsightMailSettings()
    # Where action items are kept as issues, too.
    trackers: dict[Name, Tracker] = Field(default_factory=dict)
    actions: ActionSettings = ActionSettings()
    policy: Policy = Policy()
    # Kinds of contributing factors besides those of `domain/contributing_factors.py`: name to one line of meaning.
    contributing_factors: dict[Name, str] = Field(default_factory=dict)
    # ISO country whose public holidays the calendar leaves out (filled into `policy.calendar.holidays` when read).
    holidays: str | None = None

    def services_by_team(self) -> dict[str, list[str]]:
        """Each team's services; a team without any has an empty list."""
        teams: dict[str, list[str]] = {team: [] for team in self.teams}
        for name, service in self.services.items():
            if service.team:
                teams[service.team].append(name)
        return teams

    @property
    def names_people(self) -> bool:
        """Whether the house has said who its people are; a first start knows its administrator only."""
        return any(name != ADMINISTRATOR for name in self.people)

    def people_by_name(self) -> dict[str, tuple[str, ...]]:
        """Who is meant by the name of a group, a team or a person."""
        found: dict[str, tuple[str, ...]] = {}
        for name, person in self.people.items():
            for group in person.groups:
                found[group] = (*found.get(group, ()), name)
        found |= {name: team.members for name, team in self.teams.items()}
        return found | {name: (name,) for name in self.people}

    @model_validator(mode="after")
    def _names_exist(self) -> "Configuration":
        missing = list(missing_names(self))
        if missing:
            raise MissingNames(missing)
        return self


class MissingName(NamedTuple):
    """A name that is used and nowhere defined, and where it is used."""

    path: tuple[str | int, ...]
    sentence: str


class MissingNames(ValueError):
    """All of them at once, so that a person mends the file in one go."""

    def __init__(self, missing: Sequence[MissingName]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, path))}: {sentence}" for path, sentence in missing))
        self.missing = tuple(missing)


def missing_names(configuration: Configuration) -> Iterator[MissingName]:
    """Every reference to a person, team, service, channel or on-call path that is not defined."""
    known: dict[str, Collection[str]] = {
        "person": configuration.people,
        "team": configuration.teams,
        "on-call path": configuration.on_call,
        "service": configuration.services,
        "channel": configuration.channels,
    }
    for what, path, name in _references(configuration):
        if name is not None and name not in known[what]:
            yield MissingName(path, f"{what} {name!r} is not defined; define it or mend the name")


# What kind of name it is, where it stands, and the name.
_Reference = tuple[str, tuple[str | int, ...], str | None]


def _references(configuration: Configuration) -> Iterator[_Reference]:
    yield from _references_to_people(configuration)
    for key, service in configuration.services.items():
        yield "team", ("services", key, "team"), service.team
        yield "on-call path", ("services", key, "on_call"), service.on_call
    for place, route in enumerate(configuration.routes):
        yield "service", ("routes", place, "service"), route.service
    for key, target in configuration.drill_targets.items():
        yield "service", ("drill_targets", key, "service"), target.service
    for key, tracker in configuration.trackers.items():
        for place, name in enumerate(tracker.services):
            yield "service", ("trackers", key, "services", place), name
        for place, name in enumerate(tracker.teams):
            yield "team", ("trackers", key, "teams", place), name
        for name in tracker.users:
            yield "person", ("trackers", key, "users", name), name
    for place, name in enumerate(configuration.page_channels):
        yield "channel", ("page_channels", place), name
    yield from _references_of_reports(configuration)
    for audience, plan in configuration.audiences.items():
        for place, destination in enumerate(plan.destinations):
            yield "channel", ("audiences", audience.value, "destinations", place, "channel"), destination.channel


def _references_of_reports(configuration: Configuration) -> Iterator[_Reference]:
    reports = {"operations_review": configuration.operations_review, "insight_mail": configuration.insight_mail}
    for report, settings in reports.items():
        for place, destination in enumerate(settings.destinations):
            yield "channel", (report, "destinations", place, "channel"), destination.channel
        for place, name in enumerate(settings.audience):
            yield "person", (report, "audience", place), name


def _references_to_people(configuration: Configuration) -> Iterator[_Reference]:
    for key, human in configuration.people.items():
        yield "person", ("people", key, "manager"), human.manager
    for key, team in configuration.teams.items():
        yield "person", ("teams", key, "manager"), team.manager
        for place, member in enumerate(team.members):
            yield "person", ("teams", key, "members", place), member
    for key, game_day in configuration.game_days.items():
        for place, name in enumerate(game_day.audience):
            yield "person", ("game_days", key, "audience", place), name
    for key, on_call in configuration.on_call.items():
        for rung, level in enumerate(on_call.levels):
            for place, name in enumerate(level.people):
                yield "person", ("on_call", key, "levels", rung, "people", place), name
