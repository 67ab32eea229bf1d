"""`hotwash approvals`, `approve`, `reject`: what waits for a yes, exactly what would run, and the vote."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.syntax import Syntax

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.incidents import ByOption
from domain.durations import parse_duration

ApprovalArgument = Annotated[str, typer.Argument(help="Id from 'hotwash approvals'.", metavar="APPROVAL")]
DigestOption = Annotated[
    str | None, typer.Option(help="The digest you looked at; left out, what runs is shown and confirmed first.")
]
StandingOption = Annotated[
    str | None,
    typer.Option(help="For the schedule of the game day as well, so long: 30d. Left out: this one run only."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needs --digest.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    for function in (approvals, approve, reject):
        app.command(rich_help_panel="Mitigation")(function)


def approvals(
    state: Annotated[str, typer.Option(help="pending, approved, rejected, expired or superseded.")] = "pending",
    as_json: JsonOption = False,
) -> None:
    """List what waits for a person's yes."""
    found = call("GET", "/approvals", params={"state": state})["items"]
    columns = {
        "APPROVAL": lambda d: d["id"],
        "STATE": lambda d: show.state(d["state"]),
        "VOTES": lambda d: f"{sum(v['verdict'] == 'approve' for v in d['votes'])} of {d['min_approvals']}",
        "EXPIRES": lambda d: show.ago(d["expires_at"]),
        "WHAT": lambda d: d["message"] or d["step_id"],
    }
    show.table(found, columns, as_json=as_json, empty="Nothing waits for approval.")


def approve(
    approval: ApprovalArgument,
    digest: DigestOption = None,
    comment: Annotated[str, typer.Option("--comment", "-c")] = "",
    standing: StandingOption = None,
    yes: YesOption = False,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say yes to exactly what is shown."""
    body: dict[str, Any] = {"decision": "approve", "comment": comment}
    if standing is not None:
        try:
            body["standing_until"] = (datetime.now(UTC) + parse_duration(standing)).isoformat()
        except ValueError as error:
            fail(str(error), 2)
    _vote(approval, body, digest=digest, yes=yes, by=by, as_json=as_json)


def reject(
    approval: ApprovalArgument,
    digest: DigestOption = None,
    comment: Annotated[str, typer.Option("--comment", "-c")] = "",
    yes: YesOption = False,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say no: nothing runs."""
    _vote(approval, {"decision": "reject", "comment": comment}, digest=digest, yes=yes, by=by, as_json=as_json)


def _vote(approval: str, body: dict[str, Any], *, digest: str | None, yes: bool, by: str | None, as_json: bool) -> None:
    if digest is None:
        if yes or not stdout.is_terminal:
            fail("give --digest of what was looked at ('hotwash approvals --json' shows it)", 2)
        digest = _look(call("GET", f"/approvals/{approval}"))
        typer.confirm(f"{body['decision'].capitalize()}?", abort=True)
    body |= {"digest": digest} | ({"by": by} if by else {})
    document = call("POST", f"/approvals/{approval}/decision", body=body)
    if as_json:
        print_json(document)
        return
    votes = sum(vote["verdict"] == "approve" for vote in document["votes"])
    needed = f"{votes} of {document['min_approvals']} approvals"
    show.facts([("approval", document["id"]), ("state", show.state(document["state"])), ("votes", needed)])


def _look(document: dict[str, Any]) -> str:
    stdout.print("This will run:", style="bold")
    stdout.print(Syntax(json.dumps(document["shown"], indent=2, ensure_ascii=False), "json", word_wrap=True))
    digest: str = document["digest"]
    stdout.print(digest, style="dim")
    return digest
