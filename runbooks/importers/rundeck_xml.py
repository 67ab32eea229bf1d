"""Rundeck's XML job definitions in the shape of its YAML ones, each part with its place. For `importers/__init__.py`.

The one thing to know: nothing is chosen here. Whatever stands in the file is passed on under its YAML name or under its
own, so that `importers/rundeck.py` lists what a runbook has nothing for. A DOCTYPE is refused: entities could grow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from runbooks.findings import Finding, Unreadable
from runbooks.source import MAX_BYTES, MAX_DEPTH, MAX_NODES, Path, Place, Source

# XML name → YAML name, where they differ (Rundeck's manual, "Job XML" and "Job YAML").
_OPTION_NAMES = {"enforcedvalues": "enforced"}
_COMMAND_NAMES = {"scriptargs": "args", "scriptinterpreter": "scriptInterpreter"}


@dataclass
class _Element:
    tag: str
    attributes: Mapping[str, str]
    place: Place
    children: list["_Element"] = field(default_factory=list)
    text: str = ""


def is_xml(text: str) -> bool:
    """Whether a text wants to be XML; no YAML or JSON document of a job begins so."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def read_job_xml(text: str, file_name: str) -> Source:
    """A `<joblist>` as a list of jobs; Unreadable with file, line and column for whatever is none."""
    root = _Parser(file_name).parse(text)
    if root.tag != "joblist":
        raise _unreadable(
            file_name, root.place, "not_this_format", f"<{root.tag}> is no <joblist>, which Rundeck writes"
        )
    jobs = _Jobs()
    data = [jobs.job(child, (number,)) for number, child in enumerate(root.children)]
    places = {(): root.place, **jobs.places}
    return Source(file=file_name, data=data, places=places, key_places=dict(jobs.places))


def _unreadable(file: str, place: Place, code: str, sentence: str) -> Unreadable:
    return Unreadable([Finding(file=file, line=place.line, column=place.column, code=code, sentence=sentence)])


class _Parser:
    """Text into elements that know their places, within the limits that YAML has too."""

    def __init__(self, file_name: str) -> None:
        self._file = file_name
        self._open: list[_Element] = []
        self._root: _Element | None = None
        self._count = 0
        self._lines_before = 0
        # What we say is in the file is in the text, so an encoding that the file declares is not asked.
        self._expat = expat.ParserCreate("utf-8")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.StartDoctypeDeclHandler = self._doctype

    def parse(self, text: str) -> _Element:
        body = text.lstrip("\ufeff \t\r\n")
        skipped = text[: len(text) - len(body)].count("\n")
        self._lines_before = skipped
        encoded = body.encode("utf-8", "replace")
        if len(encoded) > MAX_BYTES:
            raise self._error("too_large", f"the file has {len(encoded)} bytes; at most {MAX_BYTES} are read")
        try:
            self._expat.Parse(encoded, True)
        except expat.ExpatError as error:
            place = Place(error.lineno + skipped, error.offset + 1)
            raise _unreadable(
                self._file, place, "not_xml", f"this is not XML: {expat.ErrorString(error.code)}"
            ) from None
        if self._root is None:
            raise self._error("not_xml", "this is not XML: it has no element")
        return self._root

    def _place(self) -> Place:
        return Place(self._expat.CurrentLineNumber + self._lines_before, self._expat.CurrentColumnNumber + 1)

    def _error(self, code: str, sentence: str) -> Unreadable:
        return _unreadable(self._file, self._place(), code, sentence)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if self._count > MAX_NODES:
            raise self._error("too_large", f"the document has more than {MAX_NODES} values")
        if len(self._open) >= MAX_DEPTH:
            raise self._error("too_deep", f"this is nested more than {MAX_DEPTH} levels deep")
        element = _Element(tag, attributes, self._place())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        del tag
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: object) -> None:
        raise self._error("bad_doctype", "a document type (<!DOCTYPE …>) is not read; Rundeck writes none")


class _Jobs:
    """Elements into the mappings that Rundeck's YAML has for them."""

    def __init__(self) -> None:
        self.places: dict[Path, Place] = {}

    def job(self, element: _Element, path: Path) -> dict[str, Any]:
        self.places[path] = element.place
        found: dict[str, Any] = dict(element.attributes)
        for child in element.children:
            if child.tag == "context":
                self._context(child, path, found)
            elif child.tag == "sequence":
                _put(found, "sequence", self._sequence(child, (*path, "sequence")))
            else:
                _put(found, child.tag, self._plain(child, (*path, child.tag)))
        return found

    def _context(self, element: _Element, path: Path, found: dict[str, Any]) -> None:
        """Its parts are the job's own in YAML."""
        for child in element.children:
            inside = (*path, child.tag)
            if child.tag == "options":
                self.places[inside] = child.place
                options = [self._option(each, (*inside, number)) for number, each in enumerate(child.children)]
                _put(found, "options", options)
            else:
                _put(found, child.tag, self._plain(child, inside))

    def _option(self, element: _Element, path: Path) -> dict[str, Any]:
        option = self._mapping(element, path, _OPTION_NAMES)
        if isinstance(option.get("values"), str):
            option["values"] = option["values"].split(",")
        return option

    def _sequence(self, element: _Element, path: Path) -> dict[str, Any]:
        self.places[path] = element.place
        found: dict[str, Any] = {**element.attributes, "commands": []}
        for child in element.children:
            if child.tag == "command":
                inside = (*path, "commands", len(found["commands"]))
                found["commands"].append(self._command(child, inside))
            else:
                _put(found, child.tag, self._plain(child, (*path, child.tag)))
        return found

    def _command(self, element: _Element, path: Path) -> dict[str, Any]:
        self.places[path] = element.place
        found: dict[str, Any] = dict(element.attributes)
        for child in element.children:
            name = _COMMAND_NAMES.get(child.tag, child.tag)
            inside = (*path, name)
            if child.tag == "errorhandler":
                _put(found, name, self._command(child, inside))
            elif child.tag in {"step-plugin", "node-step-plugin"}:
                self._plugin(child, path, found)
            elif child.tag == "jobref":
                _put(found, name, self._jobref(child, inside))
            elif child.tag == "scriptinterpreter" and child.attributes:
                self.places[inside] = child.place
                _put(found, name, child.text.strip())
                found |= child.attributes
            else:
                _put(found, name, self._plain(child, inside))
        return found

    def _plugin(self, element: _Element, path: Path, found: dict[str, Any]) -> None:
        """A plugin is a key of its own in XML, and the whole of the step in YAML."""
        for name, value in element.attributes.items():
            self.places[(*path, name)] = element.place
            _put(found, name, value)
        found["nodeStep"] = element.tag == "node-step-plugin"
        for child in element.children:
            inside = (*path, child.tag)
            entries = [each for each in child.children if each.tag == "entry" and "key" in each.attributes]
            if child.tag == "configuration" and len(entries) == len(child.children):
                self.places[inside] = child.place
                for entry in entries:
                    self.places[(*inside, entry.attributes["key"])] = entry.place
                values = {each.attributes["key"]: each.attributes.get("value", each.text.strip()) for each in entries}
                _put(found, "configuration", values)
            else:
                _put(found, child.tag, self._plain(child, inside))

    def _jobref(self, element: _Element, path: Path) -> dict[str, Any]:
        jobref = self._mapping(element, path, {})
        argument = jobref.get("arg")
        if isinstance(argument, Mapping) and set(argument) == {"line"}:
            jobref["args"] = argument["line"]
            self.places[(*path, "args")] = self.places[(*path, "arg")]
            del jobref["arg"]
        return jobref

    def _plain(self, element: _Element, path: Path) -> Any:
        """A text, or a mapping of whatever it holds."""
        self.places[path] = element.place
        if not element.attributes and not element.children:
            # Scripts end as they end; what stands between tags is layout.
            return element.text if "\n" in element.text.strip() else element.text.strip()
        return self._mapping(element, path, {})

    def _mapping(self, element: _Element, path: Path, names: Mapping[str, str]) -> dict[str, Any]:
        self.places[path] = element.place
        found: dict[str, Any] = {names.get(name, name): value for name, value in element.attributes.items()}
        for child in element.children:
            name = names.get(child.tag, child.tag)
            _put(found, name, self._plain(child, (*path, name)))
        if element.text.strip():
            _put(found, "text", element.text.strip())
        return found


def _put(found: dict[str, Any], name: str, value: Any) -> None:
    """Two of one name are a list, so that none is lost."""
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]
