"""`hotwash reviews` and `hotwash action-items`: what is owed after an incident."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.incidents import ByOption

reviews = typer.Typer(help="Blameless reviews, held by a deadline.", no_args_is_help=False)
action_items = typer.Typer(help="Action items, chased until they are done with evidence.", no_args_is_help=False)

ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="Id, such as act-3k7qd2.")]
ReviewArgument = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident that is reviewed.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.add_typer(reviews, name="reviews", rich_help_panel="Learning")
    app.add_typer(action_items, name="action-items", rich_help_panel="Learning")


# --- action items ---


@action_items.callback(invoke_without_command=True)
def list_action_items(
    context: typer.Context,
    incident: Annotated[str | None, typer.Option(help="Of one incident.")] = None,
    owner: Annotated[str | None, typer.Option()] = None,
    state: Annotated[str | None, typer.Option(help="open, in_progress, verifying, done, dropped.")] = None,
    overdue: Annotated[bool | None, typer.Option("--overdue", help="Only what is late.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Without a verb: list them, the soonest due first."""
    if context.invoked_subcommand is not None:
        return
    params = {"incident_id": incident, "owner": owner, "state": state, "overdue": overdue}
    found = call("GET", "/action-items", params=params)["items"]
    columns = {
        "ITEM": lambda d: d["id"],
        "STATE": lambda d: show.state(d["state"]),
        "OWNER": lambda d: d["owner"],
        "DUE": lambda d: show.ago(d["due_at"]) + (" OVERDUE" if d["is_overdue"] else ""),
        "INCIDENT": lambda d: d["incident_id"],
        "TITLE": lambda d: d["title"],
    }
    show.table(found, columns, as_json=as_json, empty="No action item matches.")


@action_items.command("add")
def add_action_item(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT")],
    title: Annotated[str, typer.Argument(help="Begin with a verb; a month or two at most.")],
    owner: Annotated[str, typer.Option()],
    done_when: Annotated[str, typer.Option(help="What will show that it is done.")],
    urgent: Annotated[bool, typer.Option("--urgent")] = False,
    drill: Annotated[str | None, typer.Option(help="A game day that must pass before it can be done.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add one; due by the policy of the incident's severity."""
    body: dict[str, Any] = {"incident_id": incident, "title": title, "owner": owner, "done_when": done_when}
    body |= {"priority": "urgent" if urgent else "normal"}
    body |= {name: value for name, value in (("requires_drill", drill), ("by", by)) if value}
    _print_item(call("POST", "/action-items", body=body), as_json=as_json)


def _change(item: str, verb: str, body: dict[str, Any], *, by: str | None, as_json: bool) -> None:
    filled = {name: value for name, value in (body | {"by": by}).items() if value}
    _print_item(call("POST", f"/action-items/{item}/{verb}", body=filled), as_json=as_json)


@action_items.command("show")
def show_action_item(item: ItemArgument, as_json: JsonOption = False) -> None:
    """One item with its evidence."""
    _print_item(call("GET", f"/action-items/{item}"), as_json=as_json)


@action_items.command("start")
def start_action_item(item: ItemArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Somebody works on it."""
    _change(item, "start", {}, by=by, as_json=as_json)


@action_items.command("done")
def finish_action_item(
    item: ItemArgument,
    evidence: Annotated[str | None, typer.Option("--evidence", "-e", help="What shows that it is done.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it can be seen.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Done; refused without evidence."""
    _change(item, "done", {"evidence": evidence, "url": url}, by=by, as_json=as_json)


@action_items.command("drop")
def drop_action_item(
    item: ItemArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """It will not be done, and why."""
    _change(item, "drop", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("extend")
def extend_action_item(
    item: ItemArgument,
    due_at: Annotated[str, typer.Argument(help="The new due date and time, ISO 8601 with zone.")],
    reason: ReasonOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A later due date; counted."""
    _change(item, "extend", {"due_at": due_at, "reason": reason}, by=by, as_json=as_json)


def _print_item(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    evidence = "; ".join(each["text"] for each in document["evidence"])
    show.facts(
        [
            ("item", document["id"]),
            ("title", document["title"]),
            ("state", show.state(document["state"])),
            ("owner", document["owner"]),
            ("due", show.ago(document["due_at"])),
            ("done when", document["done_when"]),
            ("needs drill", document["requires_drill"]),
            ("evidence", evidence),
        ]
    )


# --- reviews ---


@reviews.callback(invoke_without_command=True)
def list_reviews(
    context: typer.Context,
    overdue: Annotated[bool | None, typer.Option("--overdue", help="Only what is late.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Without a verb: list them, the soonest due first."""
    if context.invoked_subcommand is not None:
        return
    found = call("GET", "/reviews", params={"overdue": overdue})["items"]
    columns = {
        "INCIDENT": lambda d: d["incident_id"],
        "STATE": lambda d: show.state(d["state"]),
        "OWNER": lambda d: d["owner"] or "–",
        "DUE": lambda d: show.ago(d["due_at"]) + (" OVERDUE" if d["is_overdue"] else ""),
        "TITLE": lambda d: d["title"],
    }
    show.table(found, columns, as_json=as_json, empty="No review matches.")


@reviews.command("show")
def show_review(incident: ReviewArgument, as_json: JsonOption = False) -> None:
    """The text, as Markdown on standard output."""
    document = call("GET", f"/reviews/{incident}")
    if as_json:
        print_json(document)
    else:
        stdout.print(document["markdown"], markup=False, highlight=False, soft_wrap=True)


def _change_review(incident: str, verb: str, body: dict[str, Any], *, by: str | None, as_json: bool) -> None:
    filled = {name: value for name, value in (body | {"by": by}).items() if value is not None}
    document = call("POST", f"/reviews/{incident}/{verb}", body=filled)
    if as_json:
        print_json(document)
        return
    show.facts([("review", document["id"]), ("state", show.state(document["state"])), ("owner", document["owner"])])


@reviews.command("edit")
def edit_review(
    incident: ReviewArgument,
    file: Annotated[Path, typer.Argument(help="The new text, in Markdown.", exists=True, dir_okay=False)],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a file's text in place of the present one."""
    revision = call("GET", f"/reviews/{incident}")["revision"]
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text")
    _change_review(incident, "edit", {"markdown": text, "revision": revision}, by=by, as_json=as_json)


@reviews.command("submit")
def submit_review(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Ready to be reviewed."""
    _change_review(incident, "submit", {}, by=by, as_json=as_json)


@reviews.command("sign-off")
def sign_off_review(
    incident: ReviewArgument,
    comment: Annotated[str, typer.Option("--comment", "-c")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reviewed and accepted; refused of its owner."""
    _change_review(incident, "sign-off", {"comment": comment}, by=by, as_json=as_json)


@reviews.command("waive")
def waive_review(
    incident: ReviewArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """No review, and why; only where the policy allows it."""
    _change_review(incident, "waive", {"reason": reason}, by=by, as_json=as_json)
