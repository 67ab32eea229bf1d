"""Reads the clocks of processes from their HTTP answers, and writes libfaketime's files; implements `Clocks`."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from domain.errors import Rejected, RejectionKind

_PATIENCE_SECONDS = 3.0


class HttpClocks:
    """Implements `Clocks`."""

    async def offset(self, url: str) -> float | None:
        """Ahead by how much, as `Clocks` promises."""
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as client:
                answer = await client.get(url)
            theirs = parsedate_to_datetime(answer.headers["date"])
        except (httpx.HTTPError, KeyError, ValueError):
            return None
        return (theirs - datetime.now(UTC)).total_seconds()

    def written(self, file: str) -> str | None:
        """What it says, as `Clocks` promises."""
        try:
            return Path(file).read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Rejected(f"{file} cannot be read: {error.strerror}", RejectionKind.FORBIDDEN) from None

    def write(self, file: str, text: str) -> None:
        """Write it, as `Clocks` promises."""
        try:
            # In its place: libfaketime reads it at any moment, and a file that is gone changes nothing.
            Path(file).write_text(text)
        except OSError as error:
            raise Rejected(f"{file} cannot be written: {error.strerror}", RejectionKind.FORBIDDEN) from None
