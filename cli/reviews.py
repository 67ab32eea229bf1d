"""`hotwash review`: what is done with texts and files of reviews; `hotwash reviews` speaks of those in Hotwash.

The one thing to know: `lint` needs no server, so that a repository's CI can run it.
"""

from pathlib import Path
from typing import Annotated

import httpx
import typer

from cli import review_findings, review_people
from cli.client import api_token, api_url, call, fail, problem_sentence, stdout
from cli.follow_up import ReviewArgument
from cli.review_import import import_postmortems
from cli.review_lint import lint_reviews, list_rules

review = typer.Typer(help="Reviews as texts: lint, compare, export.", no_args_is_help=True)
_PATIENCE_SECONDS = 30.0


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    review.command("lint")(lint_reviews)
    review.command("rules")(list_rules)
    review.command("import")(import_postmortems)
    review_people.register()
    review_findings.register()
    app.add_typer(review, name="review", rich_help_panel="Learning")


@review.command("diff")
def diff(
    incident: ReviewArgument,
    old: Annotated[int | None, typer.Option("--from", help="A revision; left out: the one before the newest.")] = None,
    new: Annotated[int | None, typer.Option("--to", help="A revision; left out: the newest.")] = None,
) -> None:
    """What changed between two versions of the text."""
    known = [each["revision"] for each in call("GET", f"/reviews/{incident}/revisions")["items"]]
    before = old if old is not None else max((number for number in known if number != max(known)), default=0)
    text = _fetch(f"/reviews/{incident}/diff", {"from": before, "to": new}).decode()
    for line in text.splitlines():
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        stdout.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


@review.command("export")
def export(
    incident: ReviewArgument,
    form: Annotated[str, typer.Option("--format", "-f", help="markdown, html, pdf or json.")] = "markdown",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; left out: standard output.")] = None,
) -> None:
    """The review as a file."""
    content = _fetch(f"/reviews/{incident}/export", {"format": form})
    if output is None:
        typer.get_binary_stream("stdout").write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}")


@review.command("guide")
def guide(incident: ReviewArgument) -> None:
    """The facilitator's interview guide, as Markdown."""
    typer.get_binary_stream("stdout").write(_fetch(f"/reviews/{incident}/guide", {}))


@review.command("calibration")
def calibration(incident: ReviewArgument) -> None:
    """What is believed so far, for the participants to correct, as Markdown."""
    typer.get_binary_stream("stdout").write(_fetch(f"/reviews/{incident}/calibration", {}))


def _fetch(path: str, params: dict[str, object]) -> bytes:
    """A text or file of the API, as it is; refusals as everywhere."""
    wanted = {name: str(value) for name, value in params.items() if value is not None}
    headers = {"Authorization": f"Bearer {api_token()}"}
    try:
        response = httpx.get(f"{api_url()}/api/v1{path}", params=wanted, headers=headers, timeout=_PATIENCE_SECONDS)
    except httpx.HTTPError as error:
        fail(f"nobody answers at {api_url()} ({type(error).__name__}); is 'hotwash up' running?", 3)
    if not response.is_success:
        fail(problem_sentence(response), 3 if response.status_code == httpx.codes.SERVICE_UNAVAILABLE else 1)
    return response.content
