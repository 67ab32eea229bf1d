"""`hotwash action-items`: list, add, decide, hand over, move and finish what an incident taught us to do.

Registered by `cli/follow_up.py`. A client of the REST API like every other command.
"""

import json
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.incidents import ByOption
from cli.lists import LimitOption, listed
from domain.action_item_quality import MANY_ITEMS

action_items = typer.Typer(help="Action items, chased until they are done with evidence.", no_args_is_help=False)

ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="Id, such as act-3k7qd2.")]
ItemsArgument = Annotated[list[str], typer.Argument(metavar="ITEM…", help="One id or many.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r")]
WhyOption = Annotated[str | None, typer.Option("--reason", "-r", help="Why.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.add_typer(action_items, name="action-items", rich_help_panel="Learning")


@action_items.callback(invoke_without_command=True)
def list_action_items(
    context: typer.Context,
    incident: Annotated[str | None, typer.Option(help="Of one incident.")] = None,
    owner: Annotated[str | None, typer.Option()] = None,
    state: Annotated[str | None, typer.Option(help="open, in_progress, verifying, done, dropped.")] = None,
    team: Annotated[str | None, typer.Option(help="Whose owner is in this team.")] = None,
    older_than: Annotated[str | None, typer.Option(help="Created longer ago than this, such as 30d.")] = None,
    overdue: Annotated[bool | None, typer.Option("--overdue", help="Only what is late.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Without a verb: list them, the soonest due first."""
    if context.invoked_subcommand is not None:
        return
    params: dict[str, Any] = {"incident_id": incident, "owner": owner, "state": state, "overdue": overdue}
    params |= {"team": team, "older_than": older_than}
    found = listed("/action-items", params, limit)
    columns = {
        "ITEM": lambda d: d["id"],
        "STATE": lambda d: show.state(_standing(d)),
        "OWNER": lambda d: d["owner"],
        "DUE": lambda d: show.ago(d["due_at"]) + (" OVERDUE" if d["is_overdue"] else ""),
        "INCIDENT": lambda d: d["incident_id"],
        "TITLE": lambda d: d["title"],
    }
    show.table(found.items, columns, as_json=as_json, empty="No action item matches.")
    found.tell_of_more()
    is_whole = incident is not None and not (owner or state or team or older_than or overdue)
    if is_whole and not as_json:
        _tell_how_many(found.items)


def _tell_how_many(items: list[dict[str, Any]]) -> None:
    """Information and no complaint (rule A07); what was dropped is no burden any more."""
    kept = [each for each in items if each["state"] != "dropped"]
    if len(kept) > MANY_ITEMS:
        said = f"{len(kept)} action items of one incident: long lists are not done; keep the few that matter most."
        stdout.print(f"hint A07: {said}", markup=False, style="yellow")
    if not kept:
        said = "no action item is recorded for this incident; a review that ends without one says why."
        stdout.print(f"hint A07: {said}", markup=False, style="yellow")


@action_items.command("add")
def add_action_item(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT")],
    title: Annotated[str, typer.Argument(help="Begin with a verb; a month or two at most.")],
    owner: Annotated[str, typer.Option()],
    done_when: Annotated[str, typer.Option(help="What will show that it is done.")],
    urgent: Annotated[bool, typer.Option("--urgent")] = False,
    drill: Annotated[str | None, typer.Option(help="A game day that must pass before it can be done.")] = None,
    type: Annotated[  # noqa: A002 - the field's word
        str | None, typer.Option(help="prevent, detect, mitigate, process or document.")
    ] = None,
    check: Annotated[str | None, typer.Option(help="A read-only action that must hold, such as check.http.")] = None,
    parameters: Annotated[str | None, typer.Option("--with", help="The check's parameters, as JSON.")] = None,
    proposed: Annotated[bool, typer.Option("--proposed", help="Decided after the soak time.")] = False,
    tracker: Annotated[str | None, typer.Option(help="A tracker of hotwash.yaml, or none.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add one; due by the policy of the incident's severity."""
    body: dict[str, Any] = {"incident_id": incident, "title": title, "owner": owner, "done_when": done_when}
    body |= {"priority": "urgent" if urgent else "normal"}
    body |= {name: value for name, value in _optional(drill, type, tracker, by) if value}
    if check:
        body["check"] = {"action": check, "parameters": _json_object(parameters)}
    if proposed:
        body["is_proposed"] = True
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
    """Done; refused without evidence, and for an urgent item on its owner's bare word."""
    _change(item, "done", {"evidence": evidence, "url": url}, by=by, as_json=as_json)


@action_items.command("drop")
def drop_action_item(
    item: ItemArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """It will not be done, and why."""
    _change(item, "drop", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("extend")
def extend_action_item(
    items: ItemsArgument,
    reason: ReasonOption,
    until: Annotated[str | None, typer.Option(help="The new due date and time, ISO 8601 with zone.")] = None,
    later_by: Annotated[str | None, typer.Option("--by-time", help="Later than now due, such as 2w.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A later due date for one item or many; counted. Where the policy says so, another person approves each first."""
    said = "later, or asked for where another person approves it"
    wish = {"due_at": until, "later_by": later_by, "reason": reason}
    _bulk(items, wish, by=by, as_json=as_json, said=said)


@action_items.command("approve-extension")
def approve_extension(item: ItemArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Yes to the later due date that was asked for; refused of who asked."""
    _change(item, "approve-extension", {}, by=by, as_json=as_json)


@action_items.command("decline-extension")
def decline_extension(
    item: ItemArgument, reason: WhyOption = None, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """No more time, and why; from who asked, the wish is taken back."""
    _change(item, "decline-extension", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("offer")
def offer_action_item(
    items: ItemsArgument,
    to: Annotated[str, typer.Option(help="Who should take them over.")],
    reason: ReasonOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask somebody to take over one item or many; they accept each."""
    _bulk(items, {"offer_to": to, "reason": reason}, by=by, as_json=as_json)


@action_items.command("take")
def take_action_item(item: ItemArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Accept the item that was offered to you."""
    _change(item, "accept-offer", {}, by=by, as_json=as_json)


@action_items.command("decline")
def decline_action_item(
    item: ItemArgument, reason: WhyOption = None, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Decline the item that was offered to you, or take your offer back."""
    _change(item, "decline-offer", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("accept")
def accept_action_item(
    item: ItemArgument,
    reason: Annotated[str | None, typer.Option("--reason", "-r", help="Why it cannot wait for its soak time.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a proposal: it is to be done."""
    _change(item, "accept", {"override_reason": reason}, by=by, as_json=as_json)


@action_items.command("keep")
def keep_action_item(
    item: ItemArgument, reason: WhyOption = None, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """It will be done after all: its owner's wish to drop it is not accepted."""
    _change(item, "keep", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("check")
def check_action_item(item: ItemArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Run its check now; 'show' has the outcome some seconds later."""
    _change(item, "check", {}, by=by, as_json=as_json)


@action_items.command("reopen")
def reopen_action_item(
    item: ItemArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """It was not done after all; possible for as long as it is watched."""
    _change(item, "reopen", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("comment")
def comment_on_action_item(
    item: ItemArgument,
    text: Annotated[str, typer.Argument(help="What you want to say.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A comment, here and in the tracker."""
    _change(item, "comment", {"text": text}, by=by, as_json=as_json)


@action_items.command("link")
def link_action_item(
    item: ItemArgument,
    issue: Annotated[str, typer.Argument(help="The issue's key, such as OPS-12 or 12.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which issue in the tracker it is."""
    _change(item, "link-issue", {"key": issue}, by=by, as_json=as_json)


@action_items.command("create-issue")
def create_issue_again(
    item: ItemArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """You have looked: the tracker has no issue of it, so one is created; the reason says how you know."""
    _change(item, "create-issue", {"reason": reason}, by=by, as_json=as_json)


@action_items.command("hints")
def hints_on_action_item(
    title: Annotated[str, typer.Argument(help="The title you think of.")],
    done_when: Annotated[str, typer.Option(help="What will show that it is done.")] = "",
    as_json: JsonOption = False,
) -> None:
    """How an action item could be worded better; changes nothing."""
    found = call("POST", "/action-items/hints", body={"title": title, "done_when": done_when})["hints"]
    columns = {"RULE": lambda d: d["rule"], "SAYS": lambda d: d["says"], "BETTER": lambda d: d["better"]}
    show.table(found, columns, as_json=as_json, empty="Nothing to say: it is worded well.")


def _bulk(items: list[str], wish: dict[str, Any], *, by: str | None, as_json: bool, said: str = "done") -> None:
    """One wish for all; ends with 1 when an item refused, after saying which and why."""
    filled = {name: value for name, value in (wish | {"by": by}).items() if value}
    answer = call("POST", "/action-items/bulk", body={"ids": items, **filled})
    if as_json:
        print_json(answer)
    else:
        for each in answer["done"]:
            stdout.print(f"{each}: {said}", markup=False)
    if answer["refused"]:
        fail("; ".join(f"{each['id']}: {each['detail']}" for each in answer["refused"]))


def _optional(drill: str | None, kind: str | None, tracker: str | None, by: str | None) -> list[tuple[str, str | None]]:
    return [("requires_drill", drill), ("type", kind), ("tracker", tracker), ("by", by)]


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        fail(f"--with is not JSON: {text}")
    if not isinstance(value, dict):
        fail('--with is a JSON object, such as {"url": "https://shop.example/health"}')
    return value


def _standing(document: dict[str, Any]) -> str:
    """The state, or what is more worth knowing."""
    soak = document.get("soak")
    if document.get("not_doing"):
        return "asks to be dropped"
    if document.get("extension_asked"):
        return "asks for more time"
    if document.get("imported") and document["state"] not in {"done", "dropped"}:
        # A record of the past: nobody is reminded of it.
        return "imported"
    if soak and not soak["accepted_at"]:
        return "proposed"
    return str(document["state"])


def _print_item(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    evidence = "; ".join(each["text"] for each in document.get("evidence", []))
    show.facts(
        [
            ("item", document["id"]),
            ("title", document["title"]),
            ("state", show.state(_standing(document))),
            ("owner", document["owner"]),
            ("due", show.ago(document["due_at"])),
            ("done when", document["done_when"]),
            ("needs drill", document.get("requires_drill")),
            ("needs check", (document.get("check") or {}).get("action")),
            ("evidence", evidence),
            ("offered to", (document.get("offer") or {}).get("to")),
            ("moved", f"{document['extensions']} times" if document.get("extensions") else None),
            ("asked for", _wish(document.get("extension_asked"))),
            ("issue", _issue(document.get("tracker"))),
        ]
    )
    for hint in document.get("hints") or []:
        stdout.print(f"hint {hint['rule']}: {hint['says']}. {hint['better']}", markup=False, style="yellow")


def _wish(asked: dict[str, Any] | None) -> str | None:
    return f"{asked['until']} by {asked['by']['name']}: {asked['reason']}" if asked else None


def _issue(link: dict[str, Any] | None) -> str | None:
    if link is None:
        return None
    drift = "; ".join(f"{d['field']}: here {d['ours']}, there {d['theirs']} ({d['because']})" for d in link["drift"])
    parts = [link["tracker"], link["key"] or "no issue yet", link["url"], link["problem"], drift]
    return " · ".join(part for part in parts if part)
