"""A later deadline needs a second person (rule A03; incident.io and Rootly), for reviews as for action items.

Used by `review_decisions.py` and `action_item_extension.py`. Pure. The one thing to know: until somebody approves, the
old deadline stands and its reminders go on; so a wish that nobody looks at changes nothing.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from domain.calendar import written
from domain.deadlines import ExtensionWish
from domain.errors import Rejected, RejectionKind
from domain.follow_up import demand_person
from domain.policy import WorkingHours
from domain.timeline import ADMINISTRATOR, Actor

# Where neither lead nor manager of the owner can say yes, so many of the others who can are told; the rest would only
# get mail about people whom they do not lead.
MOST_ASKED = 3


def who_approves(wish: ExtensionWish, owner: str | None, role_holders: Iterable[str | None]) -> tuple[str, ...]:
    """Leads and managers, but neither who asks nor who owes it; empty: there is none, and any other person may."""
    return tuple(dict.fromkeys(name for name in role_holders if name and name not in {wish.by.name, owner}))


def demand_wish(wish: ExtensionWish | None, what: str) -> ExtensionWish:
    """The wish that waits; refused when there is none."""
    if wish is None:
        raise Rejected(f"nobody has asked for more time for {what}", RejectionKind.CONFLICT)
    return wish


def demand_no_other_wish(wish: ExtensionWish | None, by: Actor, hours: WorkingHours) -> None:
    """Who asked may change their wish; for everybody else one waits already."""
    if wish is not None and wish.by.name != by.name:
        raise Rejected(
            f"{wish.by.name} has asked for more time, until {written(wish.until, hours)}; approve or decline that",
            RejectionKind.CONFLICT,
        )


def demand_approver(
    by: Actor, wish: ExtensionWish, approvers: Collection[str], now: datetime, hours: WorkingHours
) -> None:
    """Refused of who asked, of who has no say, and when the new date has passed meanwhile."""
    demand_person(by, "approve an extension")
    if by.name == wish.by.name:
        raise Rejected(f"{wish.by.name} asked for this extension; another person approves it", RejectionKind.FORBIDDEN)
    if approvers and by.name not in approvers and by.name != ADMINISTRATOR:
        raise Rejected(f"an extension is approved by {' or '.join(approvers)}", RejectionKind.FORBIDDEN)
    if wish.until <= now:
        raise Rejected(
            f"the date that was asked for, {written(wish.until, hours)}, has passed; decline it and choose another",
            RejectionKind.CONFLICT,
        )


def demand_may_decline(by: Actor, wish: ExtensionWish, owner: str | None, approvers: Collection[str]) -> None:
    """Whoever may approve declines; who asked and who owes it take it back."""
    if approvers and by.name not in {*approvers, wish.by.name, owner, ADMINISTRATOR}:
        raise Rejected(f"an extension is declined by {' or '.join(approvers)}", RejectionKind.FORBIDDEN)
