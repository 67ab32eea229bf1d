"""What a runbook is told when it starts, checked against what it declares. Pure: the run itself calls this."""

import re
from collections.abc import Mapping
from typing import Any

from domain.errors import Rejected
from runbooks.findings import nearest
from runbooks.game_day_schema import GameDay
from runbooks.schema import Parameter, ParameterType, Runbook

_REFERENCE = re.compile(r"(env|file|aws-sm):.+")
_TYPES: dict[ParameterType, tuple[type, ...]] = {
    ParameterType.STRING: (str,),
    ParameterType.INTEGER: (int,),
    ParameterType.NUMBER: (int, float),
    ParameterType.BOOLEAN: (bool,),
    ParameterType.LIST: (list,),
    ParameterType.SECRET: (str,),
}


def is_reference(text: str) -> bool:
    """Whether a text names where a secret is kept, and is none itself."""
    return _REFERENCE.fullmatch(text) is not None


def bind_parameters(runbook: Runbook | GameDay, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared parameter with its value; Rejected, naming all mistakes and no value of a secret, otherwise."""
    mistakes = [
        f"there is no parameter {name!r}{nearest(name, list(runbook.parameters))}"
        for name in given
        if name not in runbook.parameters
    ]
    bound: dict[str, Any] = {}
    for name, parameter in runbook.parameters.items():
        if name in given:
            bound[name] = given[name]
            mistake = mistake_in(parameter, given[name])
            mistakes += [f"parameter {name!r}: {mistake}"] if mistake else []
        elif parameter.default is not None or not parameter.required:
            bound[name] = parameter.default
        else:
            about = f" ({parameter.description})" if parameter.description else ""
            mistakes.append(f"parameter {name!r} is missing{about}")
    if mistakes:
        raise Rejected(f"{runbook.name!r}: " + "; ".join(mistakes))
    return bound


def mistake_in(parameter: Parameter, value: Any) -> str | None:
    """What is wrong with a value, as a phrase; None when it fits. Never shows the value of a secret."""
    is_boolean_as_number = isinstance(value, bool) and parameter.type is not ParameterType.BOOLEAN
    if not isinstance(value, _TYPES[parameter.type]) or is_boolean_as_number:
        return f"must be of type {parameter.type.value}, not {type(value).__name__}"
    if parameter.type is ParameterType.SECRET and not is_reference(str(value)):
        return "a secret is given as a reference such as env:NAME or file:PATH, never as its value"
    if parameter.choices and value not in parameter.choices:
        return f"must be one of {', '.join(map(str, parameter.choices))}"
    return None
