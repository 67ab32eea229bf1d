"""`hotwash reviews`: who takes part in a review, and how it was for them. A client of the REST API like the others."""

from typing import Annotated

import typer

from cli.client import JsonOption
from cli.follow_up import ReviewArgument, change_review, reviews
from cli.incidents import ByOption


def register() -> None:
    """Add the commands to `hotwash reviews`."""
    reviews.command("assign")(assign_review)
    reviews.command("facilitator")(appoint_facilitator)
    reviews.command("change-authors")(name_change_authors)
    reviews.command("invite")(invite)
    reviews.command("perspective")(give_perspective)


def assign_review(
    incident: ReviewArgument,
    owner: Annotated[str, typer.Argument(help="Who owns the review from now on.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it changes hands.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the review to another owner."""
    change_review(incident, "assign", {"owner": owner, "reason": reason}, by=by, as_json=as_json)


def appoint_facilitator(
    incident: ReviewArgument,
    person: Annotated[str, typer.Argument(help="Somebody who was not in it.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who leads the meeting; refused of owner, responders and whoever made the change."""
    change_review(incident, "facilitator", {"facilitator": person}, by=by, as_json=as_json)


def name_change_authors(
    incident: ReviewArgument,
    people: Annotated[list[str], typer.Argument(help="Who made the change that is looked at.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep them from having to facilitate; the text does not name them."""
    change_review(incident, "change-authors", {"people": people}, by=by, as_json=as_json)


def invite(
    incident: ReviewArgument,
    person: Annotated[str, typer.Argument(help="Whose view is wanted.")],
    role: Annotated[str, typer.Option("--role", help="What they bring: support, product, …")] = "guest",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask somebody for their view who was not in the timeline."""
    change_review(incident, "invite", {"person": person, "role": role}, by=by, as_json=as_json)


def give_perspective(
    incident: ReviewArgument,
    saw: Annotated[str, typer.Option("--saw", help="What you saw.")] = "",
    expected: Annotated[str, typer.Option("--expected", help="What you expected.")] = "",
    knew: Annotated[str, typer.Option("--knew", help="What you knew then.")] = "",
    hard: Annotated[str, typer.Option("--hard", help="What was hard.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how it was for you; a second time replaces the first."""
    body = {"saw": saw, "expected": expected, "knew": knew, "hard": hard}
    change_review(incident, "perspective", body, by=by, as_json=as_json)
