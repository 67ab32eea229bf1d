"""`check.flag`: what the clients of a feature flag provider are told now, compared with what they should be told.

The one thing to know: it asks by OFREP, as an application does, so rules and caches of the provider are in the answer.
"""

from typing import Any, ClassVar

from pydantic import JsonValue
from typing_extensions import override

from activities.action import Call
from activities.actions.checking import Checking, Seen
from activities.actions.ofrep import NO_VALUE, evaluate
from activities.actions.ports import HttpCaller
from activities.actions.switches import named, same_json, secret_of
from activities.ports import ConfigurationSource
from domain.action_targets import PlainWord
from domain.errors import Transient
from domain.model import Model


class CheckFlagParameters(Model):
    """Which flag and what clients should be told."""

    # A name of `actions.flags` that has an `ofrep`.
    provider: str
    flag: PlainWord
    value: JsonValue


class CheckFlagResult(Seen):
    """What clients are told; None: their own default, or nobody answered."""

    value: Any = None


class CheckFlag(Checking[CheckFlagParameters, CheckFlagResult]):
    """One evaluation, in the context that hotwash.yaml gives."""

    name = "check.flag"
    summary = "Ask a feature flag provider by OFREP what its clients are told, and fail unless it is the wanted value."
    parameters_model = CheckFlagParameters
    result_model = CheckFlagResult
    example: ClassVar = {"provider": "shop", "flag": "new-checkout", "value": False}

    def __init__(self, configuration: ConfigurationSource, http: HttpCaller) -> None:
        self._configuration = configuration
        self._http = http

    @override
    async def look(self, parameters: CheckFlagParameters, call: Call) -> CheckFlagResult:
        flags = self._configuration.current().actions.flags
        provider = named(flags, parameters.provider, "flags", "flag provider")
        try:
            seen = await evaluate(self._http, provider, parameters.flag, secret_of(provider.token, call))
        except Transient as error:
            return CheckFlagResult(holds=False, reason=error.sentence)
        if seen.value is NO_VALUE:
            return CheckFlagResult(holds=False, reason=f"clients are told {seen.told()}, wanted {parameters.value!r}")
        holds = same_json(seen.value, parameters.value)
        wanted = "" if holds else f", wanted {parameters.value!r}"
        return CheckFlagResult(holds=holds, reason=f"clients are told {seen.told()}{wanted}", value=seen.value)
