"""Filling in the message templates. Built by `workers/composition.py`, used by `activities/messages.py`.

The one thing to know: a template is the team's or ours, what it is filled with may be anybody's (an alert's text). So
values are inserted as they are and never evaluated, and templates themselves run in Jinja2's sandbox.

The first line of a template is `Subject: …`; the rest is the text. `<template>.<variant>.txt` comes before
`<template>.txt`, and of each the team's own file before the built-in one.
"""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import nh3
from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown_it import MarkdownIt

from activities.ports import ConfigurationSource, LinkIssuer, RenderedMessage
from domain.errors import Rejected
from domain.message import Message
from domain.message import Template as MessageTemplate

BUILT_IN = Path(__file__).parent.parent / "templates"
# RFC 5322 allows 998 characters a line; a subject longer than this is read by nobody.
_SUBJECT_CHARACTERS = 200
# Mail and chat cut off beyond this; what is left out is in the console.
_TEXT_CHARACTERS = 50_000
_WITH_TABLES = frozenset({MessageTemplate.OPERATIONS_REVIEW, MessageTemplate.INSIGHTS})
_CUT = "\n… (cut here; the whole text is in the console)"


class TemplateRenderer:
    """Implements `MessageRenderer`. Reads a template anew for each message, so that an edit counts at once."""

    def __init__(self, configuration: ConfigurationSource, home: Path, links: LinkIssuer | None = None) -> None:
        self._configuration = configuration
        self._home = home
        self._links = links

    def render(self, message: Message) -> RenderedMessage:
        """Fill the template in; Rejected with file and line when it is broken or asks for what is not there."""
        configuration = self._configuration.current()
        path = self._find(message, self._home / configuration.template_folder)
        values = _values(message, configuration.organization, configuration.base_url)
        private = self._perspective_link(message, values)
        subject_source, text_source = _split(path)
        return RenderedMessage(
            subject=_cut(" ".join(_fill(path, subject_source, values).split()), _SUBJECT_CHARACTERS, "…"),
            text=_cut(_fill(path, text_source, values).strip() + "\n", _TEXT_CHARACTERS, _CUT),
            html=_html(message),
            private=private,
        )

    def _perspective_link(self, message: Message, values: dict[str, Any]) -> tuple[str, ...]:
        """Put a link into `values` that lets the one addressee answer without a login."""
        is_asked = (
            message.template is MessageTemplate.REVIEW_INVITED and len(message.people) == 1 and message.incident_id
        )
        if self._links is None or not is_asked or not values["console"]:
            return ()
        token, until = self._links.issue(message.incident_id or "", message.people[0])
        values |= {"perspective_url": f"{values['console']}/perspectives/{token}", "perspective_until": until}
        return (token,)

    def _find(self, message: Message, team_folder: Path) -> Path:
        # The variant decides first: a team's general text must not take the place of the built-in one for the public.
        names = [f"{message.template.value}.txt"]
        if message.variant:
            names.insert(0, f"{message.template.value}.{Path(message.variant).name}.txt")
        for name in names:
            for folder in (team_folder, BUILT_IN):
                if (folder / name).is_file():
                    return folder / name
        raise Rejected(f"there is no template {names[-1]}; put one into {team_folder}")


def _html(message: Message) -> str | None:
    """The document of a report as HTML; what it names stays text, nh3 sees to that."""
    source = message.context.get("markdown") if message.template in _WITH_TABLES else None
    if not isinstance(source, str):
        return None
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(source)
    return f'<!doctype html><meta charset="utf-8"><body>{nh3.clean(body)}</body>'


def _split(path: Path) -> tuple[str, str]:
    try:
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected(f"{path}: cannot be read as a text ({type(error).__name__})") from error
    if not first.lower().startswith("subject:"):
        raise Rejected(f"{path}:1: the first line of a template is 'Subject: ' and the subject")
    # An empty line stands for the subject, so that line numbers in errors are those of the file.
    return first.partition(":")[2], "\n" + rest


def _fill(path: Path, source: str, values: dict[str, Any]) -> str:
    environment = _environment(path.parent)
    try:
        code = environment.compile(source, name=path.name, filename=str(path))
        template = Template.from_code(environment, code, environment.globals)
        return template.render(values)
    except TemplateNotFound as error:
        raise Rejected(f"{path}: it includes {error.name!r}, which is not there") from error
    except TemplateSyntaxError as error:
        raise Rejected(f"{error.filename or path}:{error.lineno}: {error.message}") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise Rejected(f"{path}:{_line(error, path)}: {type(error).__name__}: {_first_line(error)}") from error


def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        # Plain text: `<script>` stays what it is; whoever shows it in a page escapes it there.
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    environment.filters["when"] = when
    environment.filters["pretty"] = pretty
    environment.loader = FunctionLoader(partial(_beside, folder))
    return environment


def _beside(folder: Path, name: str) -> tuple[str, str, Callable[[], bool]]:
    for where in (folder, BUILT_IN):
        path = where / Path(name).name
        if path.is_file():
            return path.read_text(encoding="utf-8"), str(path), lambda: True
    raise TemplateNotFound(name)


def _values(message: Message, organization: str, base_url: str | None) -> dict[str, Any]:
    console = (base_url or "").rstrip("/")
    incident: dict[str, Any] = {"id": message.incident_id or "", "title": "", "severity": "", "status": "", "url": ""}
    given = message.context.get("incident")
    if isinstance(given, dict):
        incident.update(given)
    elif given:
        incident["id"] = str(given)
    if console and incident["id"] and not incident["url"]:
        incident["url"] = f"{console}/incidents/{incident['id']}"
    return {
        **message.context,
        "incident": incident,
        "organization": organization,
        "console": console,
        "drill": message.drill,
    }


def when(value: Any) -> str:
    """`2026-11-22 14:05 UTC` for an ISO 8601 text; anything else as it is."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{(at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def pretty(value: Any) -> str:
    """A thing as indented JSON, in the order in which it was given; texts that need no quotes stay as they are."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _line(error: BaseException, path: Path) -> int:
    # Jinja2 rewrites the traceback so that its frames name the template's own lines.
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] or 1 if lines else 1


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:_SUBJECT_CHARACTERS]


def _cut(text: str, characters: int, mark: str) -> str:
    return text if len(text) <= characters else text[: characters - len(mark)] + mark
