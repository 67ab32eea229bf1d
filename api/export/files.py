"""A review in the form that somebody asks for: Markdown, HTML, PDF or JSON; and what changed between two texts.

Called by `api/routes/review_files.py` and by the pages. Pure but for Typst.
"""

import asyncio
import json
from difflib import unified_diff
from enum import StrEnum
from html import escape

import nh3
from markdown_it import MarkdownIt

from api.export.pdf import pdf
from store.interface import Document


class ExportFormat(StrEnum):
    """What a review can be had as."""

    MARKDOWN = "markdown"
    HTML = "html"
    PDF = "pdf"
    JSON = "json"


MEDIA_TYPES = {
    ExportFormat.MARKDOWN: ("text/markdown; charset=utf-8", "md"),
    ExportFormat.HTML: ("text/html; charset=utf-8", "html"),
    ExportFormat.PDF: ("application/pdf", "pdf"),
    ExportFormat.JSON: ("application/json", "json"),
}
# Inline, so that the file reads well wherever it is opened.
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;font-size:.9em}td,th{border:1px solid #8888;padding:.2em .5em;text-align:left}"
    "pre{overflow-x:auto}@media print{body{max-width:none;margin:0}}"
)


async def exported(review: Document, form: ExportFormat, base_url: str | None) -> bytes:
    """The file; a text in it leads back to the console only where the console has an address."""
    title = f"Review: {review.get('title') or review['incident_id']}"
    text = str(review["markdown"])
    if form is ExportFormat.PDF:
        footer = f"{review['incident_id']} · {review['state']} · revision {review.get('revision', 0)}"
        return await asyncio.to_thread(pdf, text, title, footer, base_url)
    if form is ExportFormat.JSON:
        kept = {name: value for name, value in review.items() if name not in _OURS}
        return json.dumps(kept, indent=2, ensure_ascii=False, default=str).encode()
    whole = _with_addresses(text, base_url)
    if form is ExportFormat.MARKDOWN:
        return whole.encode()
    return _html(whole, title).encode()


# How the workflow keeps itself, and no part of what was learned.
_OURS = frozenset({"ladder", "generated", "messages", "draft_wanted", "renew_at"})


def difference(old: str, new: str, names: tuple[str, str]) -> str:
    """A unified difference; empty when both say the same."""
    lines = unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")
    return "\n".join(lines) + ("\n" if old != new else "")


def _with_addresses(text: str, base_url: str | None) -> str:
    base = (base_url or "").rstrip("/")
    return text.replace("](</incidents/", f"](<{base}/incidents/") if base else text


def _html(text: str, title: str) -> str:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    body = nh3.clean(parser.render(text))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>{body}</body></html>\n'
