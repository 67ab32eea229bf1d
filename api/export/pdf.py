"""A review as PDF, set by Typst (Apache-2.0, one wheel, its fonts inside, no program of the system needed).

Called by `api/routes/reviews.py` in a thread. The one thing to know: the text is handed over as JSON data and never as
Typst source, so that nothing that somebody wrote is evaluated.
"""

import json
from pathlib import Path
from typing import Any

import typst
from markdown_it import MarkdownIt
from markdown_it.token import Token

_TEMPLATE = Path(__file__).with_name("review.typ")
_DEEPEST_HEADING = 5


def pdf(markdown: str, title: str, footer: str, base_url: str | None) -> bytes:
    """The document; links inside the console become whole with `base_url`, and are left out without one."""
    tokens = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).parse(markdown)
    document = {"title": title, "footer": footer, "blocks": _Blocks(base_url).of(tokens)}
    made = typst.compile(
        _TEMPLATE.read_bytes(), format="pdf", sys_inputs={"document": json.dumps(document)}, ignore_system_fonts=True
    )
    if not isinstance(made, bytes):
        raise TypeError("Typst gave no single document")
    return made


class _Blocks:
    """Turns Markdown's tokens into the few kinds of blocks that the template knows."""

    def __init__(self, base_url: str | None) -> None:
        self._base_url = (base_url or "").rstrip("/")

        self._blocks: list[dict[str, Any]] = []
        # One entry per list that is open: its next number, or None for bullets.
        self._numbers: list[int | None] = []
        self._pending_mark = ""
        self._rows: list[list[list[dict[str, Any]]]] = []
        self._quoted = 0

    def of(self, tokens: list[Token]) -> list[dict[str, Any]]:
        """Every block, in order."""
        for place, token in enumerate(tokens):
            if token.type == "inline":
                self._put(tokens[place - 1], self._runs(token.children or []))
            elif token.type in {"fence", "code_block"}:
                self._blocks.append({"kind": "code", "text": token.content})
            elif token.type == "hr":
                self._blocks.append({"kind": "rule"})
            elif token.type.startswith(("table", "tr")):
                self._table(token.type)
            else:
                self._nest(token)
        return self._blocks

    def _nest(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._pending_mark = self._mark(self._numbers)
            case "blockquote_open" | "blockquote_close":
                self._quoted += token.nesting

    def _table(self, kind: str) -> None:
        match kind:
            case "table_open":
                self._rows = []
            case "tr_open":
                self._rows.append([])
            case "table_close":
                self._blocks.append({"kind": "table", "rows": self._rows, "widths": _widths(self._rows)})

    def _put(self, before: Token, runs: list[dict[str, Any]]) -> None:
        if before.type in {"th_open", "td_open"}:
            self._rows[-1].append(runs)
        elif before.type == "heading_open":
            level = min(int(before.tag[1:]), _DEEPEST_HEADING)
            self._blocks.append({"kind": "heading", "level": level, "runs": runs})
        elif self._pending_mark:
            depth = len(self._numbers) - 1
            self._blocks.append({"kind": "item", "depth": depth, "mark": self._pending_mark, "runs": runs})
            self._pending_mark = ""
        else:
            self._blocks.append({"kind": "quote" if self._quoted else "paragraph", "runs": runs})

    @staticmethod
    def _mark(numbers: list[int | None]) -> str:
        number = numbers[-1]
        if number is None:
            return "•"
        numbers[-1] = number + 1
        return f"{number}."

    def _runs(self, children: list[Token]) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = []
        marks: list[str] = []
        href: str | None = None
        for child in children:
            if child.type in {"strong_open", "em_open"}:
                marks.append(child.type.removesuffix("_open"))
            elif child.type in {"strong_close", "em_close"}:
                marks.remove(child.type.removesuffix("_close"))
            elif child.type == "link_open":
                href = self._whole(str(child.attrGet("href") or ""))
            elif child.type == "link_close":
                href = None
            elif child.type in {"softbreak", "hardbreak"}:
                runs.append({"text": " ", "marks": []})
            elif child.content:
                extra = ["code"] if child.type == "code_inline" else []
                runs.append({"text": child.content, "marks": [*marks, *extra], "href": href})
        return runs

    def _whole(self, href: str) -> str | None:
        if href.startswith("/"):
            return f"{self._base_url}{href}" if self._base_url else None
        return href if href.startswith(("https://", "http://")) else None


def _widths(rows: list[list[list[dict[str, Any]]]]) -> list[float]:
    """Columns as wide as their longest cell asks for, within reason."""
    columns = max((len(row) for row in rows), default=0)
    for row in rows:
        row += [[] for _ in range(columns - len(row))]
    longest = [max(sum(len(piece["text"]) for piece in row[column]) for row in rows) for column in range(columns)]
    return [min(max(length, 8), 60) ** 0.5 for length in longest]
