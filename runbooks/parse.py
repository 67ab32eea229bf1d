"""From a source to a runbook, and from pydantic's errors to sentences with a place.

`validation_findings` serves every model: `runtime/configuration.py` uses it for `hotwash.yaml`.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runbooks.findings import Finding, Unreadable, by_place, nearest
from runbooks.schema import Runbook
from runbooks.source import Path, Source

M = TypeVar("M", bound=BaseModel)


def parse_runbook(source: Source) -> Runbook:
    """The runbook; Unreadable with every mistake and its place."""
    return parse_document(source, Runbook)


def parse_document(source: Source, model: type[M]) -> M:
    """What the source says, as a model; Unreadable (a Rejected) with every mistake and its place."""
    try:
        return model.model_validate(_object(source))
    except ValidationError as error:
        raise Unreadable(validation_findings(error, source, model)) from None


def validation_findings(error: ValidationError, source: Source, model: type[BaseModel]) -> tuple[Finding, ...]:
    """Each mistake that pydantic found, where it stands in the source; unknown keys with the nearest valid one."""
    details = error.errors(include_url=False, include_context=True, include_input=True)
    return by_place([_finding(each, source, model) for each in _without_echoes(details)])


def valid_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The keys that an object at this place of the model may have."""
    annotations: list[Any] = [model]
    for part in location:
        annotations = [inner for annotation in annotations for inner in _inside(annotation, part)]
    return sorted({key for annotation in annotations for key in _keys(annotation)})


def _object(source: Source) -> Any:
    if not isinstance(source.data, dict):
        raise Unreadable([source.finding((), "not_a_mapping", "the file must be a mapping of keys to values")])
    return source.data


def _finding(error: ErrorDetails, source: Source, model: type[BaseModel]) -> Finding:
    location = error["loc"]
    path = _path(location, source.data)
    match error["type"]:
        case "extra_forbidden":
            key = str(location[-1])
            hint = nearest(key, valid_keys(model, location[:-1]))
            return source.finding((*path[:-1], key), "unknown_key", f"unknown key {key!r}{hint}", key=True)
        case "missing":
            return source.finding((*path, str(location[-1])), "missing_key", f"the key {location[-1]!r} is missing")
        case "value_error":
            said = str(error.get("ctx", {}).get("error", error["msg"]))
            return source.finding(path, "bad_value", said)
        case _:
            given = error["input"]
            shown = "" if isinstance(given, dict | list) else f" (it is {str(given)[:60]!r})"
            shown = " (there is nothing)" if given is None else shown
            where = f"{path[-1]}: " if path else ""
            sentence = _in_the_words_of_yaml(error["msg"][:1].lower() + error["msg"][1:])
            return source.finding(path, "bad_value", f"{where}{sentence}{shown}")


def _in_the_words_of_yaml(sentence: str) -> str:
    return sentence.replace("valid tuple", "list").replace("tuple", "list").replace("valid dictionary", "mapping")


def _path(location: Sequence[str | int], data: Any) -> Path:
    """The location without what pydantic adds for unions and validators: only steps that the data has."""
    path: list[str | int] = []
    for part in location:
        if isinstance(data, Mapping) and str(part) in data:
            path.append(str(part))
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            path.append(part)
            data = data[part]
    return tuple(path)


def _without_echoes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """One mistake inside a union is reported once per alternative; keep those that went deepest."""
    deep = [e for e in errors if e["type"] not in {"literal_error", "enum"}]
    kept = []
    for error in errors:
        stem = error["loc"][:-1]
        is_echo = error["type"] == "literal_error" and any(
            other["loc"][: len(stem)] == stem and other is not error for other in deep
        )
        # A list whose items are all bad is not short as well.
        is_echo = is_echo or (
            error["type"] == "too_short"
            and any(other["loc"][: len(error["loc"])] == error["loc"] and other is not error for other in errors)
        )
        if not is_echo:
            kept.append(error)
    return kept


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    """The annotations that `part` of a value of this annotation may have."""
    for plain in _alternatives(annotation):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            if part == plain.__name__ or part in _tags(plain):
                # Pydantic names the alternative of a union; it is no step into the data.
                yield plain
            for name, field in plain.model_fields.items():
                if part in {name, *_aliases(field.alias, field.validation_alias)}:
                    yield field.annotation
        elif get_origin(plain) in {dict, Mapping}:
            yield get_args(plain)[1]
        elif get_origin(plain) in {list, tuple, set, frozenset}:
            yield get_args(plain)[0]


def _tags(model: type[BaseModel]) -> Iterator[Any]:
    # The alternative of a discriminated union is named by the literal that tells it apart (`kind: smtp`).
    for field in model.model_fields.values():
        if get_origin(field.annotation) is Literal:
            yield from get_args(field.annotation)


def _keys(annotation: Any) -> Iterator[str]:
    for plain in _alternatives(annotation):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            for name, field in plain.model_fields.items():
                # A trailing underscore only keeps the name apart from a Python keyword.
                yield next(iter(_aliases(field.alias, field.validation_alias)), name)


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _alternatives(each)
    elif origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    else:
        yield annotation


def _aliases(alias: str | None, validation_alias: object) -> list[str]:
    if isinstance(validation_alias, AliasChoices):
        return [choice for choice in validation_alias.choices if isinstance(choice, str)]
    return [str(each) for each in (validation_alias, alias) if isinstance(each, str)]
