"""Long lists: page after page to the end, or to as many as were asked for, and then it is said that there are more.

Used by the commands that list what grows for years. The one thing to know: a list that stops without a word is read as
the whole of it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.client import call, stderr

LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="So many at most; left out: all of them.")]
# The longest page that the API gives.
_PAGE = 200


@dataclass(frozen=True)
class Listed:
    """What a list has; `next_cursor` says where it would go on."""

    items: list[dict[str, Any]]
    next_cursor: str | None

    def tell_of_more(self) -> None:
        """On standard error, so that what is counted in a pipe is what was found."""
        if self.next_cursor is not None:
            said = f"These are the first {len(self.items)}, and there are more: --limit says how many are shown."
            stderr.print(said, style="yellow", highlight=False)


def listed(path: str, params: dict[str, Any], limit: int | None) -> Listed:
    """The first `limit` things of a list, or all of them."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while limit is None or len(items) < limit:
        length = _PAGE if limit is None else min(_PAGE, limit - len(items))
        page = call("GET", path, params=params | {"limit": length, "cursor": cursor})
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return Listed(items, cursor)
