"""`hotwash review`: what is done with texts and files of reviews; `hotwash reviews` speaks of those in Hotwash.

The one thing to know: `lint` needs no server, so that a repository's CI can run it.
"""

import typer

from cli.review_lint import lint_reviews, list_rules

review = typer.Typer(help="Reviews as texts: lint them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    review.command("lint")(lint_reviews)
    review.command("rules")(list_rules)
    app.add_typer(review, name="review", rich_help_panel="Learning")
