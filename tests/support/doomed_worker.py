"""A worker that injects one fault of a network or a service, says so, and lives until it is killed.

`doomed(...)` starts it as a process of its own, kills it with -9 once the fault is in place, and leaves the rest to the
target side. Used by the tests of `tests/real/`.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from activities.action import Call, read
from activities.actions.service_faults import service_faults
from activities.clients.http import HttpClient
from activities.clients.leases import FileLeases
from activities.clients.programs import Programs
from activities.clients.service_faults import service_fault_ports
from domain.configuration import ActionSettings, Configuration

ROOT = Path(__file__).parents[2]


class Fixed:
    """Settings that do not change."""

    def __init__(self, actions: ActionSettings) -> None:
        self._configuration = Configuration(actions=actions)

    def current(self) -> Configuration:
        """As ConfigurationSource promises."""
        return self._configuration


def doomed(
    actions: ActionSettings, name: str, parameters: Mapping[str, Any], key: str, secrets: Mapping[str, str]
) -> None:
    """Inject a fault and die; returns when the worker is gone."""
    wish = {"actions": actions.model_dump(mode="json"), "name": name, "parameters": parameters, "key": key}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.doomed_worker"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps(wish | {"secrets": dict(secrets)}) + "\n")
    process.stdin.flush()
    said = process.stdout.readline()
    alive = process.poll() is None
    process.kill()
    rest = process.stderr.read()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()
    assert (said, alive) == ("injected\n", True), rest[-2000:]


async def _main() -> None:
    wish = json.loads(await asyncio.to_thread(sys.stdin.readline))
    configuration = Fixed(ActionSettings.model_validate(wish["actions"]))
    leases, http = FileLeases(configuration), HttpClient()
    faults = service_faults(configuration, leases, service_fault_ports(leases, Programs(), http))
    fault = next(one for one in faults if one.name == wish["name"])
    call = Call(wish["key"], None, None, drill=True, timeout_seconds=None, secret=wish["secrets"].__getitem__)
    await fault.perform(read(fault.parameters_model, wish["parameters"], fault.name), call)
    os.write(1, b"injected\n")
    time.sleep(600)  # noqa: ASYNC251 - it does nothing any more but wait for its end


if __name__ == "__main__":
    asyncio.run(_main())
