"""A real primary `a` and its streaming standby `b`, from Debian's PostgreSQL, as somebody who runs them would set up.

With a third port there is a second standby `c`, which keeps its place by a replication slot. `Pair.write` is a client:
it goes where the address file points. Used by the tests of `tests/real/`.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.action_targets import PostgresCluster, PostgresNode
from tests.support.real_servers import until

CONFIGURATION = """
port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
wal_level = replica
hot_standby = on
wal_log_hints = on
wal_keep_size = 128MB
fsync = off
max_wal_senders = 5
"""
PASSWORD = "hunter2-of-the-replicator"
# The faults that can be in one pair at once, and each still be told from the others.
TOGETHER = (
    ("postgres.kill_primary",),
    ("postgres.cut_replication", "postgres.lock"),
    ("postgres.exhaust_connections", "postgres.slow_query"),
)


def newest_bin() -> Path | None:
    """Where Debian keeps the programs of its newest PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


class Pair:
    """The servers and the file that says who is the primary."""

    def __init__(self, folder: Path, user: Sequence[str], ports: tuple[int, ...], binaries: Path) -> None:
        self.folder = folder
        self.ports = dict(zip("abc", ports, strict=False))
        self.standbys = tuple(self.ports)[1:]
        self.address_file = folder / "primary"
        self._user = tuple(user)
        self.binaries = binaries

    def make(self) -> None:
        """Set all up and stop them in good order: a template that `copy_of` is quick to copy."""
        self._make_primary()
        for name in self.standbys:
            self._make_standby(name)
        for name in self.ports:
            self._pg_ctl(name, "stop", "-m", "fast")

    def copy_of(self, template: "Pair") -> None:
        """The servers of the template, on ports of our own, running."""
        for name in self.ports:
            self._run("cp", "-a", str(template.data(name)), str(self.data(name)))
            self._configure(name)
        self.start("a")
        for name in self.standbys:
            conninfo = self.data(name) / "postgresql.auto.conf"
            conninfo.write_text(conninfo.read_text().replace(f"port={template.ports['a']}", f"port={self.ports['a']}"))
            self.start(name)
        until(lambda: all(self.streams(name) for name in self.standbys), "streaming")
        self.address_file.write_text(f"127.0.0.1:{self.ports['a']}\n")

    def cluster(self, via: Mapping[str, Sequence[str]] | None = None, **more: object) -> PostgresCluster:
        """What hotwash.yaml says of it; `via`: how each node's commands get there, if not as the servers' user."""
        ways = dict.fromkeys(self.ports, self._user) | {name: tuple(way) for name, way in (via or {}).items()}
        nodes = {
            name: PostgresNode(host="127.0.0.1", port=port, data_directory=str(self.data(name)), via=ways[name])
            for name, port in self.ports.items()
        }
        given = {"bin_directory": str(self.binaries), "address_file": str(self.address_file), "password": "env:PG"}
        return PostgresCluster.model_validate({"nodes": nodes, "tls": "disable", **given, **more})

    def data(self, name: str) -> Path:
        """The data folder of a server."""
        return self.folder / name

    def sql(self, name: str, statement: str, user: str = "postgres") -> str:
        """Ask one server, as its administrator or as somebody else; empty when it does not answer."""
        argv = [str(self.binaries / "psql"), "-qAtX", "-h", "127.0.0.1", "-p", str(self.ports[name]), "-U", user]
        return self._run(*argv, "-c", statement, "postgres", check=False)

    def write(self, value: int) -> bool:
        """What a client does: write to whom the address file names, and hear that it is committed."""
        port = int(self.address_file.read_text().strip().rpartition(":")[2])
        name = next(name for name, one in self.ports.items() if one == port)
        return self.sql(name, f"insert into orders values ({value}) returning id") == str(value)

    def orders(self, name: str) -> list[int]:
        """What a server knows."""
        return [int(line) for line in self.sql(name, "select id from orders order by id").split()]

    def role(self, name: str) -> str:
        """`primary`, `standby` or `down`, by its own word."""
        return {"f": "primary", "t": "standby"}.get(self.sql(name, "select pg_is_in_recovery()"), "down")

    def streams(self, name: str) -> bool:
        """Whether a standby is connected to its primary."""
        return self.sql(name, "select status from pg_stat_wal_receiver") == "streaming"

    def shows(self, fault: str) -> bool:
        """Whether the servers show a fault, asked as their administrator would, and not by Hotwash."""
        # Whoever holds all connections asks now and then as well, and calculates nothing.
        ours = "application_name like 'hotwash\\_%' and query like '%generate_series%'"
        return {
            "postgres.kill_primary": lambda: self.role("a") == "down",
            "postgres.cut_replication": lambda: not self.streams("b"),
            "postgres.exhaust_connections": lambda: not self.admits(),
            "postgres.slow_query": lambda: (
                self.sql("a", f"select count(*) from pg_stat_activity where state = 'active' and {ours}") == "2"
            ),
            "postgres.lock": lambda: self.sql("a", "set lock_timeout = '100ms'; select count(*) from orders") == "",
        }[fault]()

    def admits(self) -> bool:
        """Whether an ordinary user gets a connection."""
        return self.sql("a", "select 1", user="clerk") == "1"

    def cut(self, name: str) -> None:
        """The primary lets its standby in no more, as a network that breaks does."""
        (self.data(name) / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self.sql(name, "select pg_reload_conf()")
        self.sql(name, "select pg_terminate_backend(pid) from pg_stat_replication")
        others = [other for other in self.ports if other != name]
        until(lambda: not any(self.streams(other) for other in others), "the cut of replication")

    def crash(self, name: str) -> None:
        """As a kernel without memory or a pulled plug would."""
        pid = int((self.data(name) / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 3)
        until(lambda: self.role(name) == "down", "the crash")

    def start(self, name: str) -> None:
        """As a supervisor would that knows nothing of failovers."""
        self._pg_ctl(name, "start", "-l", str(self.folder / f"{name}.log"))

    def close(self) -> None:
        """Stop them, whatever they are."""
        for name in self.ports:
            self._pg_ctl(name, "stop", "-m", "immediate", check=False)

    def _make_primary(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = str(self.data("a"))
        self._run(str(self.binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "scram-sha-256", "-N",
                  "--pwfile", str(secret))  # fmt: skip
        self._configure("a")
        self.start("a")
        self.sql("a", "create table orders (id int primary key)")
        # Somebody ordinary, who may not have the connections that are kept for administrators.
        self.sql("a", f"create role clerk login password '{PASSWORD}'")

    def _make_standby(self, name: str) -> None:
        source = f"postgresql://postgres@127.0.0.1:{self.ports['a']}/postgres"
        slot = ("-C", "-S", "place_of_c") if name == "c" else ()
        self._run(str(self.binaries / "pg_basebackup"), "-D", str(self.data(name)), "-d", source, "-R", "-X", "stream",
                  "-c", "fast", *slot)  # fmt: skip
        self._configure(name)
        self.start(name)
        until(lambda: self.streams(name), "streaming")

    def _configure(self, name: str) -> None:
        text = CONFIGURATION.format(port=self.ports[name], folder=self.folder)
        file = self.data(name) / "postgresql.conf"
        base = file.read_text().split("# --- ours")[0]
        file.write_text(f"{base}# --- ours\n{text}")

    def _pg_ctl(self, name: str, *words: str, check: bool = True) -> None:
        self._run(str(self.binaries / "pg_ctl"), "-D", str(self.data(name)), "-w", *words, check=check)

    def _run(self, *argv: str, check: bool = True) -> str:
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "PGPASSWORD": PASSWORD, "LANG": "C.UTF-8"}
        # A file and not a pipe: the server that pg_ctl leaves behind would hold a pipe open.
        with (self.folder / "commands.log").open("a+") as log:
            ended = subprocess.run(
                [*self._user, *argv], env=environment, cwd="/", check=False, text=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if "psql" in argv[0] else log, stderr=log,
            )  # fmt: skip
        assert not check or ended.returncode == 0, (self.folder / "commands.log").read_text()[-2000:]
        return (ended.stdout or "").strip()
