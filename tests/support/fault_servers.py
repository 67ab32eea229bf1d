"""Two little servers as programs of their own, for faults that need a server which reads a file or has a clock."""

import subprocess
import sys
import time
from pathlib import Path

from tests.support.ports import a_free_port

# Serves TLS with the files it is told, and reads them again on SIGHUP, as nginx does.
_TLS = """
import pathlib, signal, socket, ssl, sys
certificate, key, port, ready = sys.argv[1:]
context = None
def load(*_):
    global context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
load()
signal.signal(signal.SIGHUP, load)
listening = socket.create_server(("127.0.0.1", int(port)))
pathlib.Path(ready).touch()
while True:
    connection, _ = listening.accept()
    connection.settimeout(2)
    try:
        context.wrap_socket(connection, server_side=True).close()
    except OSError:
        connection.close()
"""
# Answers every GET with a Date by its own clock.
_CLOCK = """
import http.server, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
pathlib.Path(sys.argv[2]).touch()
server.serve_forever()
"""


class LittleProgram:
    """A server of its own; `close` ends it."""

    def __init__(self, folder: Path, script: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        ready = folder / "ready"
        self.process = subprocess.Popen([sys.executable, "-c", script, *arguments, str(ready)], env=environment)
        end = time.monotonic() + 20
        while not ready.exists():
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class TlsServer(LittleProgram):
    """Shows a certificate of its own, which openssl makes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.certificate, self.key, self.port = folder / "cert.pem", folder / "key.pem", a_free_port()
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
        subprocess.run([*made, "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        super().__init__(folder, _TLS, str(self.certificate), str(self.key), str(self.port))


class FakeTimeServer(LittleProgram):
    """Runs under libfaketime, unshifted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.file, self.port = folder / "faketime", a_free_port()
        (library, *_) = map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        self.file.write_text("+0\n")
        environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        super().__init__(folder, _CLOCK, str(self.port), environment=environment)
