"""Starts a process that is a fault, so that it can always be found and ended: a program of its own, stdlib only.

`python leashed.py LEASE_FILE IDENTITY_FILE PROGRAM ARGUMENT…`; called by `FileLeases.start`. The one thing to know: the
process writes down who it is before it becomes the program, and does not become it once its lease is over; so there is
no moment in which the fault runs and nobody knows it.
"""

import json
import os
import sys
from pathlib import Path


def main(lease: str, identity: str, argv: list[str]) -> None:
    """Fork, write who we are, look at the lease, become the program. Exit code 0: it has begun."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        # The program's start closes the pipe; a word in it is the reason why there was none.
        with os.fdopen(reading) as words:
            sys.exit(words.read() or 0)
    os.close(reading)
    try:
        os.setsid()
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        mark = _write_identity(Path(identity))
        # After our name is known: who reverts now finds us, who has reverted before is seen here.
        if json.loads(Path(lease).read_text())["state"] != "held":
            os.write(writing, b"the lease is over")
            os._exit(1)
        os.execvpe(argv[0], argv, {**os.environ, "HOTWASH_LEASHED": mark})  # noqa: S606 - argv of an action, no shell
    except (OSError, ValueError) as error:
        reason = f"{error.filename or argv[0]}: {error.strerror}" if isinstance(error, OSError) else str(error)
        os.write(writing, reason.encode())
        os._exit(1)


def _write_identity(file: Path) -> str:
    """Returns the mark by which what it forks is known."""
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    new.write_text(f"{os.getpid()} {started} {boot}\n")
    new.replace(file)
    return f"{os.getpid()}.{started}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
