"""A tabletop: a scripted incident that people talk and click through in the real incident room. Nothing is broken.

`domain/tabletop_decisions.py` says what each command does, `workflows/tabletop.py` keeps the time.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field, model_validator

from domain.durations import Duration
from domain.model import Model
from domain.policy import Audience
from domain.practice import RULES, Deed, PracticeResult
from domain.severity import Severity
from domain.timeline import Actor, Link

# What people said that is kept word for word; more than 200 answers are no exercise any more.
MOST_WORDS = 200


class Wish(StrEnum):
    """What a good answer to an inject is; measured on the incident itself, but for the last."""

    ACKNOWLEDGED = "acknowledged"
    COMMANDED = "commanded"
    ROLE = "role"
    SEVERITY = "severity"
    IMPACT = "impact"
    STATUS = "status"
    UPDATE = "update"
    TASK = "task"
    DECISION = "decision"
    RUNBOOK = "runbook"
    HANDED_OVER = "handed_over"
    RESOLVED = "resolved"
    # The game master says whether it was good, and why.
    JUDGED = "judged"


# What else a wish has to say.
_NEEDS = {Wish.ROLE: "role", Wish.SEVERITY: "severity", Wish.STATUS: "status", Wish.UPDATE: "audience",
          Wish.JUDGED: "text"}  # fmt: skip
_DETAILS = ("role", "severity", "status", "audience", "runbook")
_MAY = {**_NEEDS, Wish.RUNBOOK: "runbook"}


class Wanted(Model):
    """One thing that is expected after an inject."""

    expect: Wish
    # Counted from the inject; None: until the end.
    within: Duration | None = None
    # What a good answer holds (`judged`), or why this is expected.
    text: str = ""
    role: str | None = None
    # This bad or worse.
    severity: Severity | None = None
    status: str | None = None
    audience: Audience | None = None
    # None: any.
    runbook: str | None = None
    # The rule of practice behind it.
    rule: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Wanted":
        need = _NEEDS.get(self.expect)
        if need is not None and not getattr(self, need):
            message = f"`expect: {self.expect.value}` needs `{need}`"
            raise ValueError(message)
        strange = [each for each in _DETAILS if getattr(self, each) is not None and each != _MAY.get(self.expect)]
        if strange:
            message = f"`{strange[0]}` says nothing about `expect: {self.expect.value}`; take it out"
            raise ValueError(message)
        if self.rule is not None and self.rule not in RULES:
            message = f"there is no rule {self.rule!r}; there are {', '.join(RULES)}"
            raise ValueError(message)
        return self

    def words(self) -> str:
        """As people read it."""
        if self.expect is Wish.JUDGED:
            return self.text
        detail = next((getattr(self, each) for each in _DETAILS if getattr(self, each) is not None), None)
        about = f" {detail.value if isinstance(detail, StrEnum) else detail}" if detail is not None else ""
        why = f": {self.text}" if self.text else ""
        return f"{self.expect.value.replace('_', ' ')}{about.replace('_', ' ')}{why}"


class Outlook(StrEnum):
    """How a wish stands."""

    PENDING = "pending"
    MET = "met"
    LATE = "late"
    MISSED = "missed"
    # The game master did not say.
    NOT_JUDGED = "not_judged"


class InjectRun(Model):
    """One inject, as it stands."""

    id: str
    # In the scenario's own time, counted from its beginning.
    at_seconds: float
    sender: str = ""
    # Roles of the tabletop or people; none: all players.
    to: tuple[str, ...] = ()
    text: str
    # Also for the game master alone: what lies behind it.
    clue: str = ""
    question: str = ""
    links: tuple[Link, ...] = ()
    wants: tuple[Wanted, ...] = ()
    # Made up by the game master in the middle of it.
    is_improvised: bool = False
    delivered_at: datetime | None = None
    # Before its time, by the game master.
    was_skipped_to: bool = False


class WantedRun(Model):
    """One wish after one inject."""

    # `INJECT/NUMBER`.
    key: str
    wanted: Wanted
    asked_at: datetime
    due_at: datetime | None = None
    state: Outlook = Outlook.PENDING
    observed_at: datetime | None = None
    evidence: str = ""
    marked_by: str | None = None


class Spoken(Model):
    """An answer of the game master, or of a player, in the exercise's own words."""

    by: Actor
    at: datetime
    text: str


class TabletopPart(Model):
    """What a tabletop knows besides what every game day knows."""

    game_master: str | None = None
    players: tuple[str, ...] = ()
    observers: tuple[str, ...] = ()
    injects: tuple[InjectRun, ...] = ()
    wanted: tuple[WantedRun, ...] = ()
    spoken: tuple[Spoken, ...] = ()
    # How far the scenario's clock is ahead of the wall's (skipped), less what it stood still.
    ahead_seconds: float = 0
    paused_at: datetime | None = None
    # As the incident told them; what the rules of practice are read against at the end.
    deeds: tuple[Deed, ...] = ()
    severity: Severity = Severity.SEV3
    deserved: Severity | None = None
    hurts_customers: bool = True
    practice: tuple[PracticeResult, ...] = ()
    practice_score: float | None = None
    debrief: str = ""
    # What the scenario was really about: for the debrief only.
    solution: str = ""


# --- commands: of the game master ---


class TabletopCommand(Model):
    """Something that is asked of a tabletop, and by whom."""

    by: Actor


class NextInject(TabletopCommand):
    """Skip the time until the next inject, and deliver it."""


class AddInject(TabletopCommand):
    """An inject that is not in the script, delivered now."""

    text: str = Field(min_length=1, max_length=4_000)
    to: tuple[str, ...] = ()
    sender: str = ""
    question: str = ""


class AnswerQuestion(TabletopCommand):
    """What somebody asked about the world of the scenario, answered for everybody in the timeline."""

    text: str = Field(min_length=1, max_length=4_000)


class MarkWish(TabletopCommand):
    """Whether a judged wish was fulfilled, and why."""

    key: str
    is_met: bool
    reason: str = Field(min_length=1, max_length=2_000)


class StopClock(TabletopCommand):
    """The scenario's clock stands still."""

    reason: str = ""


class StartClock(TabletopCommand):
    """It goes on."""


class EndTabletop(TabletopCommand):
    """The exercise is over: the rest is judged, and the debrief begins."""

    debrief: str = Field(default="", max_length=20_000)


TABLETOP_COMMANDS: Mapping[str, type[BaseModel]] = {
    "next": NextInject,
    "inject": AddInject,
    "answer": AnswerQuestion,
    "mark": MarkWish,
    "stop_clock": StopClock,
    "start_clock": StartClock,
    "end": EndTabletop,
}
