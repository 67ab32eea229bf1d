"""Starts a daemon that outlives everybody: run as a program of its own, never imported by Hotwash.

`python detach.py PID_FILE LOG_FILE PROGRAM ARGUMENT…`; LOG_FILE may be empty. Called by `daemons.py`. The one thing to
know: the pid file is written by the very process that becomes the daemon, before it does, so there is no moment in
which it runs and nobody knows its number.
"""

import os
import sys


def main(pid_file: str, log_file: str, argv: list[str]) -> None:
    """Fork, write the pid file, become the program. Exit code 0: the program has begun."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        # The program's start closes the pipe; a word in it is the reason why there was none.
        with os.fdopen(reading) as words:
            sys.exit(words.read() or 0)
    os.close(reading)
    try:
        os.setsid()
        _take_files(log_file)
        _write_pid(pid_file)
        os.execvpe(argv[0], argv, os.environ)  # noqa: S606 - argv of hotwash.yaml, no shell
    except OSError as error:
        os.write(writing, f"{error.filename or argv[0]}: {error.strerror}".encode())
        os._exit(1)


def _take_files(log_file: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640) if log_file else nothing
    for source, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, standard)


def _write_pid(pid_file: str) -> None:
    beside = f"{pid_file}.new"
    with open(beside, "w") as file:  # noqa: PTH123 - this script starts faster without pathlib
        file.write(f"{os.getpid()}\n")
    os.replace(beside, pid_file)  # noqa: PTH105 - the same


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
