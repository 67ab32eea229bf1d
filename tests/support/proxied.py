"""A real fault proxy, in a process of its own, before an echo server: for the tests of its faults."""

import contextlib
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domain.action_targets import FaultProxy
from tests.support.ports import a_free_port
from tests.support.real_servers import until

# Longer than anything takes here: a test that waits for it has failed.
PATIENCE_SECONDS = 20.0


class Echo(socketserver.StreamRequestHandler):
    """Sends back what comes in, a byte's worth at a time, and says `bye` once the client has said that it is done."""

    def handle(self) -> None:
        """Until the client's half is closed."""
        with contextlib.suppress(OSError):
            while chunk := self.connection.recv(64 * 1024):
                self.connection.sendall(chunk)
            self.connection.sendall(b"bye")


class EchoServer(socketserver.ThreadingTCPServer):
    """Takes a thousand at once."""

    daemon_threads = True
    request_queue_size = 4096
    allow_reuse_address = True


@dataclass
class Proxied:
    """The proxy, what hotwash.yaml says of it, and how to be its client."""

    proxy: FaultProxy
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        """Where clients go."""
        host, _, port = self.proxy.listen.rpartition(":")
        return host, int(port)

    def client(self) -> socket.socket:
        """Connected through the proxy."""
        return socket.create_connection(self.address, PATIENCE_SECONDS)

    def says(self, text: bytes) -> bytes:
        """What one exchange brings back."""
        with self.client() as client:
            client.sendall(text)
            return exactly(client, len(text))

    def kill(self) -> None:
        """As kill -9 would."""
        self.process.kill()
        self.process.wait()


def exactly(client: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer when the other side has ended."""
    got = b""
    while len(got) < size and (piece := client.recv(size - len(got))):
        got += piece
    return got


@contextlib.contextmanager
def an_echo() -> Iterator[int]:
    """An echo server's port."""
    server = EchoServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def a_proxy(folder: Path, upstream_port: int, protocol: Literal["tcp", "http"] = "tcp") -> Iterator[Proxied]:
    """A proxy before a local port, as `hotwash fault-proxy` starts it."""
    proxy = FaultProxy(
        listen=f"127.0.0.1:{a_free_port()}",
        upstream=f"127.0.0.1:{upstream_port}",
        control=str(folder / "p.sock"),
        protocol=protocol,
    )
    proxied = Proxied(proxy, start_proxy(proxy, folder), folder / "proxy.log")
    try:
        yield proxied
    finally:
        proxied.kill()


def start_proxy(proxy: FaultProxy, folder: Path) -> subprocess.Popen[bytes]:
    """Start it and see it listen."""
    argv = [sys.executable, "-m", "activities.clients.fault_proxy", proxy.listen, proxy.upstream, proxy.control]
    with (folder / "proxy.log").open("ab") as log:
        process = subprocess.Popen([*argv, proxy.protocol], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    host, _, port = proxy.listen.rpartition(":")
    until(lambda: process.poll() is not None or _listens(host, int(port)), "the start of the proxy")
    assert process.poll() is None, (folder / "proxy.log").read_text()
    return process


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False
