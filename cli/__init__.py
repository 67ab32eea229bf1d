"""The `hotwash` command."""

from runtime import garbage

garbage.reading()
