"""The picture of a runbook as one SVG file that needs nothing else: no script, no font, no tool to lay it out.

A runbook has no jumps, so the layout is exact: a sequence is a stack, branches stand side by side, and nothing crosses.
Each block knows how far it reaches to the left and right of the line on which the run enters and leaves it.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from runbooks.graph import Box, Branch, Flow, Group, Picture, Tone, is_undoable

# Pixels. A box holds some 38 characters of its title in a line, which is what a step's title usually has.
_BOX = 290.0
_ARROW = 26.0
_MARGIN = 28.0
_COLUMN_GAP = 26.0
_LANE = 20.0
_PAD = 14.0
_CORNER = 16.0
_LINE = {"title": 18.0, "does": 16.0, "fact": 15.0, "label": 16.0}
# Width of a character of the usual sans-serif faces, rounded up, so that no text leaves its box.
_CHARACTER = {"title": 7.6, "does": 6.9, "fact": 6.3, "label": 6.6}
_MOST_LINES = 3

_LIGHT = {
    Tone.READ_ONLY: ("#e3f0fb", "#1b6ec2"),
    Tone.MUTATING: ("#fdebd3", "#b86400"),
    Tone.FAULT: ("#fbdcdc", "#c01f1f"),
    Tone.PERSON: ("#ece3f9", "#6b3fb5"),
    Tone.CLOCK: ("#eceff1", "#5f6b76"),
    Tone.NESTED: ("#dff3ec", "#11795a"),
    Tone.UNKNOWN: ("#ffffff", "#5f6b76"),
}
_DARK = {
    Tone.READ_ONLY: ("#12304d", "#6db3f2"),
    Tone.MUTATING: ("#46300f", "#f0a64a"),
    Tone.FAULT: ("#4d1717", "#ff8a8a"),
    Tone.PERSON: ("#34224f", "#bd9bf5"),
    Tone.CLOCK: ("#2a3138", "#9aa7b2"),
    Tone.NESTED: ("#0f3a2d", "#5fd0a8"),
    Tone.UNKNOWN: ("#1b2026", "#9aa7b2"),
}


def svg(picture: Picture) -> str:
    """The whole file; texts of the runbook are escaped and cut, and what was cut is in the tooltip."""
    body = _Page(picture)
    height = body.height + 2 * _MARGIN
    legend = _Legend(picture)
    width = max(body.left + body.right, legend.width) + 2 * _MARGIN
    pen = _Pen()
    body.draw(pen, _MARGIN + body.left + max(0.0, (width - 2 * _MARGIN - body.left - body.right) / 2), _MARGIN)
    legend.draw(pen, _MARGIN, height)
    height += legend.height + _MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-labelledby="hw-title">'
    )
    return "\n".join([head, f'<title id="hw-title">{_xml(picture.title)}</title>', _style(), *pen.marks, "</svg>", ""])


def _style() -> str:
    def colours(of: dict[Tone, tuple[str, str]], ink: str, paper: str, line: str) -> str:
        tones = "".join(f".{t.name.lower()}{{fill:{fill};stroke:{edge}}}" for t, (fill, edge) in of.items())
        return (
            f"{tones}text{{fill:{ink}}}.paper,.pill{{fill:{paper}}}.pill,.frame{{stroke:{line}}}"
            f".line{{stroke:{line}}}.head{{fill:{line}}}.undo{{stroke:{of[Tone.MUTATING][1]}}}"
            f".undohead{{fill:{of[Tone.MUTATING][1]}}}"
        )

    sans = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
    return (
        "<style>"
        f"text{{{sans};text-anchor:middle}}.title{{font-size:13px;font-weight:600}}.does{{font-size:12px}}"
        ".fact,.label{font-size:11px}.start{text-anchor:start}.box,.pill,.frame{stroke-width:1.5}"
        ".line,.undo{fill:none;stroke-width:1.5}.undo{stroke-dasharray:2 4;stroke-linecap:round}"
        ".frame{fill:none;stroke-dasharray:6 4}.unknown{stroke-dasharray:4 3}"
        + colours(_LIGHT, "#1f272e", "#ffffff", "#5f6b76")
        + "@media (prefers-color-scheme:dark){"
        + colours(_DARK, "#e7ecf0", "#14181c", "#9aa7b2")
        + "}</style><defs>"
        + "".join(
            f'<marker id="hw-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path class="{name}" d="M0 0L8 4L0 8z"/></marker>'
            for name in ("head", "undohead")
        )
        + '</defs><rect class="paper" width="100%" height="100%"/>'
    )


@dataclass
class _Pen:
    """What was drawn so far."""

    marks: list[str] = field(default_factory=list)

    def line(self, *points: tuple[float, float], arrow: bool = True, kind: str = "line") -> None:
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        head = {"line": "head", "undo": "undohead"}[kind]
        marker = f' marker-end="url(#hw-{head})"' if arrow else ""
        self.marks.append(f'<path class="{kind}" d="{path}"{marker}/>')

    def text(self, x: float, y: float, text: str, kind: str, *, start: bool = False) -> None:
        self.marks.append(
            f'<text class="{kind}{" start" if start else ""}" x="{x:.1f}" y="{y:.1f}">{_xml(text)}</text>'
        )

    def lines(self, x: float, y: float, lines: Sequence["_Line"]) -> None:
        for line in lines:
            y += _LINE[line.kind]
            self.text(x, y - 4, line.text, line.kind)

    def rect(self, at: tuple[float, float], size: tuple[float, float], kind: str, radius: float = 6) -> None:
        (x, y), (width, height) = at, size
        box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.0f}"'
        self.marks.append(f'<rect class="{kind}" {box}/>')


@dataclass(frozen=True)
class _Line:
    text: str
    kind: str


class _Block:
    """Something drawn around the line at which the run enters and leaves it."""

    left: float
    right: float
    height: float

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        """Draw it below `y`, around `x`."""
        raise NotImplementedError

    def undo_side(self) -> tuple[float, float]:
        """Where an undo leaves: how far to the right of the line, and how far down."""
        return self.right, self.height / 2


class _Step(_Block):
    """A box; a gate has its corners cut off, a nested runbook has two borders."""

    def __init__(self, box: Box) -> None:
        self._box = box
        # A fact is broken only where it is longer than a line.
        facts = " · ".join(fact.replace(" ", "\u00a0") for fact in (box.tone.value, *box.facts))
        self._lines = [
            *_wrapped(box.title, "title", _BOX - 2 * _CORNER),
            *_wrapped(box.does, "does", _BOX - 2 * _CORNER),
            *_wrapped(facts, "fact", _BOX - 2 * _CORNER),
            *(_wrapped(f"↶ undo: {box.undo}", "fact", _BOX - 2 * _CORNER) if box.undo is not None else []),
        ]
        self.left = self.right = _BOX / 2
        self.height = sum(_LINE[line.kind] for line in self._lines) + _PAD

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        box, left = self._box, x - self.left
        said = " – ".join(part for part in (box.title, box.does, box.tone.value, *box.facts) if part)
        pen.marks.append(f"<g><title>{_xml(said)}</title>")
        kind = f"box {box.tone.name.lower()}"
        if box.is_gate:
            right, middle, bottom = x + self.right, y + self.height / 2, y + self.height
            points = [(left, middle), (left + _CORNER, y), (right - _CORNER, y), (right, middle)]
            points += [(right - _CORNER, bottom), (left + _CORNER, bottom)]
            pen.marks.append(f'<polygon class="{kind}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>')
        else:
            pen.rect((left, y), (_BOX, self.height), kind)
        if box.tone is Tone.NESTED:
            pen.rect((left + 4, y + 4), (_BOX - 8, self.height - 8), kind, 3)
        pen.lines(x, y + _PAD / 2, self._lines)
        pen.marks.append("</g>")


class _Conditional(_Block):
    """A block that is passed by when its condition does not hold."""

    def __init__(self, condition: str, inner: _Block) -> None:
        self._inner = inner
        self._lines = _wrapped(f"if {condition}", "label", _BOX - 3 * _CORNER)
        widest = max(_width(line.text, "label") for line in self._lines)
        self._pill = (widest + 2 * _CORNER, len(self._lines) * _LINE["label"] + 8)
        self.left = max(inner.left, self._pill[0] / 2) + _LANE
        self.right = max(inner.right, self._pill[0] / 2)
        self.height = self._pill[1] + _ARROW + inner.height + _PAD

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        width, height = self._pill
        lane, bottom = x - self.left + 4, y + self.height
        pen.line((x - width / 2, y + height / 2), (lane, y + height / 2), (lane, bottom), (x, bottom), arrow=False)
        pen.rect((x - width / 2, y), self._pill, "pill", height / 2)
        pen.lines(x, y + 3, self._lines)
        pen.text(x + 16, y + height + 15, "yes", "label")
        pen.text(x - width / 2 - 10, y + height / 2 - 4, "no", "label")
        pen.line((x, y + height), (x, y + height + _ARROW))
        self._inner.draw(pen, x, y + height + _ARROW)
        pen.line((x, bottom - _PAD), (x, bottom), arrow=False)

    def undo_side(self) -> tuple[float, float]:
        right, down = self._inner.undo_side()
        return right, self._pill[1] + _ARROW + down


class _Stack(_Block):
    """Steps one after the other, each entered by an arrow; undos go up in a lane of their own on the right."""

    def __init__(self, flow: Flow) -> None:
        self._items = [(_block(item), is_undoable(item)) for item in flow]
        self._has_lane = any(undoable for _, undoable in self._items)
        self._inner_right = max((block.right for block, _ in self._items), default=20.0)
        self.left = max((block.left for block, _ in self._items), default=20.0)
        self.right = self._inner_right + (_LANE if self._has_lane else 0.0)
        self.height = sum(_ARROW + block.height for block, _ in self._items)

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        lane = x + self._inner_right + _LANE - 4
        # Where the undo before ends: at first on the line at which the steps are entered.
        target = (x + 2, y + 8)
        for block, undoable in self._items:
            pen.line((x, y), (x, y + _ARROW))
            y += _ARROW
            block.draw(pen, x, y)
            if undoable:
                right, down = block.undo_side()
                pen.line((x + right, y + down - 5), (lane, y + down - 5), (lane, target[1]), target, kind="undo")
                target = (x + right, y + down + 5)
            y += block.height


class _Branches(_Block):
    """Branches side by side in a frame."""

    def __init__(self, group: Group) -> None:
        self._columns = [_Column(branch) for branch in group.branches]
        self._title = _wrapped(f"{group.title} · {group.kind.value}", "title", max(_BOX, self._inside()))
        self._join = _wrapped(group.join, "label", max(_BOX, self._inside()))
        texts = [_width(line.text, line.kind) for line in (*self._title, *self._join)]
        # A single branch goes straight through.
        self._axis = self._columns[0].left if len(self._columns) == 1 else self._inside() / 2
        self.left = max(self._axis, *(text / 2 for text in texts)) + _PAD
        self.right = max(self._inside() - self._axis, *(text / 2 for text in texts)) + _PAD
        self._columns_height = max((column.height for column in self._columns), default=0.0)
        self._head = sum(_LINE[line.kind] for line in self._title) + _PAD / 2
        self.height = self._head + self._columns_height + 2 * _PAD + len(self._join) * _LINE["label"] + 8

    def _inside(self) -> float:
        widths = [column.left + column.right for column in self._columns]
        return sum(widths) + _COLUMN_GAP * max(len(widths) - 1, 0)

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        pen.rect((x - self.left, y), (self.left + self.right, self.height), "frame", 10)
        pen.lines(x, y + 3, self._title)
        top, bottom = y + self._head + _PAD / 2, y + self._head + _PAD + self._columns_height
        axes, edge = [], x - self._axis
        for column in self._columns:
            axes.append(edge + column.left)
            edge += column.left + column.right + _COLUMN_GAP
        for axis, column in zip(axes, self._columns, strict=True):
            column.draw(pen, axis, top)
            pen.line((axis, top + column.height), (axis, bottom), arrow=False)
        for level in (top, bottom) if len(axes) != 1 else ():
            pen.line((min([x, *axes]), level), (max([x, *axes]), level), arrow=False)
        pen.line((x, bottom), (x, bottom + _PAD / 2), arrow=False)
        pen.lines(x, bottom + _PAD / 2, self._join)

    def undo_side(self) -> tuple[float, float]:
        return self.right, self._head / 2 + 6


class _Column(_Block):
    """One branch: its label and its steps."""

    def __init__(self, branch: Branch) -> None:
        self._stack = _Stack(branch.flow)
        self._label = _wrapped(branch.label, "label", max(self._stack.left + self._stack.right, 150.0))
        half = max(_width(line.text, "label") for line in self._label) / 2 + 6
        self.left, self.right = max(self._stack.left, half), max(self._stack.right, half)
        self._label_height = len(self._label) * _LINE["label"] + 10
        self.height = self._label_height + self._stack.height

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        pen.line((x, y), (x, y + 6), arrow=False)
        pen.lines(x, y + 4, self._label)
        self._stack.draw(pen, x, y + self._label_height)


class _Page(_Block):
    """From the start to the end of a run."""

    def __init__(self, picture: Picture) -> None:
        self._title = _wrapped(picture.title, "title", _BOX)
        self._start = len(self._title) * _LINE["title"] + 12
        self._steps = _Stack(picture.steps)
        self._finally = _Stack(picture.finally_) if picture.finally_ else None
        stacks = [self._steps, *([self._finally] if self._finally else [])]
        # The frame around `finally` stands out on both sides.
        out = _PAD if self._finally else 0.0
        self.left = max(_BOX / 2 + 10, *(stack.left + out for stack in stacks))
        self.right = max(_BOX / 2 + 10, *(stack.right + out for stack in stacks))
        self._extra = _ARROW + _LINE["title"] + 2 * _PAD if self._finally else 0.0
        self.height = self._start + sum(stack.height for stack in stacks) + self._extra + _ARROW + 24

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        half = max(_width(line.text, "title") for line in self._title) / 2 + 16
        pen.rect((x - half, y), (2 * half, self._start), "pill", 14)
        pen.lines(x, y + 5, self._title)
        y += self._start
        self._steps.draw(pen, x, y)
        y += self._steps.height
        if self._finally:
            pen.line((x, y), (x, y + _ARROW))
            y += _ARROW
            height = self._finally.height + self._extra - _ARROW
            pen.rect((x - self.left, y), (self.left + self.right, height), "frame", 10)
            pen.text(x, y + _LINE["title"], "finally, however the run ends", "title")
            self._finally.draw(pen, x, y + _LINE["title"] + _PAD / 2)
            y += height
            pen.line((x, y - _PAD * 1.5), (x, y), arrow=False)
        pen.line((x, y), (x, y + _ARROW))
        pen.rect((x - 30, y + _ARROW), (60, 24), "pill", 12)
        pen.text(x, y + _ARROW + 16, "end", "title")


class _Legend:
    """What the colours and the dotted lines mean, as far as they are there."""

    def __init__(self, picture: Picture) -> None:
        boxes = [box for flow in (picture.steps, picture.finally_) for box in _boxes(flow)]
        tones = {box.tone for box in boxes}
        self._tones = [tone for tone in Tone if tone in tones]
        self._has_undo = any(box.undo is not None for box in boxes)
        self.height = 16.0
        self.width = sum(26 + _width(tone.value, "label") + 16 for tone in self._tones)
        self.width += 26 + _width("undo, newest first", "label") if self._has_undo else 0.0

    def draw(self, pen: _Pen, x: float, y: float) -> None:
        for tone in self._tones:
            pen.rect((x, y), (18, 12), f"box {tone.name.lower()}", 3)
            pen.text(x + 26, y + 10, tone.value, "label", start=True)
            x += 26 + _width(tone.value, "label") + 16
        if self._has_undo:
            pen.line((x, y + 6), (x + 20, y + 6), kind="undo")
            pen.text(x + 26, y + 10, "undo, newest first", "label", start=True)


def _boxes(flow: Flow) -> list[Box]:
    boxes: list[Box] = []
    for item in flow:
        boxes += [item] if isinstance(item, Box) else [b for branch in item.branches for b in _boxes(branch.flow)]
    return boxes


def _block(item: Box | Group) -> _Block:
    block: _Block = _Step(item) if isinstance(item, Box) else _Branches(item)
    return block if item.condition is None else _Conditional(item.condition, block)


def _wrapped(text: str, kind: str, width: float) -> list[_Line]:
    """The text in at most three lines that fit; a word that is wider than a line is cut, and so is a longer text."""
    lines, line = [], ""
    for word in text.split(" "):
        rest = word
        while _width(f"{line} {rest}".strip(), kind) > width:
            if line:
                lines.append(line)
                line = ""
                continue
            fits = next(n for n in range(len(rest), 0, -1) if n == 1 or _width(rest[:n], kind) <= width)
            lines.append(rest[:fits])
            rest = rest[fits:]
            if not rest:
                break
        line = f"{line} {rest}".strip()
    lines += [line] if line else []
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][:-1] + "…"]
    return [_Line(each, kind) for each in lines or [""]]


def _width(text: str, kind: str) -> float:
    # Chinese, Japanese and Korean characters are as wide as they are high.
    return sum(_CHARACTER[kind] * (1.8 if unicodedata.east_asian_width(c) in "WF" else 1.0) for c in text)


def _xml(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&#39;"})
