"""Ports for the servers of tests."""

import os
import re
import secrets
import socket

# pytest-xdist's workers have ports of their own: two that draw the same one both find it free.
_WORKERS = 4
_WORKER = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % _WORKERS
# Below those that the kernel gives to whoever connects to something: such a port may be taken again before its server
# is up. The engine ends when that happens.
_PORTS = range(20_000 + _WORKER, 32_000, _WORKERS)
_GIVEN: set[int] = set()


def a_free_port() -> int:
    """A port that nobody listens on now, and that nobody is given by chance; none twice, here or in a neighbour."""
    while True:
        port = secrets.choice(_PORTS)
        if port in _GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _GIVEN.add(port)
        return port
