"""What can go wrong, by who must act.

    HotwashError
    ├── Transient      the machine retries: a peer is away, slow or overloaded
    ├── Rejected       the caller mends the request; `kind` says how
    └── NeedsHuman     a person decides: an unknown outcome, a failed undo

Clients translate vendor errors into these at the edge, without secrets. Workflows branch on the type and the kind,
never on the text. `api/errors.py` holds the only table from here to HTTP.
"""

from enum import StrEnum


class RejectionKind(StrEnum):
    """Why a request was refused, in the classes that callers treat differently."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"


class HotwashError(Exception):
    """A sentence for a person: what, where, and how to mend it. Never holds a secret."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Transient(HotwashError):
    """Worth trying again without any change; `retry_after_seconds` is how long the far side asks to be left alone."""

    def __init__(self, sentence: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_seconds = retry_after_seconds


class Interrupted(Transient):
    """Its worker was stopped in the middle; doing it again elsewhere is no further attempt."""


class TimedOut(Transient):
    """It did not end within its time."""


class Rejected(HotwashError):
    """Refused as it stands; the same request will be refused again."""

    def __init__(self, sentence: str, kind: RejectionKind = RejectionKind.INVALID) -> None:
        super().__init__(sentence)
        self.kind = kind


class NeedsHuman(HotwashError):
    """No machine may go on alone; says for whom it waits."""


class UnknownOutcome(NeedsHuman):
    """An outside effect may or may not have happened (its process vanished after it was claimed)."""
