"""`flag.set`: switch a feature flag, in the file that a flagd watches or through a provider's admin endpoint.

The endpoint's contract is small enough for any provider or a few lines in front of one: `GET URL` answers
`{"value": …}` with an ETag; `PUT URL` takes the same, with `Idempotency-Key` and `If-Match`, and answers 412 when
somebody was faster.
"""

from typing import Any, ClassVar

from pydantic import JsonValue
from typing_extensions import override

from activities.action import Call
from activities.actions.switches import FlagPlace, JsonChange, Switch, Switching, named, seconds, secret_of
from domain.action_targets import PlainWord
from domain.errors import Rejected, RejectionKind
from domain.model import Model

# flagd sees a changed file within a second, and a provider's own cache seldom lives longer than this.
_TOLD_WITHIN_SECONDS = 15.0


class FlagSetParameters(Model):
    """Which flag and what it is to say."""

    # A name of `actions.flags`.
    provider: str
    flag: PlainWord
    value: JsonValue


class FlagSet(Switching[FlagSetParameters]):
    """A flag, set and read back."""

    name = "flag.set"
    summary = "Set a feature flag and see that clients are told so, where the provider speaks OFREP; else read it back."
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
        told_by = call.began + seconds(call, _TOLD_WITHIN_SECONDS)
        place = FlagPlace(provider, parameters.flag, secret_of(provider.token, call), call.key, told_by)
        # One mover at a time for a whole file; an endpoint keeps its flags apart by itself.
        name = parameters.provider if provider.file else f"{parameters.provider}-{parameters.flag}"
        return Switch(place, f"the flag {parameters.flag}", self.journal("flag", name))

    @override
    def wanted(self, parameters: FlagSetParameters) -> Any:
        return parameters.value
