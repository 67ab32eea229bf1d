"""Markdown as the blameless lint reads it: sentences with their places, and only the writer's own.

Called by `lint.py`. Left out are front matter, code, quotes (blocks and passages in quotation marks), comments and
addresses. The one thing to know: what is left out is overwritten and never cut, so that a place in the masked text is
the same place in the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

# A sentence longer than this is a log or a table without line breaks; patterns are not run over it.
_LONGEST_SENTENCE = 2000
_FRONT_MATTER = re.compile(r"\A(?:---[ \t]*\n.*?\n(?:---|\.\.\.)|\+\+\+[ \t]*\n.*?\n\+\+\+)[ \t]*(?:\n|\Z)", re.DOTALL)
_FENCE = re.compile(r"^[ ]{0,3}(?:[-*+][ ]+|\d+[.)][ ]+)?[ ]*(`{3,}|~{3,})")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_DIRECTIVE = re.compile(
    r"\A\s*hotwash-lint:\s*(disable-next|disable-file|disable|enable)\b([^\n]*?)(?:--.*)?\Z", re.DOTALL
)
_LIST_MARK = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_HEADING = re.compile(r"^[ ]{0,3}(#{1,6})\s+(.*)$")
_UNDERLINE = re.compile(r"^[ ]{0,3}(?:=+|-+)\s*$")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|[\s:|-]*$")
_INLINE_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?://|mailto:|www\.)[^\s<>)\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK_TARGET = re.compile(r"(?<=\])\([^)\n]*\)|(?<=\])\[[^\]\n]*\]|^\[[^\]\n]+\]:.*$", re.MULTILINE)
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>")
# A passage in quotation marks is what somebody said; a single word in them is still the writer's.
_QUOTED = re.compile(r"“([^“”]{1,600})”|(?<![\w\"])\"([^\"]{1,600}?)\"(?![\w\"])|«([^«»]{1,600})»")
_EMPHASIS = re.compile(r"\*+|~~|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)")
_END = re.compile(r"(?<=[.!?…])[\"')\]”]*\s+(?=[\"'(\[“]*[A-Z0-9@\x00])|(?<=[:;])\s+(?=[A-Z]\w+\s)")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|approx|etc|Mr|Mrs|Ms|Dr|No|Fig)|\b[A-Z])\.$")
_IMPROVEMENT = re.compile(
    r"\b(?:actions?|improve\w*|follow[ -]?ups?|next steps?|recommend\w*|remediat\w*|corrective|prevent\w*|to-?dos?|"
    r"going forward|plans?|we will|will do|will change|proposals?|measures|next time)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """One sentence of the writer's own. `start` is its place in the file; `block` counts paragraphs and items."""

    text: str
    start: int
    block: int
    is_first: bool
    is_about_improvement: bool
    is_heading: bool = False


@dataclass(frozen=True)
class Directive:
    """A comment to the lint: what it asks, for which rules (none named: all), and where it stands."""

    verb: str
    rules: tuple[str, ...]
    start: int


@dataclass(frozen=True)
class Reading:
    """What there is to read in a file."""

    sentences: tuple[Sentence, ...]
    directives: tuple[Directive, ...]


@dataclass(frozen=True)
class _Block:
    start: int
    end: int
    is_heading: bool = False


def read_markdown(text: str) -> Reading:
    """Every sentence in its place; the same for plain text, which is Markdown without marks."""
    directives = tuple(_directives(text))
    masked = _mask(text)
    sentences: list[Sentence] = []
    is_improvement = False
    for number, block in enumerate(_blocks(masked)):
        body = masked[block.start : block.end].replace("\n", " ")
        if block.is_heading:
            is_improvement = bool(_IMPROVEMENT.search(body))
        first = True
        for start, piece in _sentences(body):
            sentences.append(Sentence(piece, block.start + start, number, first, is_improvement, block.is_heading))
            first = False
    return Reading(tuple(sentences), directives)


def _directives(text: str) -> Iterator[Directive]:
    for comment in _COMMENT.finditer(text):
        found = _DIRECTIVE.match(comment[1])
        if found:
            yield Directive(found[1], tuple(re.findall(r"[\w-]+", found[2])), comment.start())


def _mask(text: str) -> str:
    masked = _FRONT_MATTER.sub(lambda found: _blank(found[0]), text.replace("’", "'"))
    masked = _without_blocks(masked)
    masked = _COMMENT.sub(lambda found: _blank(found[0]), masked)
    masked = _INLINE_CODE.sub(lambda found: _fill(found[0]), masked)
    masked = _LINK_TARGET.sub(lambda found: _blank(found[0]), masked)
    masked = _ADDRESS.sub(lambda found: _fill(found[0]), masked)
    masked = _TAG.sub(lambda found: _blank(found[0]), masked)
    masked = _QUOTED.sub(_quote, masked)
    return _EMPHASIS.sub(lambda found: " " * len(found[0]), masked)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _fill(text: str) -> str:
    # A word that is nobody: "`api` failed to start" keeps a subject.
    return re.sub(r"[^\n]", "x", text)


def _quote(found: re.Match[str]) -> str:
    inner = next(group for group in found.groups() if group is not None)
    return found[0] if not re.search(r"\s", inner.strip()) else re.sub(r"\w", "x", found[0])


def _without_blocks(text: str) -> str:
    """Fenced and indented code and quoted blocks are blanked."""
    lines, fence, was_blank, in_list = [], "", True, False
    for line in text.split("\n"):
        opened = _FENCE.match(line)
        if fence:
            # A fence is closed by one of the same sort, at least as long.
            fence = "" if opened and opened[1].startswith(fence) and not line.strip().strip(fence[0]) else fence
            lines.append(_blank(line))
            continue
        is_code = was_blank and not in_list and re.match(r"(?: {4}|\t)", line) is not None
        if opened:
            fence = opened[1]
        if line.strip() and not line.startswith((" ", "\t")):
            in_list = _LIST_MARK.match(line) is not None
        leave_out = opened or is_code or re.match(r"\s{0,3}>", line)
        was_blank = not line.strip() or is_code
        lines.append(_blank(line) if leave_out else line)
    return "\n".join(lines)


def _blocks(masked: str) -> Iterator[_Block]:
    start: int | None = None
    end = place = 0
    for line in masked.split("\n"):
        begin, place = place, place + len(line) + 1
        is_row = line.lstrip().startswith("|") or _TABLE_RULE.match(line) is not None
        mark = _LIST_MARK.match(line)
        if start is not None and (is_row or mark or not line.strip() or _HEADING.match(line) or _UNDERLINE.match(line)):
            yield _Block(start, end, is_heading=_UNDERLINE.match(line) is not None)
            start = None
        if not line.strip() or _UNDERLINE.match(line):
            continue
        if heading := _HEADING.match(line):
            yield _Block(begin + heading.start(2), begin + len(line), is_heading=True)
        elif is_row:
            yield from _cells(line, begin)
        else:
            start = (begin + (mark.end() if mark else 0)) if start is None else start
            end = begin + len(line)
    if start is not None:
        yield _Block(start, end)


def _cells(line: str, begin: int) -> Iterator[_Block]:
    if _TABLE_RULE.match(line):
        return
    edges = [-1, *(found.start() for found in re.finditer(r"(?<!\\)\|", line)), len(line)]
    for left, right in pairwise(edges):
        if line[left + 1 : right].strip():
            yield _Block(begin + left + 1, begin + right)


def _sentences(body: str) -> Iterator[tuple[int, str]]:
    start = 0
    for found in _END.finditer(body):
        if _ABBREVIATION.search(body, start, found.start()):
            continue
        yield from _piece(body, start, found.start())
        start = found.end()
    yield from _piece(body, start, len(body))


def _piece(body: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    text = body[start:end]
    bare = text.strip()
    if bare and len(bare) <= _LONGEST_SENTENCE:
        yield start + len(text) - len(text.lstrip()), bare
