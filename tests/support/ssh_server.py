"""A real sshd on loopback, run by the user that it lets in, with keys of its own. For the tests of `tests/real/`."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.ports import a_free_port
from tests.support.real_servers import Children, listens, until

_SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/host_key.allowed
PidFile {folder}/sshd.pid
UsePAM no
StrictModes no
PasswordAuthentication no
{extra}
"""
_CLIENT = """
Host *
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {keys}/id
  IdentitiesOnly yes
  BatchMode yes
  LogLevel ERROR
  UserKnownHostsFile {keys}/known_hosts
  StrictHostKeyChecking yes
"""


class SshServer:
    """Started by `start`; `via(name)` is what hotwash.yaml says to get there."""

    def __init__(self, folder: Path, keys: Path, user: Sequence[str]) -> None:
        self._folder, self._keys, self._prefix = folder, keys, tuple(user)
        self.port = a_free_port()

    def start(self, children: Children, login: str, *extra: str) -> None:
        """Run it as the servers' user until the test ends; `extra` are lines of its configuration."""
        self._keygen(self._folder / "host_key", self._prefix)
        self._keygen(self._keys / "id", ())
        allowed = self._folder / "host_key.allowed"
        allowed.write_text((self._keys / "id.pub").read_text())
        allowed.chmod(0o644)
        server = self._folder / "sshd_config"
        server.write_text(_SERVER.format(port=self.port, folder=self._folder, extra="\n".join(extra)))
        server.chmod(0o644)
        public = (self._folder / "host_key.pub").read_text().split()
        (self._keys / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")
        (self._keys / "ssh_config").write_text(_CLIENT.format(port=self.port, user=login, keys=self._keys))
        children.finally_(self.kill)
        children.start([*self._prefix, "/usr/sbin/sshd", "-D", "-e", "-f", server], self._keys / "sshd.log")
        pid_file = self._folder / "sshd.pid"
        # It is written after the port was opened, and `kill` goes by it.
        until(lambda: listens(self.port) and pid_file.exists() and bool(pid_file.read_text()), "sshd")

    def kill(self) -> None:
        """As a host that loses its power. By its own word who it is: what was started may be `runuser`."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self._folder / "sshd.pid").read_text()), signal.SIGKILL)
        until(lambda: not listens(self.port), "the end of sshd")

    def via(self, name: str) -> tuple[str, ...]:
        """The words before each command."""
        return ("ssh", "-F", str(self._keys / "ssh_config"), name)

    def _keygen(self, file: Path, prefix: Sequence[str]) -> None:
        argv = [*prefix, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)]
        subprocess.run(argv, check=True, cwd="/", stdin=subprocess.DEVNULL)
