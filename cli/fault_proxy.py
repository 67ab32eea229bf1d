"""`hotwash fault-proxy NAME`: run one proxy of `actions.fault_proxies`, for a supervisor to keep running.

It becomes the proxy's own program, which is small and needs neither engine nor store; the traffic of the service goes
through it at all times, and a game day tells it what to disturb.
"""

import difflib
import os
import sys
from typing import Annotated

import typer

from cli.launchers import ConfigurationOption, HomeOption, launch
from domain.errors import Rejected, RejectionKind
from runtime.configuration import ConfigurationFile
from runtime.home import Home
from runtime.settings import Settings


def fault_proxy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name under actions.fault_proxies.")],
    home: HomeOption = None,
    configuration: ConfigurationOption = None,
) -> None:
    """Stand before a service or a database, so that a game day can disturb its traffic.

    The service reaches the database through the proxy's `listen` at all times; with no game day running, everything
    goes through. It runs until SIGTERM; a fault ends with it.
    """

    def run(settings: Settings) -> None:
        file = ConfigurationFile(settings.configuration or Home(settings.home).configuration)
        proxies = file.current().actions.fault_proxies
        if name not in proxies:
            near = difflib.get_close_matches(name, proxies, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; define it under actions.fault_proxies in hotwash.yaml"
            raise Rejected(f"no fault proxy is called {name!r}{hint}", RejectionKind.NOT_FOUND)
        proxy = proxies[name]
        program = (sys.executable, "-m", "activities.clients.fault_proxy")
        # One process, so that a supervisor's signals reach the proxy itself.
        os.execv(program[0], (*program, proxy.listen, proxy.upstream, proxy.control, proxy.protocol))  # noqa: S606 - argv, no shell

    launch(run, home=home, configuration=configuration)
