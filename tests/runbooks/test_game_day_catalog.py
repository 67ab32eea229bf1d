"""Game days: every mistake as a sentence with file, line and column, found before anything is broken."""

from pathlib import Path

import pytest

from activities.actions import specs
from domain.configuration import Configuration
from domain.errors import Rejected
from domain.game_day import Expectation
from domain.timeline import automation, person
from runbooks.findings import Unreadable
from runbooks.game_day_catalog import LIBRARY, GameDayCatalog

SPECS = specs()
DRILL = """\
schema_version: 1
name: drill
title: A drill
owner: sre
hypothesis: We notice
parameters:
  url: {description: Where}
match: {drillable: "yes"}
steady_state:
  - action: check.http
    with: {url: "{{ params.url }}"}
fault:
  action: process.kill
  with: {process: shop}
restore:
  action: release.restart
  with: {target: shop}
expectations:
  - {expect: page, within: 60s}
duration: 5m
"""
CONFIGURATION = Configuration.model_validate(
    {
        "people": {"ann": {"name": "Ann", "groups": ["sre"]}, "bob": {"name": "Bob"}},
        "game_days": {"drill": {"parameters": {"url": "http://shop"}, "audience": ["bob"]}},
    }
)


def catalog(folder: Path, text: str = DRILL) -> GameDayCatalog:
    """A catalogue with that one file before the library."""
    (folder / "drill.yaml").write_text(text)
    return GameDayCatalog([folder], SPECS)


def said(folder: Path, text: str) -> list[str]:
    """What the lint says, as people read it."""
    _, findings = catalog(folder, text).lint("drill")
    return [str(finding) for finding in findings]


def test_a_clean_game_day_has_no_findings(tmp_path: Path) -> None:
    """The lint says nothing of what is right."""
    assert said(tmp_path, DRILL) == []


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("title: A drill", "titel: A drill", "drill.yaml:3:1: unknown key 'titel'; did you mean 'title'?"),
        ("action: process.kill", "action: process.kil", "drill.yaml:13:11: there is no action 'process.kil'; did you"),
        ("action: process.kill\n  with: {process: shop}", "action: noop", "drill.yaml:13:11: 'noop' is no fault"),
        ("action: check.http", "action: process.run", "drill.yaml:10:13: 'process.run' does not look at the"),
        ("action: check.http", "action: release.restart", "drill.yaml:10:13: 'release.restart' does not look"),
        ("with: {process: shop}", "with: {proces: shop}", "drill.yaml:14:18: process.kill: unknown parameter 'proces'"),
        ("with: {process: shop}", "with: {}", "process.kill: the parameter 'process' is missing"),
        ("params.url", "params.ulr", "drill.yaml:11:17: the game day has no parameter 'ulr'; did you mean 'url'?"),
        ("params.url", "incident.id", "drill.yaml:11:17: there is no 'incident' here"),
        ("params.url }}", "params.url }", "drill.yaml:11:17: "),
        ("release.restart\n  with: {target: shop}", "process.kill\n  with: {process: shop}", "drill.yaml:16:11: 'proc"),
        ("expect: page", "expect: pager", "drill.yaml:19:14: "),
        ("within: 60s", "within: 10m", "drill.yaml:19:28: within 10m cannot be seen: the fault is undone after 5m"),
        ("within: 60s", "within: soon", "drill.yaml:19:28: 'soon' is not a duration"),
        ("within: 60s}", "within: 60s}\n  - {expect: page, within: 1m}", "drill.yaml:20:14: 'page' is expected"),
        ("duration: 5m", "duration: 500h", "drill.yaml:20:11: must be between 1s and 4h"),
        ("duration: 5m", "probe_every: 0s", "drill.yaml:20:14: must be between 200ms and 5m, not 0s"),
        ('match: {drillable: "yes"}', "match: {}", "drill.yaml:8:8: match: "),
        ("name: drill", "name: other", "drill.yaml:2:7: the game day is called 'other' but its file 'drill.yaml'"),
        ("owner: sre\n", "", "drill.yaml:1:1: the key 'owner' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    """One sentence, with the nearest right word where there is one; and it cannot be started."""
    assert right in DRILL
    found = said(tmp_path, DRILL.replace(right, wrong, 1))
    assert any(expected in each for each in found), found
    with pytest.raises(Unreadable):
        catalog(tmp_path, DRILL.replace(right, wrong, 1)).start("drill", person("ann"), CONFIGURATION)


def test_a_game_day_is_pinned_with_what_hotwash_yaml_says(tmp_path: Path) -> None:
    """Parameters of the file below those of the request; an edit afterwards does not reach it."""
    made = catalog(tmp_path).start("drill", automation("schedule"), CONFIGURATION)
    assert (made.parameters, made.audience, made.answerable) == ({"url": "http://shop"}, ("bob",), ("ann",))
    other = catalog(tmp_path).start("drill", person("ann"), CONFIGURATION, {"url": "http://other"})
    assert other.parameters == {"url": "http://other"}
    assert other.digest == made.digest
    edited = catalog(tmp_path, DRILL.replace("60s", "61s")).start("drill", person("ann"), CONFIGURATION)
    assert edited.digest != made.digest
    assert [(each.expect, each.within.total_seconds()) for each in made.document.expectations] == [
        (Expectation.PAGE, 60.0)
    ]


def test_a_parameter_that_is_missing_or_unknown_is_said(tmp_path: Path) -> None:
    """With the nearest name, before anything is started."""
    with pytest.raises(Rejected, match="parameter 'url' is missing \\(Where\\)"):
        catalog(tmp_path).start("drill", person("ann"), Configuration())
    with pytest.raises(Rejected, match="there is no parameter 'ulr'; did you mean 'url'"):
        catalog(tmp_path).start("drill", person("ann"), CONFIGURATION, {"ulr": "x"})
    with pytest.raises(Rejected, match="there is no game day 'dril'; did you mean 'drill'"):
        catalog(tmp_path).start("dril", person("ann"), CONFIGURATION)


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_game_day_of_the_library_lints(file: Path) -> None:
    """And can be started with nothing but its parameters."""
    library = GameDayCatalog([], SPECS)
    document, findings = library.lint(file.stem)
    assert findings == ()
    assert document is not None
    given = dict.fromkeys(document.parameters, "x")
    assert library.start(file.stem, person("ann"), Configuration(), given).document.name == file.stem
