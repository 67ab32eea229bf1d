"""`hotwash reviews`: what was learned. A client of the REST API like every other command."""

from typing import Annotated

import typer

from cli import show
from cli.client import JsonOption, call
from cli.follow_up import ReasonOption, ReviewArgument, change_review, reviews
from cli.incidents import ByOption
from domain.review import FindingKind


def register() -> None:
    """Add the commands to `hotwash reviews`."""
    reviews.command("add-finding")(add_finding)
    reviews.command("findings")(list_findings)
    reviews.command("withdraw-finding")(withdraw_finding)


def add_finding(
    incident: ReviewArgument,
    text: Annotated[str, typer.Argument(help="What was learned.")],
    kind: Annotated[
        FindingKind, typer.Option("--kind", "-k", help="What sort of thing it is.", case_sensitive=False)
    ] = FindingKind.CONTRIBUTING_FACTOR,
    factor: Annotated[
        str | None, typer.Option("--factor", "-f", help="Which contributing factor: detection, change, capacity, …")
    ] = None,
    change_kind: Annotated[
        str | None, typer.Option("--change-kind", help="For the factor change: deploy, configuration, flag, …")
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Something learned: a contributing factor, what helped, what hindered, an open question."""
    body = {"kind": kind.value, "text": text, "factor": factor, "change_kind": change_kind}
    change_review(incident, "findings", body, by=by, as_json=as_json)


def list_findings(incident: ReviewArgument, as_json: JsonOption = False) -> None:
    """What was learned, each with the number by which it is withdrawn."""
    found = call("GET", f"/reviews/{incident}")["findings"]
    # Those that are older than their numbers have their place in the list.
    numbered = [each | {"number": each.get("number") or place} for place, each in enumerate(found, start=1)]
    columns = {
        "NO": lambda d: str(d["number"]),
        "KIND": lambda d: d["kind"].replace("_", " "),
        "FACTOR": lambda d: d.get("factor") or "–",
        "TEXT": lambda d: d["text"],
    }
    show.table(numbered, columns, as_json=as_json, empty="Nothing was found yet.")


def withdraw_finding(
    incident: ReviewArgument,
    number: Annotated[int, typer.Argument(help="Which finding; see 'findings'.")],
    reason: ReasonOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A finding proved wrong, and why; it stays in the history and is not counted."""
    change_review(incident, "withdraw-finding", {"finding": number, "reason": reason}, by=by, as_json=as_json)
