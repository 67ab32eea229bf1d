"""What the blameless lint has to say about one place in a text. Made by `lint.py`, shown by the CLI and the pages."""

from enum import StrEnum

from domain.model import Model


class Level(StrEnum):
    """How much it matters; the same three words as SARIF's, but for `info`, which is `note` there."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ORDER = (Level.INFO, Level.WARNING, Level.ERROR)


class BlamelessFinding(Model):
    """One place, why it is pointed out, and a better question. Line and column count from 1, in characters."""

    line: int
    column: int
    end_line: int
    end_column: int
    rule: str
    level: Level
    text: str
    why: str
    question: str
    source: str


def at_least(level: Level, threshold: Level) -> bool:
    """Whether a finding of this level counts when the threshold is that."""
    return _ORDER.index(level) >= _ORDER.index(threshold)


def lowered(level: Level) -> Level:
    """One level less; `info` stays."""
    return _ORDER[max(_ORDER.index(level) - 1, 0)]
