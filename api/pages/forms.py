"""Forms become commands: the fields of a form are those of the command, so a new verb is a row in a table.

Used by the console's pages. An empty field counts as not given; what does not fit becomes a sentence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from domain.errors import Rejected, RejectionKind
from domain.timeline import Actor

C = TypeVar("C", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Verb(Generic[C]):
    """What a form asks for."""

    # The command's name in the workflow's table.
    name: str
    command: type[C]
    # What the page says once it is done.
    done: str


async def read_form(request: Request) -> dict[str, Any]:
    """The fields that were filled in; dates mean the end of that day, line ends are as in the record."""
    form = {name: str(value).replace("\r\n", "\n") for name, value in (await request.form()).items()}
    filled: dict[str, Any] = {name: value for name, value in form.items() if value.strip()}
    if "due_at" in filled:
        filled["due_at"] = end_of_day(filled["due_at"])
    if "output" in filled:
        filled["output"] = json_object(filled["output"])
    return filled


def read_command(verbs: Mapping[str, Verb[C]], verb: str, by: Actor, fields: Mapping[str, Any]) -> tuple[Verb[C], C]:
    """The command behind a form; Rejected with a sentence when there is none or it does not fit."""
    known = verbs.get(verb)
    if known is None:
        raise Rejected(f"there is nothing called {verb!r} to do here", RejectionKind.NOT_FOUND)
    return known, read_model(known.command, {**fields, "by": by})


# Shorter ones are typed again quickly.
_WORTH_KEEPING = 20


def longest_text(fields: Mapping[str, Any]) -> str | None:
    """What a person wrote in a form, worth showing again when it was refused; None when they only chose."""
    texts = [value for name, value in fields.items() if isinstance(value, str) and name not in {"key", "digest"}]
    longest = max(texts, key=len, default="")
    return longest if len(longest) >= _WORTH_KEEPING else None


def read_model(model: type[C], fields: Mapping[str, Any]) -> C:
    """What was filled in as a model; Rejected with a sentence about the first field that does not fit."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]).replace("_", " ")
        raise Rejected(f"{field}: {first['msg'].lower()}" if field else str(first["msg"])) from error


def local_moment(text: str, time_zone: str) -> datetime:
    """What a field of date and time says, as meant in the office's time zone; Rejected when it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    except ValueError as error:
        raise Rejected(f"{text!r} is not a date and time; write 2026-11-22T10:00") from error


def json_object(text: str) -> dict[str, Any]:
    """What was typed as JSON; Rejected when it is no object."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Rejected(f"output: this is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise Rejected('output: write a JSON object, such as {"current": "v1"}')
    return value


def end_of_day(text: str) -> datetime:
    """The last second of a date, UTC; Rejected when it is none."""
    try:
        return datetime.combine(date.fromisoformat(text), datetime.max.time().replace(microsecond=0), tzinfo=UTC)
    except ValueError as error:
        raise Rejected(f"{text!r} is not a date; write 2026-11-22") from error
