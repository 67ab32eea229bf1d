"""What the API needs from the outside besides the engine's client and `store.interface`, as Protocols.

`api/main.py` hands in the real ones, tests hand in small ones.
"""

from typing import Protocol

from domain.configuration import Configuration


class ConfigurationSource(Protocol):
    """`hotwash.yaml`, as it is now."""

    def current(self) -> Configuration:
        """The configuration that was last read and understood."""


class SecretSource(Protocol):
    """Turns references into values, as late as possible."""

    def resolve(self, reference: str) -> str:
        """The value behind `env:NAME` or `file:PATH`; Rejected, naming the reference and never a value, when absent."""
