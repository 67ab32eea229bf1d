"""`hotwash reviews`: what is owed after an incident. Action items are in `cli/action_items.py`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import action_items, show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.incidents import ByOption
from cli.lists import LimitOption, listed
from domain.review import CommentState, FindingKind
from domain.review_merge import blanks_in

reviews = typer.Typer(help="Blameless reviews, held by a deadline.", no_args_is_help=False)

ReviewArgument = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident that is reviewed.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    app.add_typer(reviews, name="reviews", rich_help_panel="Learning")
    action_items.register(app)


# --- reviews ---


@reviews.callback(invoke_without_command=True)
def list_reviews(
    context: typer.Context,
    overdue: Annotated[bool | None, typer.Option("--overdue", help="Only what is late.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Without a verb: list them, the soonest due first."""
    if context.invoked_subcommand is not None:
        return
    found = listed("/reviews", {"overdue": overdue}, limit)
    columns = {
        "INCIDENT": lambda d: d["incident_id"],
        "STATE": lambda d: show.state(d["state"]),
        "OWNER": lambda d: d["owner"] or "–",
        "DUE": lambda d: show.ago(d["due_at"]) + (" OVERDUE" if d["is_overdue"] else ""),
        "TITLE": lambda d: d["title"],
    }
    show.table(found.items, columns, as_json=as_json, empty="No review matches.")
    found.tell_of_more()


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
    asked = document.get("extension_asked")
    more = f"{asked['until']} by {asked['by']['name']}: {asked['reason']}" if asked else None
    waived = document.get("waiver_asked") if not document.get("waiver") else None
    waiver = f"asked for by {waived['by']['name']}; another person agrees to it" if waived else None
    blanks = blanks_in(document["markdown"]) if document["state"] in {"draft", "in_review"} else {}
    show.facts(
        [
            ("review", document["id"]),
            ("state", show.state(document["state"])),
            ("owner", document["owner"]),
            ("asks for more time", more),
            ("waiver", waiver),
            ("to be filled in", ", ".join(blanks) or None),
        ]
    )


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
def submit_review(
    incident: ReviewArgument,
    fewer_factors_because: Annotated[
        str | None, typer.Option("--fewer-factors-because", help="Why there are fewer than two contributing factors.")
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ready to be reviewed: with two contributing factors, or with a reason."""
    _change_review(incident, "submit", {"fewer_factors_because": fewer_factors_because}, by=by, as_json=as_json)


@reviews.command("add-finding")
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
    _change_review(incident, "findings", body, by=by, as_json=as_json)


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


@reviews.command("extend")
def extend_review(
    incident: ReviewArgument,
    until: Annotated[str, typer.Option(help="The new deadline, ISO 8601 with zone.")],
    reason: ReasonOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A later deadline; counted. Where the policy says so, another person approves it first."""
    _change_review(incident, "extend", {"due_at": until, "reason": reason}, by=by, as_json=as_json)


@reviews.command("approve-extension")
def approve_extension(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Yes to the later deadline that was asked for; refused of who asked."""
    _change_review(incident, "approve-extension", {}, by=by, as_json=as_json)


@reviews.command("decline-extension")
def decline_extension(
    incident: ReviewArgument,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; not needed of who asked.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """No more time, and why; from who asked, the wish is taken back."""
    _change_review(incident, "decline-extension", {"reason": reason}, by=by, as_json=as_json)


@reviews.command("comment")
def comment_on_review(
    incident: ReviewArgument,
    text: Annotated[str, typer.Argument(help="What is wrong, missing, or was different.")],
    section: Annotated[str, typer.Option("--section", "-s", help="The heading that it is about.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say something about the draft; its owner answers."""
    _change_review(incident, "comments", {"text": text, "section": section}, by=by, as_json=as_json)


@reviews.command("comments")
def list_comments(
    incident: ReviewArgument,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that wait for an answer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Comments on the draft, and their answers."""
    found = [
        each
        for each in call("GET", f"/reviews/{incident}").get("comments") or []
        if not only_open or each["state"] == CommentState.OPEN.value
    ]
    columns = {
        "NO": lambda d: str(d["number"]),
        "STATE": lambda d: show.state(d["state"]),
        "BY": lambda d: d["by"]["name"],
        "ON": lambda d: d["section"] or "–",
        "COMMENT": lambda d: d["text"],
        "ANSWER": lambda d: d["answer"] or "–",
    }
    show.table(found, columns, as_json=as_json, empty="No comment waits." if only_open else "Nobody has commented.")


@reviews.command("resolve-comment")
def resolve_comment(
    incident: ReviewArgument,
    number: Annotated[int, typer.Argument(help="Which comment; see 'comments'.")],
    answer: Annotated[str, typer.Option("--answer", "-a", help="What you answer, or why it is carried on.")],
    carry: Annotated[
        bool, typer.Option("--carry", help="It cannot be settled; it becomes an open question of the review.")
    ] = False,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a comment; the one who commented hears it."""
    body = {"comment": number, "answer": answer, "carry": carry}
    _change_review(incident, "resolve-comment", body, by=by, as_json=as_json)


@reviews.command("meeting-date")
def plan_meeting(
    incident: ReviewArgument,
    at: Annotated[
        str | None, typer.Option("--at", help="ISO 8601 with zone; left out: the date that was proposed.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is moved.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fix the date of the meeting, or move it; everybody who takes part is invited."""
    body = {name: value for name, value in {"at": at, "reason": reason, "by": by}.items() if value is not None}
    document = call("POST", f"/reviews/{incident}/meeting-date", body=body)
    if as_json:
        print_json(document)
        return
    plan = document["meeting_plan"]
    late = f" LATER THAN THE POLICY ALLOWS ({plan['latest']})" if plan["is_late"] else ""
    show.facts(
        [
            ("review", document["id"]),
            ("meeting", f"{plan['at']} ({show.ago(plan['at'])}){late}"),
            ("draft ready by", f"{plan['draft_by']} ({show.ago(plan['draft_by'])})"),
            ("moved", str(plan["moved"])),
            ("invited", ", ".join(plan["invited"]) or "nobody yet"),
        ]
    )


@reviews.command("meeting")
def record_meeting(
    incident: ReviewArgument,
    attended: Annotated[list[str], typer.Option("--attended", "-a", help="Who was there; several times.")],
    dissent: Annotated[str, typer.Option("--dissent", "-d", help="What somebody saw differently, or learned.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """The meeting was held: who was there, and what was seen differently."""
    _change_review(incident, "meeting", {"attended": attended, "dissent": dissent}, by=by, as_json=as_json)


@reviews.command("poll")
def answer_poll(
    incident: ReviewArgument,
    learned: Annotated[bool, typer.Option("--learned/--not-learned", help="Did you learn something?")],
    spoke_freely: Annotated[bool, typer.Option("--spoke-freely/--not-freely", help="Could you speak freely?")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Two questions after the meeting; the answers are only counted."""
    body = {"learned": learned, "spoke_freely": spoke_freely}
    _change_review(incident, "poll", body, by=by, as_json=as_json)


@reviews.command("publish")
def publish_review(
    incident: ReviewArgument,
    to: Annotated[list[str] | None, typer.Option("--to", help="Besides who took part; several times.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the signed review to be read; again: remind who has not."""
    _change_review(incident, "publish", {"people": to or []}, by=by, as_json=as_json)


@reviews.command("read")
def confirm_read(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """You have read the signed review."""
    _change_review(incident, "read", {}, by=by, as_json=as_json)
