"""Carries out the recipe of a lease, whoever asks for it; stdlib only.

Called by `lease_watchdog.py`. The one thing to know: every step is tried whatever became of the others, and each looks
whether it shows before it claims to be done.
"""

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from activities.clients.kernel import boot_id, boot_seconds, read_identity, session_of, signal_process, stat_of
from activities.clients.lease_files import Document, locked, read_lease, write_lease

# Between SIGTERM and SIGKILL for a process that is the fault.
_FAREWELL_SECONDS = 1.0
# After SIGKILL only a process that hangs in the kernel stays. Also how long a written value may take to show.
_GONE_SECONDS = 3.0
_ASK_SECONDS = 5.0
_SHOWN = 300
_SAFE_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class NotReverted(Exception):
    """A step of a recipe that could not be carried out, or did not show."""


def revert(lease: Path, by: str, memory: Document | None = None, *, again: bool = False) -> Document:
    """Carry the recipe out, once for all who ask (`again`: in any case), and write down what came of it."""
    with locked(lease):
        document = _current(lease, memory)
        if document["state"] == "reverted" and not again:
            return document
        begun = {**document, "state": "reverting", "by": document["by"] or by}
        try_to_write(lease, begun)
        notes, clean = [], True
        for step in document["recipe"]:
            try:
                notes.append(_REVERSALS[step["do"]](step, document))
            except (NotReverted, OSError, subprocess.SubprocessError, ValueError) as error:
                clean = False
                notes.append(f"{step['do']} failed: {reason_of(error)}")
        ended = {
            **begun,
            "state": "reverted" if clean else "failed",
            "at": begun["at"] or datetime.now(UTC).isoformat(),
            "notes": notes,
        }
        try_to_write(lease, ended)
        return ended


def _current(lease: Path, memory: Document | None) -> Document:
    try:
        return read_lease(lease)
    except (OSError, ValueError):
        if memory is None:
            raise
        return memory


def try_to_write(lease: Path, document: Document) -> None:
    """Write it if that can be done: a full disk must not keep a fault in place.

    A lease that still says `held` is reverted once more, later.
    """
    with contextlib.suppress(OSError):
        write_lease(lease, document)


def reason_of(error: Exception) -> str:
    """What went wrong, as part of a sentence."""
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return text[:_SHOWN]


def _signal(step: Document, document: Document) -> str:
    if document["boot"] != boot_id() or not signal_process(step["pid"], step["started"], step["signal"]):
        return f"process {step['pid']} is gone"
    if step["signal"] == "CONT":
        _until(lambda: not _is_stopped(step), f"process {step['pid']} is still stopped")
    return f"process {step['pid']} got SIG{step['signal']}"


def _is_stopped(step: Document) -> bool:
    found = stat_of(step["pid"])
    return found is not None and found[1] == step["started"] and found[0] in "Tt"


def _end(step: Document, document: Document) -> str:
    del document
    identity = read_identity(Path(step["identity_file"]))
    if identity is None:
        return "nothing was started"
    pid = identity[0]
    for name, seconds in (("TERM", step.get("seconds", _FAREWELL_SECONDS)), ("KILL", _GONE_SECONDS)):
        only_leader = name == "TERM" and step.get("leader_first", False)
        for member in session_of(*identity):
            if not only_leader or member[0] == pid:
                signal_process(*member, name)
        with contextlib.suppress(NotReverted):
            # Looked up anew each time: it may fork while it is being ended.
            _until(lambda: not session_of(*identity), "", seconds)
            return f"process {pid} has ended"
    raise NotReverted(f"process {pid} does not end")


def _run(step: Document, document: Document) -> str:
    if step["unless_running"] and _runs(Path(step["unless_running"])):
        return f"{step['argv'][0]} was not needed: the process runs"
    environment = {**_SAFE_ENVIRONMENT, **step["environment"], "HOTWASH_KEY": document["key"]}
    ended = subprocess.run(  # noqa: S603 - argv of a recipe that an action wrote, no shell
        step["argv"],
        env=environment,
        cwd=step["directory"],
        timeout=step["seconds"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        check=False,
    )
    words = ended.stdout.decode(errors="replace").strip()
    if ended.returncode != 0 and not any(said in words for said in step["fine_if_says"]):
        raise NotReverted(f"{step['argv'][0]} ended with {ended.returncode}: {words}")
    return f"{step['argv'][0]} ended with {ended.returncode}"


def _runs(pid_file: Path) -> bool:
    """Whether the process that wrote a pid file lives; a younger one has only got its number."""
    try:
        found = stat_of(int(pid_file.read_text()))
        written = pid_file.stat().st_mtime
    except (OSError, ValueError):
        return False
    if found is None:
        return False
    began = time.time() - boot_seconds() + found[1] / os.sysconf("SC_CLK_TCK")
    return began <= written + 2


def _write(step: Document, document: Document) -> str:
    del document
    path = Path(step["path"])
    if not path.parent.exists() or (not step["create"] and not path.exists()):
        return f"{path} is gone"
    path.write_text(step["text"])
    if step["shows"] is not None:
        _until(lambda: path.read_text().strip() == step["shows"], f"{path} does not show {step['shows']}")
    return f"{path} is as it was"


def _remove(step: Document, document: Document) -> str:
    del document
    path = Path(step["path"])
    path.unlink(missing_ok=True)
    return f"{path} is gone"


def _restore(step: Document, document: Document) -> str:
    del document
    path, backup = Path(step["path"]), Path(step["backup"])
    if not backup.exists():
        return f"{path} was not replaced, or is back already"
    # The copy keeps mode and owner; the rename is whole or not at all.
    backup.replace(path)
    return f"{path} is back"


def _leave_cgroup(step: Document, document: Document) -> str:
    """Move every process of a cgroup back to where it came from, and remove the cgroup."""
    del document
    folder, home = Path(step["folder"]), Path(step["home"])
    if not folder.exists():
        return f"{folder} is gone"

    def is_empty() -> bool:
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (home / "cgroup.procs").write_text(pid)
        with contextlib.suppress(OSError):
            folder.rmdir()
        return not folder.exists()

    _until(is_empty, f"{folder} cannot be removed: processes stay in it")
    return f"{folder} is gone"


def _http(step: Document, document: Document) -> str:
    del document
    parts = urlsplit(step["url"])
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_ASK_SECONDS)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body = None if step["body"] is None else step["body"].encode()
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(step["method"], path, body, headers)
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise NotReverted(f"{parts.hostname}:{parts.port} gave no answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if status not in step["accepted"]:
        raise NotReverted(f"{step['method']} {step['url']} answered {status}")
    return f"{step['method']} {step['url']} answered {status}"


def _connected(address: str) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), _ASK_SECONDS)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_ASK_SECONDS)
    connection.connect(address)
    return connection


def _say(step: Document, document: Document) -> str:
    """One line to a socket, and the answer until the other side closes or the wanted word is there."""
    del document
    address = step["address"]
    try:
        connection = _connected(address)
    except (FileNotFoundError, ConnectionRefusedError):
        if step["gone_is_fine"]:
            return f"nobody listens at {address} any more"
        raise
    with connection:
        connection.sendall(step["line"].encode() + b"\n")
        answer = b""
        while step["wanted"] is None or step["wanted"].encode() not in answer:
            piece = connection.recv(4096)
            answer += piece
            if not piece:
                break
    text = answer.decode(errors="replace").strip()
    if step["refused"] and any(word in text for word in step["refused"]):
        raise NotReverted(f"{address} said {text}")
    if step["wanted"] is not None and step["wanted"] not in text:
        raise NotReverted(f"{address} said {text!r} and not {step['wanted']!r}")
    return f"{address} was told {step['line']!r}"


def _until(holds: Callable[[], bool], otherwise: str, seconds: float = _GONE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            raise NotReverted(otherwise)
        time.sleep(0.02)


_REVERSALS: dict[str, Callable[[Document, Document], str]] = {
    "signal": _signal,
    "end": _end,
    "run": _run,
    "write": _write,
    "remove": _remove,
    "restore": _restore,
    "leave_cgroup": _leave_cgroup,
    "http": _http,
    "say": _say,
}
