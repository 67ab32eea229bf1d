"""Lays a review's facts out as Markdown with `activities/templates/review.md.j2`; built by the composition root.

The one thing to know: everything that the template puts out is escaped, whether it asks for it or not, so that alert
titles and people's notes stay text: no table breaks, no link, no HTML, no heading comes from the outside.
"""

import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from domain.errors import Rejected
from domain.review import FindingKind
from domain.review_facts import RECORDED, ReviewFacts

TEMPLATE = "review.md.j2"
BUILT_IN = Path(__file__).parent.parent / "templates"

# What means something inside a line of Markdown, or of a table of GitHub's dialect. Inside a word `_` means nothing.
_INLINE = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")
# What means something at the start of a line: headings, lists and underlines.
_AT_START = re.compile(r"^(?:[-+=#:]|\d+(?=[.)]))")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class ReviewTemplate:
    """The template folder; a team's own `review.md.j2` comes before the built-in one."""

    def __init__(self, folder: Path | None = None) -> None:
        folders = [path for path in (folder, BUILT_IN) if path is not None]
        self._environment = Environment(
            loader=FileSystemLoader(folders),
            undefined=StrictUndefined,
            # Markdown is not HTML: `finalize` escapes instead, for Markdown.
            autoescape=False,  # noqa: S701 - see above
            finalize=escape,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

        self._environment.globals["evidence"] = _evidence

    def render(self, facts: ReviewFacts) -> str:
        """The Markdown; Rejected with the template's line when it cannot be laid out."""
        try:
            text = self._environment.get_template(TEMPLATE).render(facts=facts, kinds=FindingKind)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            place = f"{TEMPLATE}, line {line}" if line else TEMPLATE
            raise Rejected(f"{place}: {error}") from error
        # At most one blank line between blocks, whatever the loops left out.
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


class _Markup(str):
    """Made here, of escaped parts: it is put out as it is."""

    __slots__ = ()


def _evidence(pair: tuple[str, str], incident_id: str, seq: int) -> str:
    title, url = pair
    if not url and title == RECORDED and seq:
        # In the console; the export puts the console's address in front.
        url = f"/incidents/{incident_id}#e{seq}"
    # Only characters that an address may hold, and none that ends a link of Markdown.
    return _Markup(f"[{escape(title)}](<{quote(url, safe=_IN_ADDRESS)}>)") if url else escape(title)


_IN_ADDRESS = ":/?#@!$&*+,;=%~-._"


def escape(value: Any) -> str:
    """One line of Markdown that reads as the value does; control and direction-changing characters are left out."""
    if isinstance(value, _Markup):
        return value
    visible = "".join(" " if ch.isspace() else ch for ch in str(value) if ch.isspace() or not _is_invisible(ch))
    line = " ".join(visible.split())
    line = "".join(_ENTITIES.get(character, character) for character in line)
    line = _INLINE.sub(lambda found: f"\\{found[0]}", line)
    return _AT_START.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", line)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"}
