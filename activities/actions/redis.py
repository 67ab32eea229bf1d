"""`redis.promote`: make a replica the primary, when no more is lost than hotwash.yaml allows.

The undo makes it a replica of its old primary again, which throws away what was written to it since; so it refuses
while there is any such write, unless the step says `discard_writes`. The old primary is left as it is: fence it first.
"""

from typing import ClassVar

from typing_extensions import override

from activities.action import Call
from activities.actions.switches import RedisPlace, Switch, Switching, TextChange, named, secret_of
from domain.model import Model


class RedisPromoteParameters(Model):
    """Which replica, and what may be lost."""

    # A name of `actions.redis`.
    target: str
    # Promote even when the primary cannot be asked how far ahead it is.
    accept_unknown_loss: bool = False
    # Let an undo throw away what was written since.
    discard_writes: bool = False


class RedisPromote(Switching[RedisPromoteParameters]):
    """REPLICAOF NO ONE."""

    name = "redis.promote"
    summary = "Make a Redis replica the primary, unless more would be lost than its rpo_bytes."
    parameters_model = RedisPromoteParameters
    result_model = TextChange
    example: ClassVar = {"target": "sessions-b", "accept_unknown_loss": True}

    @override
    def switch(self, parameters: RedisPromoteParameters, call: Call) -> Switch:
        servers = self.settings.redis
        named(servers, parameters.target, "redis", "Redis server")
        place = RedisPlace(
            name=parameters.target,
            servers=servers,
            password=lambda server: secret_of(server.password, call),
            accept_unknown_loss=parameters.accept_unknown_loss,
            discard_writes=parameters.discard_writes,
        )
        return Switch(place, f"the role of {parameters.target}", self.journal("redis", parameters.target))

    @override
    def wanted(self, parameters: RedisPromoteParameters) -> str:
        return ""

    @override
    def shown(self, value: str) -> str:
        return f"a replica of {value}" if value else "the primary"
