"""Runs a program that dies with its parent: `python -I -S tether.py PARENT_PID PROGRAM ARGUMENTS…`.

`hotwash up` starts its children through this file. The one thing to know: the wish to be killed with the parent is
made first and survives the exec, so not even `kill -9` of the supervisor leaves an engine behind that holds its file
and its port. Linux only; elsewhere the next start ends what is left over (`workers/instance.py`).
"""

import ctypes
import os
import signal
import sys

# From <sys/prctl.h>.
_PR_SET_PDEATHSIG = 1
_USAGE = 2


def main() -> None:
    """Tie this process to its parent, then become the program."""
    if len(sys.argv) < 3:  # noqa: PLR2004 - parent and program
        sys.exit(_USAGE)
    parent, program, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[2:]
    if sys.platform == "linux":
        # SIGKILL and not SIGTERM: whoever is left alone must not linger, and everything here survives a kill.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # The parent died before the wish was made.
        sys.exit(1)
    os.execv(program, arguments)  # noqa: S606 - the supervisor's own argument list, no shell


if __name__ == "__main__":
    main()
