"""Turns secret references into values, as late as possible: `env:NAME`, `file:PATH`.

A value that was resolved once is kept out of every later log line (`runtime/logging.py`).
"""

import os
from pathlib import Path

from domain.errors import Rejected
from runtime.logging import keep_out_of_logs


class Secrets:
    """Resolves references; relative paths are those of the folder that `hotwash.yaml` is in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resolve(self, reference: str) -> str:
        """The value, read anew each time, so that a rotated secret is picked up; Rejected names the reference only."""
        kind, _, name = reference.partition(":")
        if kind == "env":
            value = os.environ.get(name)
            if not value:
                message = f"the secret {reference} is not there; set the variable {name} for this process"
                raise Rejected(message)
        elif kind == "file":
            value = self._read(reference, self._folder / name)
        else:
            message = f"{reference!r} is no secret that this version can read; write env:NAME or file:PATH"
            raise Rejected(message)
        keep_out_of_logs(value)
        return value

    def _read(self, reference: str, path: Path) -> str:
        try:
            value = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            message = f"the secret {reference} cannot be read from {path} ({reason})"
            raise Rejected(message) from error
        if not value:
            message = f"the secret {reference} is empty; write it into {path}"
            raise Rejected(message)
        return value
