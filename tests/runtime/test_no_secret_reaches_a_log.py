"""Secrets are resolved late, refused by name only, and masked in every log line."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from domain.errors import Rejected
from runtime.logging import configure_logging
from runtime.secrets import Secrets
from runtime.settings import LogFormat, Settings


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[io.StringIO]:
    """What the process logs as JSON."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    configure_logging(Settings(home=tmp_path, log_format=LogFormat.JSON), "test")
    yield output
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_references_are_resolved_and_missing_ones_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """env: from the process, file: relative to hotwash.yaml without the final newline; anything else by sentence."""
    monkeypatch.setenv("HOTWASH_TEST_SECRET", "from-the-environment")
    (tmp_path / "key").write_text("from-a-file\n")
    (tmp_path / "empty").write_text("\n")
    secrets = Secrets(tmp_path)
    assert secrets.resolve("env:HOTWASH_TEST_SECRET") == "from-the-environment"
    assert secrets.resolve("file:key") == "from-a-file"
    for reference in ("env:HOTWASH_TEST_NOBODY", "file:nothing", "file:empty", "aws-sm:x", "file:."):
        with pytest.raises(Rejected) as caught:
            secrets.resolve(reference)
        assert reference in caught.value.sentence


def test_resolved_values_and_secret_names_are_masked(lines: io.StringIO, tmp_path: Path) -> None:
    """Whichever logger, whichever field, nested or inside an exception's text."""
    (tmp_path / "key").write_text("s3cr3t-value")
    value = Secrets(tmp_path).resolve("file:key")
    structlog.get_logger("x").info(f"got {value}", nested={"list": [value], "password": "other"}, admin_token="abc")
    logging.getLogger("library").warning("header was %s", value)
    try:
        raise RuntimeError(value)
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    text = lines.getvalue()
    assert value not in text
    assert "other" not in text
    records = [json.loads(line) for line in text.splitlines()]
    assert records[0]["admin_token"] == "[secret]"
    assert [record["process"] for record in records] == ["test"] * 3
    assert records[1]["event"] == "header was [secret]"
