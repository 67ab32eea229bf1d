"""Brings a PostgreSQL server back after a fault, without any password: a program of its own, stdlib only.

`python postgres_return.py start|stream SPECIFICATION`; run by the watchdog of a lease, and by the undo. The one thing
to know: a primary that was killed is started as a primary only when every other server of its cluster was seen not to
be one; two primaries would be worse than none.
"""

import json
import subprocess
import sys
from typing import Any

Document = dict[str, Any]
_COMMAND_SECONDS = 10
# A primary that crashed replays its WAL first; the recipe's own limit is longer.
_START_SECONDS = 60
# `pg_ctl status`: https://www.postgresql.org/docs/current/app-pg-ctl.html
_RUNS, _STOPPED = 0, 3
_IN_PRODUCTION = "in production"
_SHOWN = 300


class NotBack(Exception):
    """Why it is not, as a sentence."""


def start(cluster: Document) -> str:
    """See the server run again: as the primary that it was, or as a standby when there is another primary."""
    name = cluster["node"]
    node = cluster["nodes"][name]
    if _status(cluster, name) == _RUNS:
        return f"{name} runs already"
    others = [other for other in cluster["nodes"] if other != name]
    primaries = [other for other in others if _is_primary(cluster, other)]
    if primaries:
        # Whatever happens next, it takes no writes.
        _demand(cluster, name, "touch", f"{node['data']}/standby.signal")
    usual = (_bin(cluster, "pg_ctl"), "-D", node["data"], "-w", "-t", str(_START_SECONDS), "start")
    log = ("-l", f"{node['data']}/hotwash-start.log")
    _demand(cluster, name, *(node["start"] or (*usual, *log)), seconds=_START_SECONDS + _COMMAND_SECONDS)
    return f"{name} runs again" + (f", as a standby, for {primaries[0]} is the primary by now" if primaries else "")


def stream(cluster: Document) -> str:
    """Let a standby find its primary again; when somebody has told it another one since, that stays."""
    name, mark = cluster["node"], cluster["mark"]
    settings = f"{cluster['nodes'][name]['data']}/postgresql.auto.conf"
    backup = f"{settings}.{mark}"
    found = _run(cluster, name, "grep", "-q", mark, settings)
    if found.returncode == 0:
        _demand(cluster, name, "mv", backup, settings)
        if _status(cluster, name) == _RUNS:
            _demand(cluster, name, _bin(cluster, "pg_ctl"), "-D", cluster["nodes"][name]["data"], "reload")
        return f"{name} knows its primary again"
    if found.returncode == 1:
        _demand(cluster, name, "rm", "-f", backup)
        return f"{name} was not cut off, or has been told another primary since"
    raise NotBack(f"{settings} of {name} cannot be read: {_said(found)}")


def _is_primary(cluster: Document, name: str) -> bool:
    """Whether a server runs as a primary, by its own control file: needs no password."""
    status = _status(cluster, name)
    if status not in (_RUNS, _STOPPED):
        raise NotBack(f"whether {name} has become the primary cannot be told, so nothing was started")
    if status == _STOPPED:
        return False
    control = _run(cluster, name, _bin(cluster, "pg_controldata"), "-D", cluster["nodes"][name]["data"])
    if control.returncode != 0:
        raise NotBack(f"whether {name} has become the primary cannot be told: {_said(control)}")
    return _IN_PRODUCTION in control.stdout


def _status(cluster: Document, name: str) -> int:
    data = cluster["nodes"][name]["data"]
    return _run(cluster, name, _bin(cluster, "pg_ctl"), "-D", data, "status").returncode


def _bin(cluster: Document, program: str) -> str:
    return f"{cluster['bin']}/{program}"


def _run(
    cluster: Document, name: str, *command: str, seconds: float = _COMMAND_SECONDS
) -> "subprocess.CompletedProcess[str]":
    argv = [*cluster["nodes"][name]["via"], *command]
    try:
        # Files and no pipes for what a server that is started might keep open; it has its own log.
        return subprocess.run(  # noqa: S603 - argv of hotwash.yaml, no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if command[-1] == "start" or "-l" in command else subprocess.PIPE,
            stderr=subprocess.DEVNULL if command[-1] == "start" or "-l" in command else subprocess.STDOUT,
            cwd="/",
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBack(f"{argv[0]} on {name}: {type(error).__name__}") from None


def _demand(cluster: Document, name: str, *command: str, seconds: float = _COMMAND_SECONDS) -> None:
    ended = _run(cluster, name, *command, seconds=seconds)
    if ended.returncode != 0:
        raise NotBack(f"{command[0].rsplit('/', 1)[-1]} on {name} failed: {_said(ended)}")


def _said(ended: "subprocess.CompletedProcess[str]") -> str:
    return " ".join((ended.stdout or "").split())[-_SHOWN:] or f"exit code {ended.returncode}"


if __name__ == "__main__":
    what = {"start": start, "stream": stream}[sys.argv[1]]
    try:
        print(what(json.loads(sys.argv[2])))  # noqa: T201 - the watchdog notes it
    except NotBack as reason:
        sys.exit(str(reason))
