"""An interface that is nobody else's: two ends of a wire, and an address behind it that never answers."""

import itertools
import json
import os
import subprocess
from ipaddress import ip_network
from typing import Any

_COUNT = itertools.count()
# For measurements between machines, never routed: https://www.rfc-editor.org/rfc/rfc2544
_NETWORKS = ip_network("198.18.0.0/15")
_PORT = 5432


class LittleWire:
    """Needs root."""

    port = _PORT

    def __init__(self) -> None:
        number = next(_COUNT)
        self.interface = f"hw{os.getpid():x}n{number}a"
        other = f"{self.interface[:-1]}b"
        first = _NETWORKS.network_address + (os.getpid() * 64 + number) % 2**15 * 4
        here, self.address = str(first + 1), str(first + 2)
        self._ip("link", "add", self.interface, "type", "veth", "peer", "name", other)
        self._ip("link", "set", other, "up")
        self._ip("address", "add", f"{here}/30", "dev", self.interface)
        self._ip("link", "set", self.interface, "up")
        # Nobody is there to say who it is.
        self._ip("neighbour", "add", self.address, "lladdr", "02:00:00:00:00:09", "dev", self.interface)

    def disciplines(self) -> list[dict[str, Any]]:
        """What stands at it beside the kernel's own, by the real tc."""
        argv = ["tc", "-json", "-statistics", "qdisc", "show", "dev", self.interface]
        shown = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
        return [one for one in shown if one["handle"] != "0:"]

    def roots(self) -> list[str]:
        """The handles of those that stand at its root."""
        return [one["handle"] for one in self.disciplines() if one.get("root")]

    def limit(self, handle: str) -> None:
        """Somebody else's discipline at its root."""
        argv = ["tc", "qdisc", "add", "dev", self.interface, "root", "handle", handle, "tbf"]
        subprocess.run([*argv, "rate", "1mbit", "burst", "70kb", "latency", "50ms"], check=True)

    def speak_ipv6(self, here: str, there: str) -> None:
        """Addresses of that kind too."""
        self._ip("address", "add", here, "dev", self.interface, "nodad")
        self._ip("neighbour", "add", there, "lladdr", "02:00:00:00:00:09", "dev", self.interface)

    def clear(self) -> None:
        """Take everything away, by hand."""
        if self.roots():
            subprocess.run(["tc", "qdisc", "del", "dev", self.interface, "root"], check=True)

    def close(self) -> None:
        """Both ends go at once, with all that stands at them; also when it was closed before."""
        subprocess.run(["ip", "link", "del", self.interface], capture_output=True, check=False)

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)
