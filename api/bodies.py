"""What callers may send: strict JSON objects, made from the domain's commands so that the two cannot drift apart.

Used by every file of `api/routes`. The one thing to know: `by` is a person's id here and an Actor in a command; who may
name whom is decided in `api/auth.py`.
"""

import difflib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from domain.durations import Duration

# Parameters of runbooks are a few levels deep; serialisers give up at some 200.
_DEEPEST = 50


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'severity'?`, or the list of what there is when it is short, or nothing."""
    choices = sorted(known)
    found = difflib.get_close_matches(word, choices, n=1)
    if found:
        return f"; did you mean {found[0]!r}?"
    few = 12
    return f"; there are: {', '.join(choices)}" if 0 < len(choices) <= few else ""


class Strict(BaseModel):
    """Refuses unknown fields with the nearest known one, and text that neither engine nor store can keep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        mistake = _mistake_in(data)
        if mistake is not None:
            raise PydanticCustomError("unfit", "{mistake}", {"mistake": mistake})
        if isinstance(data, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            for name in data:
                if name not in known:
                    raise PydanticCustomError(
                        "unknown_field",
                        "there is no field {name}{hint}",
                        {"name": repr(name), "hint": nearest(str(name), known)},
                    )
        return data


def _mistake_in(data: object) -> str | None:
    """What neither engine nor store could keep: nesting without end, a NUL (PostgreSQL), half of a surrogate pair."""
    # A stack of its own: the nesting is the caller's, and Python's stack is not.
    waiting = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            return f"the JSON is nested deeper than {_DEEPEST} levels; make it flatter"
        if isinstance(value, str) and any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value):
            return "a text holds a NUL or half of a surrogate pair; take it out"
        if isinstance(value, dict):
            waiting += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, (list, tuple)):
            waiting += [(each, depth + 1) for each in value]
    return None


class Body(Strict):
    """A request of somebody."""

    by: str | None = Field(
        default=None,
        description="The person who acts, by id; only the admin token may name one. Left out: the holder of the token.",
    )


def body_of(command: type[BaseModel], *, without: tuple[str, ...] = ()) -> type[Body]:
    """The request model of a command: its fields, with `by` as a person's id and durations as people write them."""
    fields: dict[str, Any] = {}
    for name, field in command.model_fields.items():
        if name == "by" or name in without:
            continue
        annotation = field.annotation
        if annotation is timedelta:
            annotation = Duration
        elif annotation == timedelta | None:
            annotation = Duration | None
        fields[name] = (annotation, field)
    model = create_model(f"{command.__name__}Body", __base__=Body, __doc__=command.__doc__, **fields)
    return cast("type[Body]", model)


def takes_nothing(model: type[BaseModel]) -> bool:
    """Whether a request may come without a body at all."""
    return not any(field.is_required() for field in model.model_fields.values())
