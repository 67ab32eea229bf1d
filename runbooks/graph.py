"""A runbook as a picture: what follows what, who must agree, and what is taken back. For `hotwash runbook graph`.

`flow_of` reads the document and the actions' declarations into a tree of plain shapes; `mermaid` (here) and
`runbooks/graph_svg.py` draw that tree and know nothing of runbooks. A runbook has no jumps, so its picture is boxes in
boxes and needs no layout engine.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from domain.durations import Duration, format_duration
from domain.run import ActionSpec, Effect
from runbooks.schema import Runbook

_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)
# A box is no place for a paragraph; the file holds the whole text.
_MOST_CHARACTERS = 160


class Tone(StrEnum):
    """What a step does to the world; it gives the colour, and is written in words as well."""

    READ_ONLY = "read-only"
    MUTATING = "mutating"
    FAULT = "fault"
    PERSON = "person"
    CLOCK = "clock"
    NESTED = "runbook"
    # The action is not known here, so nobody knows what it does.
    UNKNOWN = "unknown effect"


class GroupKind(StrEnum):
    """How the branches of a group are taken."""

    PARALLEL = "parallel"
    SWITCH = "switch"
    FOREACH = "foreach"


@dataclass(frozen=True)
class Box:
    """One step that is done."""

    title: str
    tone: Tone
    # What it does, in the language's words: an action's name, `wait 5m`, …
    does: str
    facts: tuple[str, ...] = ()
    condition: str | None = None
    # Something must be agreed to before anything passes.
    is_gate: bool = False
    # What takes its effect back; None when nothing does, or nothing must.
    undo: str | None = None


@dataclass(frozen=True)
class Branch:
    """One way through a group."""

    label: str
    flow: "Flow"


@dataclass(frozen=True)
class Group:
    """Steps inside a step."""

    title: str
    kind: GroupKind
    branches: tuple[Branch, ...]
    # When the run goes on after it.
    join: str
    condition: str | None = None


Flow = tuple[Box | Group, ...]


@dataclass(frozen=True)
class Picture:
    """All that is drawn."""

    title: str
    steps: Flow
    # Done at the end, however the run ends.
    finally_: Flow


def flow_of(runbook: Runbook, specs: Mapping[str, ActionSpec]) -> Picture:
    """The picture of a runbook; an action that is not among the specs has an unknown effect."""
    return picture_of(runbook.model_dump(mode="json", by_alias=True, exclude_defaults=True), specs)


def picture_of(document: Mapping[str, Any], specs: Mapping[str, ActionSpec]) -> Picture:
    """The same of a document as it is written; every kind of the language, and no text of it is trusted."""
    return Picture(
        title=plain(document.get("title") or document.get("name") or ""),
        steps=_flow(document.get("steps") or (), specs),
        finally_=_flow(document.get("finally") or (), specs),
    )


def is_undoable(item: Box | Group) -> bool:
    """Whether something in it is taken back when the run fails."""
    if isinstance(item, Box):
        return item.undo is not None
    return any(is_undoable(each) for branch in item.branches for each in branch.flow)


def plain(text: object) -> str:
    """One line without control, format and private characters, so that a title can hide or turn round nothing."""
    one_line = re.sub(r"\s+", " ", str(text)).strip()
    shown = "".join(c for c in one_line if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return shown if len(shown) <= _MOST_CHARACTERS else shown[: _MOST_CHARACTERS - 1] + "…"


def _flow(steps: Sequence[Mapping[str, Any]], specs: Mapping[str, ActionSpec]) -> Flow:
    return tuple(_item(step, _approvals_of(index, steps), specs) for index, step in enumerate(steps))


def _item(step: Mapping[str, Any], approved_by: tuple[str, ...], specs: Mapping[str, ActionSpec]) -> Box | Group:
    for kind, group in ((GroupKind.PARALLEL, _parallel), (GroupKind.SWITCH, _switch), (GroupKind.FOREACH, _foreach)):
        if step.get(kind.value) is not None:
            branches, join = group(step[kind.value], specs)
            return Group(_title(step), kind, branches, join, _condition(step))
    tone, does = _does(step, specs)
    return Box(
        title=_title(step),
        tone=tone,
        does=plain(does),
        facts=tuple(plain(fact) for fact in (*(f"after {name}" for name in approved_by), *_facts(step))),
        condition=_condition(step),
        is_gate=step.get("approval") is not None,
        undo=_undo(step, specs),
    )


def _parallel(body: Mapping[str, Any], specs: Mapping[str, ActionSpec]) -> tuple[tuple[Branch, ...], str]:
    branches = body.get("branches") or ()
    # A branch may have a name.
    named = branches.items() if isinstance(branches, Mapping) else ((f"{n + 1}", b) for n, b in enumerate(branches))
    join = body.get("join", "all")
    return tuple(Branch(plain(name), _flow(steps, specs)) for name, steps in named), {
        "all": "goes on when all are done",
        "any": "goes on when any one is done",
    }.get(str(join), plain(f"goes on when {join} are done"))


def _switch(body: Mapping[str, Any], specs: Mapping[str, ActionSpec]) -> tuple[tuple[Branch, ...], str]:
    cases = [
        Branch(f"if {_expression(case.get('if'))}", _flow(case.get("steps") or (), specs)) for case in body["cases"]
    ]
    default = Branch("otherwise", _flow(body.get("default") or (), specs))
    return (*cases, default), "goes on after the one that was taken"


def _foreach(body: Mapping[str, Any], specs: Mapping[str, ActionSpec]) -> tuple[tuple[Branch, ...], str]:
    label = f"for each {plain(body.get('as', 'item'))} of {_expression(body.get('items'))}"
    at_once = body.get("max_concurrency")
    limit = f"at most {plain(at_once)} at once, " if at_once is not None else ""
    return (Branch(label, _flow(body.get("steps") or (), specs)),), f"{limit}goes on when every item is done"


def _does(step: Mapping[str, Any], specs: Mapping[str, ActionSpec]) -> tuple[Tone, str]:
    if step.get("approval") is not None:
        approval = step["approval"]
        who = ", ".join(approval.get("approvers") or ()) or "anybody"
        return Tone.PERSON, f"{approval.get('min_approvals', 1)} × approval by {who}"
    if step.get("manual") is not None:
        return Tone.PERSON, f"by hand: {step['manual'].get('assignee') or 'the commander'}"
    if step.get("wait") is not None:
        return Tone.CLOCK, _wait(step["wait"])
    if step.get("runbook") is not None:
        return Tone.NESTED, f"runbook {step['runbook'].get('name', '')}"
    action = str(step.get("action", ""))
    spec = specs.get(action)
    tones = {Effect.READ_ONLY: Tone.READ_ONLY, Effect.MUTATING: Tone.MUTATING, Effect.FAULT: Tone.FAULT}
    return tones[spec.effect] if spec else Tone.UNKNOWN, action


def _wait(wait: Mapping[str, Any]) -> str:
    duration = _duration(wait.get("duration"))
    until = wait.get("until")
    return f"waits until {until.get('action')}, at most {duration}" if until else f"waits {duration}"


def _facts(step: Mapping[str, Any]) -> Iterator[str]:
    if attempts := (step.get("retry") or {}).get("max_attempts"):
        yield f"{attempts} attempts"
    if timeout := step.get("timeout"):
        yield f"each {_duration(timeout)}" if step.get("retry") else f"at most {_duration(timeout)}"
    if verify := step.get("verify"):
        yield f"verified by {verify.get('action')}"
    if on_failure := step.get("on_failure"):
        yield f"on failure {on_failure}"


def _undo(step: Mapping[str, Any], specs: Mapping[str, ActionSpec]) -> str | None:
    undo = step.get("undo", "auto")
    if isinstance(undo, Mapping):
        return plain(undo.get("action", ""))
    spec = specs.get(str(step.get("action", "")))
    is_automatic = undo == "auto" and spec is not None and spec.has_undo and spec.effect is not Effect.READ_ONLY
    return "automatic" if is_automatic else None


def _approvals_of(index: int, steps: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The approvals of the same block that must be given before the step runs."""
    names = []
    for number, step in enumerate(steps[:index]):
        if step.get("approval") is None:
            continue
        covers = step["approval"].get("covers") or [each.get("id") for each in steps[number + 1 : number + 2]]
        if steps[index].get("id") in covers:
            names.append(str(step.get("id")))
    return tuple(names)


def _title(step: Mapping[str, Any]) -> str:
    return plain(step.get("title") or step.get("id") or "")


def _condition(step: Mapping[str, Any]) -> str | None:
    return _expression(step["if"]) if step.get("if") is not None else None


def _expression(text: object) -> str:
    """What is between the braces of a text that is one expression."""
    inside = re.fullmatch(r"\{\{-?((?:(?!\{\{|\}\}).)*?)-?\}\}", plain(text))
    return inside[1].strip() if inside else plain(text)


def _duration(value: object) -> str:
    try:
        return format_duration(_DURATION.validate_python(value))
    except ValidationError:
        return plain(value)


# --- Mermaid ---


def mermaid(picture: Picture) -> str:
    """A Mermaid flowchart; every text of the runbook stands in quotes and escaped, so it stays text."""
    return _Mermaid().draw(picture)


_SHAPES = {True: ('{{"', '"}}'), False: ('["', '"]')}
_CLASSES = {tone: tone.name.lower() for tone in Tone}
_STYLES = {
    Tone.READ_ONLY: "fill:#e3f0fb,stroke:#1b6ec2,color:#10243a",
    Tone.MUTATING: "fill:#fdebd3,stroke:#b86400,color:#3d2400",
    Tone.FAULT: "fill:#fbdcdc,stroke:#c01f1f,color:#400b0b",
    Tone.PERSON: "fill:#ece3f9,stroke:#6b3fb5,color:#26134a",
    Tone.CLOCK: "fill:#eceff1,stroke:#5f6b76,color:#1f272e",
    Tone.NESTED: "fill:#dff3ec,stroke:#11795a,color:#06301f",
    Tone.UNKNOWN: "fill:#ffffff,stroke:#5f6b76,color:#1f272e,stroke-dasharray:4 3",
}


class _Mermaid:
    """Lines of one flowchart. Nodes are numbered, because a step may be called `end`, a word of Mermaid's own."""

    def __init__(self) -> None:
        self._lines = ["flowchart TD"]
        self._count = 0
        self._used: set[Tone] = set()

    def draw(self, picture: Picture) -> str:
        start = self._node('(["', picture.title, '"])')
        ends, _ = self._sequence(picture.steps, [(start, "")], start)
        if picture.finally_:
            name = self._open("finally, however the run ends")
            ends, _ = self._sequence(picture.finally_, ends, None)
            self._lines.append("  end")
            self._lines.append(f"  style {name} stroke-dasharray:4 3")
        self._join(ends, self._node('(["', "end", '"])'))
        self._lines += [f"  classDef {_CLASSES[tone]} {_STYLES[tone]}" for tone in Tone if tone in self._used]
        return "\n".join(self._lines) + "\n"

    def _sequence(
        self, flow: Flow, ends: list[tuple[str, str]], undo_to: str | None
    ) -> tuple[list[tuple[str, str]], str | None]:
        """Draw one after the other; `ends` are the loose ends as (node, label of its next edge)."""
        for item in flow:
            skipped: list[tuple[str, str]] = []
            if item.condition is not None:
                question = self._node('{"', item.condition, '"}')
                self._join(ends, question)
                ends, skipped = [(question, "yes")], [(question, "no")]
            ends, undo_to = (
                self._box(item, ends, undo_to) if isinstance(item, Box) else self._group(item, ends, undo_to)
            )
            ends = ends + skipped
        return ends, undo_to

    def _box(
        self, box: Box, ends: list[tuple[str, str]], undo_to: str | None
    ) -> tuple[list[tuple[str, str]], str | None]:
        opening, closing = _SHAPES[box.is_gate]
        facts = (box.does, *box.facts, f"({box.tone.value})")
        name = self._node(opening, box.title, closing, facts, box.tone)
        self._join(ends, name)
        if box.undo is not None and undo_to is not None:
            self._lines.append(f'  {name} -. "undo: {escaped(box.undo)}" .-> {undo_to}')
        return [(name, "")], name if box.undo is not None else undo_to

    def _group(
        self, group: Group, ends: list[tuple[str, str]], undo_to: str | None
    ) -> tuple[list[tuple[str, str]], str | None]:
        frame = self._open(f"{group.title} ({group.kind.value})")
        head = self._node('(("', group.kind.value, '"))')
        loose: list[tuple[str, str]] = []
        for branch in group.branches:
            label = branch.label if group.kind is not GroupKind.PARALLEL else ""
            found, _ = self._sequence(branch.flow, [(head, label)], head)
            loose += found
        tail = self._node('(["', group.join, '"])')
        self._lines.append("  end")
        self._join(loose, tail)
        self._join(ends, head)
        self._lines.append(f"  style {frame} fill:none,stroke:#5f6b76")
        if not is_undoable(group):
            return [(tail, "")], undo_to
        if undo_to is not None:
            self._lines.append(f'  {head} -. "undo" .-> {undo_to}')
        return [(tail, "")], tail

    def _open(self, title: str) -> str:
        self._count += 1
        self._lines.append(f'  subgraph g{self._count}["{escaped(title)}"]')
        return f"g{self._count}"

    def _node(self, opening: str, title: str, closing: str, facts: Sequence[str] = (), tone: Tone | None = None) -> str:
        self._count += 1
        name = f"n{self._count}"
        text = "<br/>".join([escaped(title), *(escaped(fact) for fact in facts)])
        kind = f":::{_CLASSES[tone]}" if tone else ""
        self._used |= {tone} if tone else set()
        self._lines.append(f"  {name}{opening}{text}{closing}{kind}")
        return name

    def _join(self, ends: Sequence[tuple[str, str]], name: str) -> None:
        for end, label in ends:
            self._lines.append(f'  {end} -- "{escaped(label)}" --> {name}' if label else f"  {end} --> {name}")


def escaped(text: str) -> str:
    """Text for between Mermaid's quotes: letters, digits and harmless marks as they are, all else as `#code;`."""
    return "".join(c if c.isalnum() or c in " .,:-_/()=+'?!…×" else f"#{ord(c)};" for c in plain(text)) or " "
