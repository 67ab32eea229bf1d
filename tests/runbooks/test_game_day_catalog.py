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
targets:
  shop: {names: [shop-1]}
steady_state:
  - id: health
    action: check.http
    with: {url: "{{ params.url }}"}
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: "{{ target.process }}"}
    duration: 4m
    undo: {action: release.restart, with: {target: shop}}
stop_conditions:
  - {id: slow, action: check.http, with: {url: "http://shop/"}, stop_when: fails}
expectations:
  - {expect: page, within: 60s}
duration: 5m
"""
CONFIGURATION = Configuration.model_validate(
    {
        "people": {"ann": {"name": "Ann", "groups": ["sre"]}, "bob": {"name": "Bob"}},
        "drill_targets": {"shop-1": {"environment": "test", "drillable": True, "with": {"process": "shop"}}},
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
        ("action: process.kill", "action: process.kil", "drill.yaml:17:13: there is no action 'process.kil'; did you"),
        ('action: process.kill\n    targets: shop\n    with: {process: "{{ target.process }}"}',
         "action: noop\n    targets: shop", "drill.yaml:17:13: 'noop' is no fault"),
        ("action: check.http\n", "action: process.run\n", "drill.yaml:13:13: 'process.run' does not look at the"),
        ("action: check.http\n", "action: release.restart\n", "drill.yaml:13:13: 'release.restart' does not look"),
        ('with: {process: "', 'with: {proces: "', "drill.yaml:19:20: process.kill: unknown parameter 'proces'"),
        ('with: {process: "{{ target.process }}"}', "with: {}", "process.kill: the parameter 'process' is missing"),
        ("params.url", "params.ulr", "drill.yaml:14:17: the game day has no parameter 'ulr'; did you mean 'url'?"),
        ("params.url", "incident.id", "drill.yaml:14:17: there is no 'incident' here"),
        ("params.url", "target.url", "drill.yaml:14:17: there is no 'target' here; it reads params and targets"),
        ("params.url", "targets.shp[0].url", "drill.yaml:14:17: the game day has no selection of targets 'shp'"),
        ("params.url }}", "params.url }", "drill.yaml:14:17: "),
        ("action: release.restart, with: {target: shop}", "action: process.kill, with: {process: shop}",
         "drill.yaml:21:20: 'process.kill' is a fault; what is broken on purpose"),
        ("action: release.restart, with: {target: shop}", 'action: check.http, with: {url: "http://shop"}',
         "drill.yaml:21:20: 'check.http' only looks; an undo has to put something right"),
        ("    targets: shop\n", "    targets: shpo\n", "drill.yaml:18:14: there is no selection 'shpo'"),
        ("    targets: shop\n", "", "drill.yaml:16:5: the key 'targets' is missing"),
        ("    duration: 4m\n", "", "drill.yaml:16:5: the key 'duration' is missing"),
        ("    duration: 4m\n", "    duration: 6m\n", "drill.yaml:20:15: the whole game day is over after 5m"),
        ("    duration: 4m\n", "    duration: 4m\n    start_after: [kil]\n", "21:19: there is no fault 'kil'"),
        ("    duration: 4m\n", "    duration: 4m\n    start_after: [kill]\n", "'kill' would begin after itself"),
        ('with: {process: "', 'with: {duration: 1m, process: "', "drill.yaml:19:12: write `duration` beside `with`"),
        ("names: [shop-1]", "names: [shop-1], tags: {a: b}", "drill.yaml:10:9: targets are chosen by either"),
        ("names: [shop-1]", "names: [shop-1], select: some", "drill.yaml:10:"),
        ("stop_when: fails", "stop_when: fails, alarm: {a: b}", "a stop condition needs exactly one of action, alarm"),
        ('action: check.http, with: {url: "http://shop/"}', "action: release.restart, with: {target: shop}",
         "drill.yaml:23:24: 'release.restart' does not look at the target; a stop condition needs a check"),
        ('    with: {url: "{{ p', '    mode: during_fault\n    with: {url: "{{ p', "no probe is asked before"),
        ('    with: {url: "{{ p', '    tolerance: {type: jsonpath, expect: 1}\n    with: {url: "{{ p', "needs a path"),
        ("expect: page", "expect: pager", "drill.yaml:25:14: "),
        ("expect: page, within: 60s", "expect: page", "drill.yaml:25:5: 'page' needs a limit: `within: 2m`"),
        ("expect: page, within: 60s", "expect: route, within: 60s", "`route` needs it"),
        ("within: 60s", "within: 10m", "drill.yaml:25:28: within 10m cannot be seen: the fault is undone after 5m"),
        ("within: 60s", "within: soon", "drill.yaml:25:28: 'soon' is not a duration"),
        ("within: 60s}", "within: 60s}\n  - {expect: page, within: 1m}", "drill.yaml:26:14: 'page' is expected"),
        ("duration: 5m", "duration: 500h", "drill.yaml:26:11: must be between 1s and 4h"),
        ("duration: 5m", "probe_every: 0s", "drill.yaml:26:14: must be between 200ms and 5m, not 0s"),
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
    unset = CONFIGURATION.model_copy(update={"game_days": {}})
    with pytest.raises(Rejected, match="parameter 'url' is missing \\(Where\\)"):
        catalog(tmp_path).start("drill", person("ann"), unset)
    with pytest.raises(Rejected, match="there is no parameter 'ulr'; did you mean 'url'"):
        catalog(tmp_path).start("drill", person("ann"), CONFIGURATION, {"ulr": "x"})
    with pytest.raises(Rejected, match="there is no game day 'dril'; did you mean 'drill'"):
        catalog(tmp_path).start("dril", person("ann"), CONFIGURATION)


@pytest.mark.parametrize(
    ("targets", "policy", "expected"),
    [
        ({}, {}, "drill.yaml:10:18: there is no target 'shop-1'; define it under drill_targets in hotwash.yaml"),
        ({"shop-2": {}}, {}, "drill.yaml:10:18: there is no target 'shop-1'; did you mean 'shop-2'?"),
        ({"shop-1": {"drillable": False}}, {}, "drill.yaml:10:18: 'shop-1' may not be drilled: its owner has to set"),
        ({"shop-1": {}}, {"deny": ["shop-*"]}, "drill.yaml:10:18: 'shop-1' is never drilled: game_day_policy.deny has"),
    ],
)
def test_a_target_without_its_owners_word_is_refused(
    tmp_path: Path, targets: dict[str, dict[str, bool]], policy: dict[str, list[str]], expected: str
) -> None:
    """Before anything is started, with the place and the cure."""
    known = {name: {"environment": "test", "drillable": True, **more} for name, more in targets.items()}
    said = CONFIGURATION.model_dump(by_alias=True) | {"drill_targets": known, "game_day_policy": policy}
    with pytest.raises(Unreadable) as refused:
        catalog(tmp_path).start("drill", person("ann"), Configuration.model_validate(said))
    assert expected in refused.value.sentence


def test_targets_by_parameter_are_refused_at_the_start(tmp_path: Path) -> None:
    """What only the parameters say is looked at once they are known; a game day elsewhere does not come here."""
    text = DRILL.replace("names: [shop-1]", 'names: ["{{ params.url }}"]')
    with pytest.raises(Rejected, match="there is no target 'http://shop'"):
        catalog(tmp_path, text).start("drill", person("ann"), CONFIGURATION)
    elsewhere = DRILL.replace("owner: sre", "owner: sre\nenvironment: production")
    with pytest.raises(Rejected, match="'shop-1' is in 'test', and this game day is for 'production'"):
        catalog(tmp_path, elsewhere).start("drill", person("ann"), CONFIGURATION)


def test_the_catalogue_says_what_could_not_be_held_here(tmp_path: Path) -> None:
    """With hotwash.yaml known: a target that may not be touched, and a schedule that starts nothing.

    What a person would still say at the start is not judged.
    """
    by_tag, by_parameter = (
        DRILL.replace("names: [shop-1]", "tags: {a: b}"),
        DRILL.replace("[shop-1]", '["{{ params.url }}"]'),
    )
    unset = CONFIGURATION.model_copy(update={"game_days": {}})
    scheduled = CONFIGURATION.model_dump(by_alias=True) | {
        "game_days": {"drill": {"every": "1h"}, "bad-release-confusing-clues": {"cron": "0 10 * * 2"}}
    }
    lacking = Configuration.model_validate(scheduled)

    def found(text: str, configuration: Configuration | None, name: str = "drill") -> tuple[str, str]:
        summary = next(each for each in catalog(tmp_path, text).summaries(configuration) if each.name == name)
        return "; ".join([*(each.sentence for each in summary.findings), summary.problem]), summary.schedule_problem

    assert found(DRILL, CONFIGURATION) == ("", "")
    assert found(DRILL.replace("shop-1", "shop-2"), CONFIGURATION)[0].startswith("there is no target 'shop-2'; did you")
    assert "targets 'shop' (a: b) choose nothing" in found(by_tag, CONFIGURATION)[0]
    assert "there is no target 'http://shop'" in found(by_parameter, CONFIGURATION)[0]
    assert found(by_parameter, unset) == ("", "")
    assert found(DRILL, lacking)[1] == (
        "its schedule cannot start it: 'drill': parameter 'url' is missing (Where); mend `parameters` of game_days"
        ".drill in hotwash.yaml"
    )
    wrong, by_hand = found(DRILL, lacking, "bad-release-confusing-clues")
    assert "is a tabletop: people play it, so it is started by hand and not by a schedule; take `cron` and" in by_hand
    assert wrong == ""
    assert found(by_tag, None) == ("", "")


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_game_day_of_the_library_lints(file: Path) -> None:
    """And can be started with nothing but its parameters and a target that is called `x`."""
    library = GameDayCatalog([], SPECS)
    document, findings = library.lint(file.stem)
    assert findings == ()
    assert document is not None
    known = Configuration.model_validate({"drill_targets": {"x": {"environment": "test", "drillable": True}}})
    given = dict.fromkeys(document.parameters, "x")
    assert library.start(file.stem, person("ann"), known, given).document.name == file.stem
