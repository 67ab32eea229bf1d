"""The `hotwash` command."""
