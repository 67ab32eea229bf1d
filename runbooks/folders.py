"""Folders of YAML documents found by name: the team's first, the library last. Used by both catalogues.

Files are read again whenever they are asked for, so an edit counts at once.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from domain.errors import Rejected, RejectionKind
from runbooks.findings import Finding, Unreadable, nearest

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Folders:
    """Documents of one sort; a name in an earlier folder hides the same name in a later one."""

    def __init__(self, folders: Sequence[Path], sort: str) -> None:
        self._folders = tuple(folders)
        # What a document is called in sentences: `runbook`, `game day`.
        self._sort = sort

    def files(self) -> dict[str, Path]:
        """Every document by name."""
        found: dict[str, Path] = {}
        for folder in self._folders:
            for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
                if _NAME.fullmatch(file.stem):
                    found.setdefault(file.stem, file)
        return found

    def file(self, name: str) -> Path:
        """The file of a document; Rejected (not found) with the nearest name when there is none."""
        files = self.files()
        if name not in files:
            raise Rejected(f"there is no {self._sort} {name!r}{nearest(name, list(files))}", RejectionKind.NOT_FOUND)
        return files[name]

    def text(self, name: str) -> str:
        """The document as it is written now."""
        return read_text(self.file(name))


def read_text(file: Path) -> str:
    """The text of a file; Rejected with a sentence when it is none or cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        sentence = f"the file is not UTF-8 text (byte {error.start})"
        raise Unreadable([Finding(file=file.name, line=1, column=1, code="not_text", sentence=sentence)]) from None
    except OSError as error:
        raise Rejected(f"{file.name} cannot be read: {error.strerror}", RejectionKind.NOT_FOUND) from None
