"""Ports for the servers of tests."""

import secrets
import socket

# Below those that the kernel gives to whoever connects to something: such a port may be taken again before its server
# is up. The engine ends when that happens.
_PORTS = range(20_000, 32_000)
_GIVEN: set[int] = set()


def a_free_port() -> int:
    """A port that nobody listens on now, and that nobody is given by chance; none twice in a process."""
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
