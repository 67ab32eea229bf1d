"""Fills file systems for `disk.fill`; implements `Disks`."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from domain.errors import Rejected, RejectionKind

# The kernel allocates this much in one go; between two the file may have been removed, and then nothing is gained.
_PIECE_BYTES = 1024 * 1024 * 1024


class LocalDisks:
    """Implements `Disks`."""

    def free(self, folder: str) -> int:
        """The room, as `Disks` promises."""
        try:
            found = os.statvfs(folder)
        except OSError as error:
            raise Rejected(f"{folder} cannot be looked at: {error.strerror}; mend actions.disks") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Rejected(f"this worker may not write to {folder}", RejectionKind.FORBIDDEN)
        return found.f_bavail * found.f_frsize

    async def allocate(self, file: str, size: int) -> None:
        """Take the room, as `Disks` promises."""
        await asyncio.to_thread(_allocate, file, size)

    def allocated(self, file: str) -> int | None:
        """What it takes, as `Disks` promises."""
        with suppress(FileNotFoundError):
            # In blocks of 512 bytes, on every file system.
            return os.stat(file).st_blocks * 512  # noqa: PTH116
        return None


def _allocate(file: str, size: int) -> None:
    try:
        with Path(file).open("ab") as filling:
            for offset in range(0, size, _PIECE_BYTES):
                # Unlike a seek this takes the blocks, and unlike a write it takes no time.
                os.posix_fallocate(filling.fileno(), offset, min(_PIECE_BYTES, size - offset))
                if os.fstat(filling.fileno()).st_nlink == 0:
                    return
    except OSError as error:
        raise Rejected(f"{file} cannot take {size} bytes: {error.strerror}", RejectionKind.CONFLICT) from None
