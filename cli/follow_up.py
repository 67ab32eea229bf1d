"""`hotwash reviews`: what is owed after an incident, from the draft to the end.

Who takes part is in `cli/review_people.py`, what was learned in `cli/review_findings.py`, action items in
`cli/action_items.py`.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import action_items, show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.incidents import ByOption
from cli.lists import LimitOption, listed
from domain.review import CommentState, SignOffRole
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


def change_review(incident: str, verb: str, body: dict[str, Any], *, by: str | None, as_json: bool) -> None:
    """Ask for one change of a review, and show what it is like afterwards; what is None is left out."""
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
            ("facilitator", document.get("facilitator")),
            ("waits for", ", ".join(role.replace("_", " ") for role in document.get("waits_for") or ()) or None),
            ("closes by itself", document.get("closes_at")),
            ("asks for more time", more),
            ("waiver", waiver),
            ("to be filled in", ", ".join(blanks) or None),
        ]
    )


def _demand_moment(option: str, text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is not a date and time; write for example 2026-12-01T10:00:00Z")


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
    change_review(incident, "edit", {"markdown": text, "revision": revision}, by=by, as_json=as_json)


@reviews.command("redraw")
def redraw_review(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Write the draft anew from the record, now; what people wrote is kept."""
    change_review(incident, "redraw", {}, by=by, as_json=as_json)


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
    change_review(incident, "submit", {"fewer_factors_because": fewer_factors_because}, by=by, as_json=as_json)


@reviews.command("sign-off")
def sign_off_review(
    incident: ReviewArgument,
    comment: Annotated[str, typer.Option("--comment", "-c")] = "",
    role: Annotated[
        SignOffRole | None, typer.Option("--role", help="As what; left out: the role for which fewest others are left.")
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reviewed and accepted, in one role; refused of its owner."""
    change_review(
        incident, "sign-off", {"comment": comment, "role": role.value if role else None}, by=by, as_json=as_json
    )


@reviews.command("return")
def return_review(
    incident: ReviewArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Not yet: back to the draft, and why; signatures lapse."""
    change_review(incident, "return", {"reason": reason}, by=by, as_json=as_json)


@reviews.command("close")
def close_review(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Published and done; a signed review also closes by itself after its soak time."""
    change_review(incident, "close", {}, by=by, as_json=as_json)


@reviews.command("waive")
def waive_review(
    incident: ReviewArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """No review, and why; only where the policy allows it. The first asks, another agrees, who does not own it."""
    change_review(incident, "waive", {"reason": reason}, by=by, as_json=as_json)


@reviews.command("extend")
def extend_review(
    incident: ReviewArgument,
    until: Annotated[str, typer.Option(help="The new deadline, ISO 8601 with zone.")],
    reason: ReasonOption,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A later deadline; counted. Where the policy says so, another person approves it first."""
    _demand_moment("--until", until)
    change_review(incident, "extend", {"due_at": until, "reason": reason}, by=by, as_json=as_json)


@reviews.command("approve-extension")
def approve_extension(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Yes to the later deadline that was asked for; refused of who asked."""
    change_review(incident, "approve-extension", {}, by=by, as_json=as_json)


@reviews.command("decline-extension")
def decline_extension(
    incident: ReviewArgument,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; not needed of who asked.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """No more time, and why; from who asked, the wish is taken back."""
    change_review(incident, "decline-extension", {"reason": reason}, by=by, as_json=as_json)


@reviews.command("comment")
def comment_on_review(
    incident: ReviewArgument,
    text: Annotated[str, typer.Argument(help="What is wrong, missing, or was different.")],
    section: Annotated[str, typer.Option("--section", "-s", help="The heading that it is about.")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say something about the draft; its owner answers."""
    change_review(incident, "comments", {"text": text, "section": section}, by=by, as_json=as_json)


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
    change_review(incident, "resolve-comment", body, by=by, as_json=as_json)


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
    if at is not None:
        _demand_moment("--at", at)
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
    change_review(incident, "meeting", {"attended": attended, "dissent": dissent}, by=by, as_json=as_json)


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
    change_review(incident, "poll", body, by=by, as_json=as_json)


@reviews.command("publish")
def publish_review(
    incident: ReviewArgument,
    to: Annotated[list[str] | None, typer.Option("--to", help="Besides who took part; several times.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the signed review to be read; again: remind who has not."""
    change_review(incident, "publish", {"people": to or []}, by=by, as_json=as_json)


@reviews.command("read")
def confirm_read(incident: ReviewArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """You have read the signed review."""
    change_review(incident, "read", {}, by=by, as_json=as_json)
