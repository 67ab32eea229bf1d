"""`flag.set`: switch a feature flag through its provider's admin endpoint.

The contract is small enough for any provider or a few lines in front of one: `GET URL` answers `{"value": …}` with an
ETag; `PUT URL` takes the same, with `Idempotency-Key` and `If-Match`, and answers 412 when somebody was faster.
"""

from typing import Any, ClassVar

from pydantic import JsonValue
from typing_extensions import override

from activities.action import Call
from activities.actions.switches import FlagPlace, JsonChange, Switch, Switching, named, secret_of
from domain.action_targets import PlainWord
from domain.errors import Rejected, RejectionKind
from domain.model import Model


class FlagSetParameters(Model):
    """Which flag and what it is to say."""

    # A name of `actions.flags`.
    provider: str
    flag: PlainWord
    value: JsonValue


class FlagSet(Switching[FlagSetParameters]):
    """A flag, set and read back."""

    name = "flag.set"
    summary = "Set a feature flag and read it back."
    parameters_model = FlagSetParameters
    result_model = JsonChange
    example: ClassVar = {"provider": "shop", "flag": "new-checkout", "value": False}

    @override
    def switch(self, parameters: FlagSetParameters, call: Call) -> Switch:
        provider = named(self.settings.flags, parameters.provider, "flags", "flag provider")
        if parameters.flag not in provider.flags:
            raise Rejected(
                f"the flag {parameters.flag!r} may not be set; allow it under "
                f"actions.flags.{parameters.provider}.flags in hotwash.yaml",
                RejectionKind.FORBIDDEN,
            )
        place = FlagPlace(provider, parameters.flag, secret_of(provider.token, call), call.key)
        name = f"{parameters.provider}-{parameters.flag}"
        return Switch(place, f"the flag {parameters.flag}", self.journal("flag", name))

    @override
    def wanted(self, parameters: FlagSetParameters) -> Any:
        return parameters.value
