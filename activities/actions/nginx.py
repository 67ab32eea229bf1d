"""`nginx.upstream`: send an upstream's traffic to another of its pools of servers.

The upstream stands in a file of its own, which Hotwash writes whole. The one thing to know: nginx tests the new
configuration before it is told to load it; when the test fails the old file is back and nothing has changed.
"""

import re
from typing import ClassVar

from typing_extensions import override

from activities.action import Call
from activities.actions.switches import FileChange, NginxPlace, Switch, Switching, named
from domain.action_targets import NginxUpstream
from domain.errors import Rejected, RejectionKind
from domain.model import Model

_MARK = re.compile(r"# Pool ([^ ]+), written by Hotwash\.")


class NginxUpstreamParameters(Model):
    """Which upstream and which of its pools."""

    # A name of `actions.nginx`.
    target: str
    # A name of its `pools`.
    pool: str


class NginxUpstreamSwitch(Switching[NginxUpstreamParameters]):
    """All of an upstream's traffic to one pool."""

    name = "nginx.upstream"
    summary = "Send an nginx upstream's traffic to another pool; its configuration is tested first."
    parameters_model = NginxUpstreamParameters
    result_model = FileChange
    example: ClassVar = {"target": "shop", "pool": "green"}

    @override
    def switch(self, parameters: NginxUpstreamParameters, call: Call) -> Switch:
        upstream = self._upstream(parameters)
        place = NginxPlace(upstream, seconds=call.timeout_seconds)
        return Switch(place, f"the upstream {upstream.upstream}", self.journal("nginx", parameters.target))

    @override
    def wanted(self, parameters: NginxUpstreamParameters) -> str:
        upstream = self._upstream(parameters)
        if parameters.pool not in upstream.pools:
            known = ", ".join(sorted(upstream.pools))
            raise Rejected(
                f"{parameters.target} has no pool {parameters.pool!r}; it has {known}", RejectionKind.NOT_FOUND
            )
        return text_of(upstream, parameters.pool)

    @override
    def shown(self, value: str | None) -> str:
        if value is None:
            return "absent"
        marked = _MARK.match(value)
        return f"at {marked[1]}" if marked else "as somebody wrote it by hand"

    def _upstream(self, parameters: NginxUpstreamParameters) -> NginxUpstream:
        return named(self.settings.nginx, parameters.target, "nginx", "nginx upstream")


def text_of(upstream: NginxUpstream, pool: str) -> str:
    """The file that sends the upstream's traffic to a pool."""
    servers = "".join(f"    server {server};\n" for server in upstream.pools[pool])
    return f"# Pool {pool}, written by Hotwash.\nupstream {upstream.upstream} {{\n{servers}}}\n"
