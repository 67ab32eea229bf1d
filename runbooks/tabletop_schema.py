"""The tabletop document as it is written, pinned and played. Pure: the `Tabletop` workflow imports this module.

It stands in the same folders as the other game days, with `kind: tabletop`, and has neither targets nor faults.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from domain.durations import Duration
from domain.game_day import GameDayKind, GameDayState
from domain.message import CourierState
from domain.model import Model
from domain.record import RecorderState
from domain.severity import IncidentType, Severity
from domain.tabletop import InjectRun, Wanted
from domain.timeline import Actor, Link
from runbooks.game_day_parts import Roles
from runbooks.schema import Identifier


class Inject(Model):
    """Something that happens in the story: an alert, a call, a chat line, a graph."""

    id: Identifier
    # In the story's time, from its beginning.
    at: Duration
    # Who says it in the story.
    sender: Annotated[str, Field(alias="from")] = ""
    # `players` (default), `observers`, a role of the incident, or people.
    to: tuple[str, ...] = ()
    text: str
    # For the game master alone.
    clue: str = ""
    # Asked of the players.
    question: str = ""
    links: tuple[Link, ...] = ()
    expected: tuple[Wanted, ...] = ()

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    def run(self) -> InjectRun:
        """As it stands before its time."""
        return InjectRun(
            id=self.id,
            at_seconds=self.at.total_seconds(),
            sender=self.sender,
            to=self.to,
            text=self.text,
            clue=self.clue,
            question=self.question,
            links=self.links,
            wants=self.expected,
        )


class Responder(Model):
    """Somebody of the story whom the trainer plays; people play themselves in a tabletop."""

    name: Identifier
    # What they are good for, as the new commander is told.
    about: str = ""
    # Roles that they decline, with what they say.
    declines: dict[str, str] = Field(default_factory=dict)
    # What they find out when they get a task whose title has one of the words; the first that fits. `""` fits any.
    finds: dict[str, str] = Field(default_factory=dict)
    takes: Duration = timedelta(minutes=5)


class Tabletop(Model):
    """A whole tabletop."""

    schema_version: Literal[1]
    name: Identifier
    title: str
    version: str = "1"
    owner: str
    kind: Literal[GameDayKind.TABLETOP]
    # What is to be learned.
    hypothesis: str = ""
    service: str | None = None
    roles: Roles = Roles()
    players: tuple[str, ...] = ()
    # How the incident is declared: as somebody who knows little would.
    incident_title: str
    severity: Severity = Severity.SEV3
    type: IncidentType = IncidentType.OUTAGE
    summary: str = ""
    # What it deserves, as an experienced commander sees it.
    deserved_severity: Severity | None = None
    hurts_customers: bool = True
    injects: tuple[Inject, ...] = Field(min_length=1)
    # What was behind it all, for the debrief.
    solution: str = ""
    # The people of the trainer.
    responders: tuple[Responder, ...] = ()
    # Ended and judged after this long, whatever was played.
    duration: Duration = timedelta(hours=2)


class TabletopStart(Model):
    """The input of the `Tabletop` workflow."""

    document: Tabletop
    digest: str
    requested_by: Actor
    incident_id: str
    audience: tuple[str, ...] = ()
    # --- carried over continue-as-new ---
    state: GameDayState | None = None
    recorder: RecorderState | None = None
    courier: CourierState | None = None
