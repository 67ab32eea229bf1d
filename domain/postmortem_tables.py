"""Tables in the Markdown of old postmortems: each row as what its columns call it. Pure.

Used by `domain/postmortem_values.py`. The one thing to know: a table is a row of names, a row of dashes, and what
follows; anything else with bars in it is prose.
"""

import re

_DASHES = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
# A bar that is written as a character of the text.
_ESCAPED_BAR = "\N{SYMBOL FOR UNIT SEPARATOR}"
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def split_tables(text: str) -> tuple[list[dict[str, str]], str]:
    """The rows of every table by column, and the text without the tables."""
    lines = text.splitlines()
    rows: list[dict[str, str]] = []
    rest: list[str] = []
    place = 0
    while place < len(lines):
        is_head = "|" in lines[place] and place + 1 < len(lines) and "|" in lines[place + 1]
        if not (is_head and _DASHES.fullmatch(lines[place + 1])):
            rest.append(lines[place])
            place += 1
            continue
        names = _cells(lines[place])
        place += 2
        while place < len(lines) and "|" in lines[place]:
            row = dict(zip(names, _cells(lines[place]), strict=False))
            if any(row.values()):
                rows.append(row)
            place += 1
    return rows, "\n".join(rest)


def _cells(line: str) -> list[str]:
    inner = line.replace("\\|", _ESCAPED_BAR).strip().removeprefix("|").removesuffix("|")
    cells = (cell.replace(_ESCAPED_BAR, "|") for cell in inner.split("|"))
    return [_LINK.sub(r"\1", cell).strip(" *_`") for cell in cells]
