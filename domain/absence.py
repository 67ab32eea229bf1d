"""People whom a drill has declared unavailable: who may do nothing in it, and for how long. Pure.

Called by the decisions about an incident and about a run of a drill, and by the page. The one thing to know: the
absence ends with the drill. The game day says when; should it be unable to, the time is over by itself.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.model import Model
from domain.timeline import Actor, ActorKind


class Absence(Model):
    """Who is away in a drill; a real incident has none."""

    people: tuple[str, ...]
    # The name of the game day that says so.
    game_day: str
    # The faults are undone and the target is looked at by then, whatever happens.
    until: datetime


def is_away(absence: Absence | None, name: str, now: datetime) -> bool:
    """Whether somebody is out of it now."""
    return absence is not None and now < absence.until and name in absence.people


def present(absence: Absence | None, names: Iterable[str], now: datetime) -> tuple[str, ...]:
    """Those of them who are there."""
    return tuple(name for name in names if not is_away(absence, name, now))


def demand_present(absence: Absence | None, by: Actor, now: datetime) -> None:
    """Rejected when somebody acts in a drill from which they were declared away."""
    if absence is not None and by.kind is ActorKind.PERSON and is_away(absence, by.name, now):
        raise Rejected(
            f"{by.name} is declared unavailable in the game day {absence.game_day!r} and takes no part until it ends "
            f"({absence.until:%H:%M} UTC at the latest); let the others act, or halt the game day if this is real",
            RejectionKind.FORBIDDEN,
        )


def demand_said_by_the_game_day(by: Actor) -> None:
    """Rejected when a person wants to call somebody back: the drill lasts until the game day says otherwise."""
    if by.kind is ActorKind.PERSON:
        raise Rejected("only the game day itself says that it is over; halt it, and it will", RejectionKind.FORBIDDEN)


def demand_reachable(absence: Absence | None, name: str, now: datetime) -> None:
    """Rejected when a role is offered to somebody who cannot hear of it."""
    if absence is not None and is_away(absence, name, now):
        raise Rejected(
            f"{name} is declared unavailable in the game day {absence.game_day!r} and cannot take a role before "
            f"{absence.until:%H:%M} UTC; name somebody else",
            RejectionKind.CONFLICT,
        )
