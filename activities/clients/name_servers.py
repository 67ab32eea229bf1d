"""Asks name servers from inside a cgroup; implements `NameServers`.

The question is asked by a short program of its own that moves itself into the cgroup first: no thread of the worker
could do so without taking the worker along.
"""

import sys
from typing import Literal

from activities.actions.ports import Program, ProgramRunner
from domain.errors import Transient
from domain.fault_targets import Resolver

# A name server on the same network answers within milliseconds; a process's own patience is 5 s by default.
_PATIENCE_SECONDS = 1.0
_PROGRAM_SECONDS = 10.0
_ASK = """
import os, socket, sys
cgroup, address, port, name, seconds = sys.argv[1:]
if cgroup:
    with open(cgroup + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
labels = b"".join(bytes([len(one)]) + one.encode() for one in name.rstrip(".").split("."))
question = b"\\x48\\x57\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00" + labels + b"\\x00\\x00\\x01\\x00\\x01"
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as asking:
    asking.settimeout(float(seconds))
    try:
        asking.connect((address, int(port)))
        asking.send(question)
        print("answered" if asking.recv(512)[:2] == question[:2] else "silent")
    except OSError:
        print("silent")
"""


class UdpNameServers:
    """Implements `NameServers`."""

    def __init__(self, programs: ProgramRunner) -> None:
        self._programs = programs

    async def ask(self, resolver: Resolver, cgroup: str | None) -> Literal["answered", "silent"]:
        """Ask, as `NameServers` promises."""
        where = (resolver.address, str(resolver.port), resolver.name, str(_PATIENCE_SECONDS))
        argv = (sys.executable, "-I", "-S", "-c", _ASK, cgroup or "", *where)
        ended = await self._programs.run(Program(argv, None, _PROGRAM_SECONDS))
        word = ended.stdout.strip()
        if word == "answered":
            return "answered"
        if word == "silent":
            return "silent"
        raise Transient(f"the name server could not be asked: {ended.stderr.strip()[-300:]}")
