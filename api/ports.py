"""What the API needs from the outside besides the engine's client and `store.interface`, as Protocols.

`api/main.py` hands in the real ones, tests hand in small ones.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from domain.configuration import Configuration
from runbooks.schema import PinnedRunbook


class ConfigurationSource(Protocol):
    """`hotwash.yaml`, as it is now."""

    def current(self) -> Configuration:
        """The configuration that was last read and understood."""


class RunbookCatalog(Protocol):
    """The runbooks that may be run."""

    def summaries(self) -> Sequence[Any]:
        """Name, title, owner and version of each."""

    def text(self, name: str) -> str:
        """The YAML as it is written."""

    def pin(self, name: str) -> PinnedRunbook:
        """The runbook as it would run; Rejected when there is none or the lint has findings."""


class ApiSettings(Protocol):
    """What the API reads of the process settings."""

    @property
    def host(self) -> str:
        """The address the API is bound to."""
