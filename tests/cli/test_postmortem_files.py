"""What stands above the text of an old postmortem is found, whichever way a team writes it."""

from pathlib import Path

import pytest

from cli.postmortem_files import UnreadableFileError, read_file
from domain.postmortem_mapping import PostmortemMapping

YAML = "---\ntitle: Down\nseverity: SEV-2\ndate: 2024-07-01T10:00:00Z\n---\n# Down\n\n## Summary\nIt was down.\n"
TOML = '+++\ntitle = "Down"\nseverity = "SEV-2"\ndate = 2024-07-01T10:00:00Z\n+++\n# Down\n\n## Summary\nIt was down.\n'
BOLD = (
    "# Down\n\n**Severity:** SEV-2\n- **Date**: 2024-07-01T10:00:00+00:00\n\n## Summary\n**Not:** above\nIt was down.\n"
)


@pytest.mark.parametrize("text", [YAML, TOML, BOLD], ids=["yaml", "toml", "bold lines"])
def test_three_ways_say_the_same(tmp_path: Path, text: str) -> None:
    """YAML between dashes, TOML between plus signs, bold lines between the title and the first section."""
    file = tmp_path / "down.md"
    file.write_text(text)
    (raw,) = read_file(file, file, PostmortemMapping())
    given = {name.casefold(): value for name, value in raw.values.items()}
    assert given["severity"] == "SEV-2"
    assert str(given["date"]).startswith("2024-07-01T10:00:00")
    assert "It was down." in given["summary"]
    assert (given.get("title") or raw.fallback_title) == "Down"
    assert "not" not in given


@pytest.mark.parametrize("text", ["+++\ntitle = \n+++\n", "+++\ntitle = 'x'\n", "---\ntitle: x\n"])
def test_a_front_matter_that_is_not_one_is_a_sentence(tmp_path: Path, text: str) -> None:
    """With its place, and never a trace."""
    file = tmp_path / "x.md"
    file.write_text(text)
    with pytest.raises(UnreadableFileError, match="front matter"):
        read_file(file, file, PostmortemMapping())
