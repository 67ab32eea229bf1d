"""Writing what an importer found: names, expressions, instructions, the YAML text and its head. Used by all of them."""

import io
import keyword
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from domain.durations import format_duration
from runbooks.findings import Finding, Unreadable
from runbooks.schema import Step
from runbooks.source import read_yaml

# Half of what a text with expressions may have (runbooks/render.py): an escaped mark takes eight characters.
_MOST_CHARACTERS = 8000
# An expression may have 500 parts (runbooks/render.py), and every mark and every reference is one or two of them.
_MOST_EXPRESSIONS = 60
_COMMENT_WIDTH = 116


@dataclass
class Draft:
    """One runbook in the making; from which lines of the file it comes."""

    document: dict[str, Any]
    lines: range = field(default_factory=lambda: range(1_000_000_000))

    def covers(self, line: int) -> bool:
        """Whether something on that line of the file concerns this runbook."""
        return line in self.lines


def has_kind(name: str) -> bool:
    """Whether the language has a kind of step."""
    return name in Step.model_fields


class Names:
    """Identifiers made of foreign names, each only once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._given: dict[str, str] = {}

    def give(self, foreign: str, fallback: str) -> str:
        """A new identifier for a foreign name; a second one of the same name gets a number."""
        wanted = identifier(foreign) or fallback
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted[:58]}_{number}"
        self._taken.add(name)
        self._given.setdefault(foreign, name)
        return name

    def of(self, foreign: str) -> str | None:
        """The identifier that a foreign name was given."""
        return self._given.get(foreign)

    def foreign(self) -> list[str]:
        """All names that were given one."""
        return list(self._given)


def identifier(foreign: str) -> str:
    """`GetInstance` → `get_instance`; empty when nothing of it can be written so."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", foreign)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    name = re.sub(r"^[0-9_]+", "", name)[:60].rstrip("_")
    return f"{name}_" if keyword.iskeyword(name) else name


def runbook_name(foreign: str, fallback: str = "imported") -> str:
    """A name of a runbook and its file: `AWS-RestartEC2Instance` → `aws-restart-ec2-instance`."""
    return (identifier(foreign) or fallback).rstrip("_").replace("_", "-")


def duration(seconds: float) -> str:
    """As a runbook writes it."""
    return format_duration(timedelta(seconds=seconds))


# --- expressions ---

_MARK = re.compile(r"\{[{%#]")


def woven(text: str, reference: re.Pattern[str], resolve: Callable[[str], str | None]) -> str:
    """The text with every foreign reference as an expression, and everything else as the plain text that it was.

    `resolve` is given the first group of a reference; None: it stays text. So do all references where there are more
    than a template may hold; whoever reads the text still sees them.
    """
    if len(_MARK.findall(text)) > _MOST_EXPRESSIONS:
        return literal(text)
    parts: list[str] = []
    position = count = 0
    for found in reference.finditer(text):
        resolved = resolve(found[1])
        if resolved is None or count >= _MOST_EXPRESSIONS:
            continue
        count += 1
        before = literal(text[position : found.start()])
        # A brace before an expression would become part of its mark.
        parts += [f"{before[:-1]}{{{{ '{{' }}}}" if before.endswith("{") else before, f"{{{{ {resolved} }}}}"]
        position = found.end()
    return "".join([*parts, literal(text[position:])])


def literal(text: str) -> str:
    """The text so that it renders to itself, whatever braces it holds."""
    if len(_MARK.findall(text)) > _MOST_EXPRESSIONS:
        # Too many for one expression: a space keeps a person's eye right and the template engine away.
        return _MARK.sub(lambda found: f"{found[0][0]} {found[0][1]}", text)
    return _MARK.sub(lambda found: f"{{{{ '{found[0]}' }}}}", text)


def quoted(value: object) -> str:
    """A JSON scalar as an expression writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    escaped_text = str(value).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped_text}'"


def member(base: str, name: str) -> str:
    """`base.name`, or with brackets where the name is no plain word."""
    return f"{base}.{name}" if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else f"{base}[{quoted(name)}]"


# --- text ---


def shown(value: Any) -> str:
    """A value of the file for a person's eyes."""
    if isinstance(value, str):
        return _cut(value)
    return _cut(as_yaml(value).rstrip("\n"))


def instructions(*paragraphs: str) -> str:
    """Paragraphs for the person who does a step."""
    return _cut("\n\n".join(paragraph for paragraph in paragraphs if paragraph))


def first_line(text: str | None, fallback: str) -> str:
    """The first line of a text as a title."""
    lines = [line.strip(" #\t") for line in (text or "").splitlines()]
    line = next((line for line in lines if line), fallback)
    return line if len(line) <= 100 else f"{line[:99]}…"  # noqa: PLR2004 - a title is one line


def is_cut(text: str) -> bool:
    """Whether `shown` leaves out a part of it."""
    return len(text) > _MOST_CHARACTERS


def _cut(text: str) -> str:
    return text if not is_cut(text) else f"{text[:_MOST_CHARACTERS]}\n… (the rest is in the imported file)"


def to_text(
    document: Mapping[str, Any],
    what: str,
    file_name: str,
    losses: Sequence[Finding],
    command: str = "hotwash runbook import",
) -> str:
    """The document as YAML; its head says where it comes from and what it lacks."""
    head = [
        f"Imported from {what}, {_one_line(file_name.rsplit('/', 1)[-1])}, by `{command}`.",
        "Read it, and rehearse it, before anybody runs it.",
    ]
    if losses:
        head += ["", f"NOT CARRIED OVER AS IT WAS ({len(losses)}):"]
        head += [f"  line {loss.line}: {_one_line(loss.sentence)}" for loss in losses]
    lines = [part for line in head for part in textwrap.wrap(line, _COMMENT_WIDTH, subsequent_indent="    ") or [""]]
    comment = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    body = as_yaml(document)
    return comment + body


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def as_yaml(value: Any) -> str:
    """The value as YAML that reads back as it was; long texts as blocks where that changes nothing."""
    pretty = _yaml(_with_blocks(value))
    try:
        is_same = read_yaml(pretty, "").data == value
    except Unreadable:
        is_same = False
    # A block of text cannot hold everything; whatever it would change is written in quotes.
    return pretty if is_same else _yaml(value)


def _with_blocks(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    if isinstance(value, Mapping):
        return {key: _with_blocks(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_blocks(item) for item in value]
    return value


def _yaml(value: Any) -> str:
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    # Aliases read badly, and the same list may stand in two places.
    yaml.representer.ignore_aliases = lambda *_: True
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n")
