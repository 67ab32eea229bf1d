"""YAML 1.2 into plain data that remembers its places. Used for runbooks, game days and `hotwash.yaml`.

Only plain data comes out: no tags, no merges, no dates, no duplicate keys, and nothing grows beyond its text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from runbooks.findings import Finding, Unreadable

# The longest runbooks of the field have a few hundred lines; this is 5,000 and still parses in a second or two.
MAX_BYTES = 256 * 1024
# An alias repeats what it names, and aliases of aliases multiply ("billion laughs").
MAX_ALIASES = 20
MAX_NODES = 50_000
# Steps in branches in steps: a reader is lost long before.
MAX_DEPTH = 40
# Of a whole number, its sign apart: what every JSON reader and database keeps exactly.
MAX_BITS = 63

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """A position in a file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """What a file says, and where it says it."""

    file: str
    data: Any
    places: dict[Path, Place] = field(repr=False)
    key_places: dict[Path, Place] = field(repr=False)

    def place_of(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Where a value (or its key) stands; the nearest thing around it when it is not there."""
        wanted = tuple(path)
        while wanted and wanted not in self.places:
            wanted = wanted[:-1]
        if (key or wanted != tuple(path)) and wanted in self.key_places:
            return self.key_places[wanted]
        return self.places.get(wanted, Place(1, 1))

    def finding(self, path: Sequence[str | int], code: str, sentence: str, *, key: bool = False) -> Finding:
        """A mistake at a place of this file."""
        place = self.place_of(path, key=key)
        shown = ".".join(str(part) for part in path)
        return Finding(file=self.file, line=place.line, column=place.column, path=shown, code=code, sentence=sentence)


def read_yaml(text: str, file_name: str) -> Source:
    """Read one document; Unreadable (a Rejected) with file, line and column for whatever is not plain data."""
    reader = _Reader(file_name)
    # Half a character cannot be encoded; the reader refuses it, with its place.
    size = len(text.encode(errors="replace"))
    if size > MAX_BYTES:
        raise reader.error(None, "too_large", f"the file has {size} bytes; at most {MAX_BYTES} are read, so split it")
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        data = None if root is None else reader.value(root, ())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        sentence = " ".join(str(part) for part in (error.context, error.problem) if part) or "this is not YAML"
        raise reader.error(mark, "not_yaml", sentence) from None
    except YAMLError as error:
        raise reader.error(None, "not_yaml", f"this is not YAML: {error}") from None
    except UnicodeError:
        raise reader.error(None, "bad_text", "the file is not text in UTF-8") from None
    except RecursionError:
        raise reader.error(
            None, "too_deep", "the document is nested too deeply; make a runbook of its own of the inner part"
        ) from None
    return Source(file=file_name, data=data, places=reader.places, key_places=reader.key_places)


class _Reader:
    """Turns YAML nodes into plain data and notes where each came from."""

    def __init__(self, file_name: str) -> None:
        self.places: dict[Path, Place] = {}
        self.key_places: dict[Path, Place] = {}
        self._file = file_name
        self._scalars = YAML(typ="safe", pure=True).constructor
        self._seen: set[int] = set()
        self._aliases = 0
        self._nodes = 0
        # Collections around the value that is being read.
        self._around: set[int] = set()

    def error(self, mark: Any, code: str, sentence: str) -> Unreadable:
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return Unreadable([Finding(file=self._file, line=line, column=column, code=code, sentence=sentence)])

    def value(self, node: Node, path: Path) -> Any:
        self._count(node, path)
        self.places[path] = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._around:
            sentence = "this goes round in circles: an alias names what it stands in; write the value out"
            raise self.error(node.start_mark, "alias_cycle", sentence)
        self._around.add(id(node))
        if isinstance(node, MappingNode):
            value: Any = self._mapping(node, path)
        else:
            self._demand_tag(node, ("seq",))
            value = [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        self._around.discard(id(node))
        return value

    def _count(self, node: Node, path: Path) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self.error(node.start_mark, "too_large", f"the document has more than {MAX_NODES} values; split it")
        if len(path) > MAX_DEPTH:
            raise self.error(
                node.start_mark,
                "too_deep",
                f"this is nested more than {MAX_DEPTH} levels deep; make a runbook of its own of the inner part",
            )
        # Only collections and named scalars can be met twice, and then through an alias.
        if id(node) in self._seen:
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                raise self.error(
                    node.start_mark, "too_many_aliases", f"more than {MAX_ALIASES} aliases; write the values out"
                )
        self._seen.add(id(node))

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        self._demand_tag(node, ("map",))
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or not _is_plain(key_node, ("str", "int", "float", "bool")):
                what = (
                    "merge keys (<<) are not read; write the values out" if key_node.value == "<<" else "a key is text"
                )
                raise self.error(key_node.start_mark, "bad_key", what)
            # As written: `on:` and `200:` are keys like any other.
            key = str(key_node.value)
            if key in found:
                first = self.key_places[(*path, key)]
                raise self.error(
                    key_node.start_mark, "duplicate_key", f"{key!r} is here twice; the first is on line {first.line}"
                )
            self.key_places[(*path, key)] = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: Node) -> Any:
        if _is_plain(node, ("timestamp",)):
            # A date stays the text that was written: models read it where they want one.
            return str(node.value)
        self._demand_tag(node, ("str", "int", "float", "bool", "null"))
        if _is_plain(node, ("str",)):
            return self._text(node)
        try:
            value = self._scalars.construct_object(node, deep=True)
        except ValueError as error:
            # Python's own advice is for whoever wrote the interpreter's call, not for the author of a runbook.
            said = str(error).partition(";")[0]
            raise self.error(node.start_mark, "bad_value", f"{str(node.value)[:40]!r} cannot be read: {said}") from None
        is_odd_float = isinstance(value, float) and not isfinite(value)
        if is_odd_float or (isinstance(value, int) and value.bit_length() > MAX_BITS):
            sentence = f"{str(node.value)[:40]!r} is no number that JSON knows; put it in quotes if it is text"
            raise self.error(node.start_mark, "bad_value", sentence)
        return value

    def _text(self, node: Node) -> str:
        text = str(node.value)
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
            sentence = "this text holds a character that cannot be stored (NUL, or half of one); leave it out"
            raise self.error(node.start_mark, "bad_text", sentence)
        return text

    def _demand_tag(self, node: Node, names: tuple[str, ...]) -> None:
        if not _is_plain(node, names):
            raise self.error(node.start_mark, "bad_tag", f"the tag {node.tag} is not read; write plain data")


def _is_plain(node: Node, names: tuple[str, ...]) -> bool:
    return any(str(node.tag) == f"tag:yaml.org,2002:{name}" for name in names)
