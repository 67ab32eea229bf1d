"""A game day that names a service, a person or a group that `hotwash.yaml` does not know is not held.

A misspelt name would otherwise be quiet until something is broken: with a service that nobody has, the alert of the
drill would be a real incident.
"""

import re
from pathlib import Path

import pytest

from activities.actions import specs
from domain.configuration import Configuration
from domain.errors import Rejected
from domain.timeline import person
from runbooks.findings import Unreadable
from runbooks.game_day_catalog import LIBRARY, TRAINING, GameDayCatalog
from runtime.configuration import load_configuration
from tests.support.world import ROOT

SPECS = specs()
DRILL = """\
schema_version: 1
name: drill
title: A drill
owner: sre
hypothesis: We notice
service: shop
match: {drillable: "yes"}
targets:
  shop: {names: [shop-1]}
steady_state:
  - {id: health, action: check.http, with: {url: "http://shop"}}
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: shop}
    duration: 4m
    undo: {action: release.restart, with: {target: shop}}
stop_conditions:
  - {id: real, real_incident: {services: [shop, search]}}
expectations:
  - {expect: route, within: 60s, to: [alice, sre, night]}
approval: {approvers: [sre, dana], min_approvals: 3}
duration: 5m
"""
CONFIGURATION = Configuration.model_validate(
    {
        "people": {
            "alice": {"name": "Alice", "groups": ["sre"]},
            "bob": {"name": "Bob", "groups": ["sre"]},
            "dana": {"name": "Dana"},
        },
        "teams": {"night": {"name": "Night", "members": ["bob"]}},
        "services": {"shop": {"name": "Shop"}, "search": {"name": "Search"}},
        "drill_targets": {"shop-1": {"environment": "test", "drillable": True}},
    }
)


def catalog(folder: Path, text: str) -> GameDayCatalog:
    """A catalogue with that one file before the library."""
    (folder / "drill.yaml").write_text(text)
    return GameDayCatalog([folder], SPECS)


def said(folder: Path, text: str, configuration: Configuration | None = CONFIGURATION) -> list[str]:
    """What the lint says, as people read it."""
    return [str(each) for each in catalog(folder, text).lint("drill", configuration)[1]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """What the demo writes, with any address."""
    text = (ROOT / "cli" / "demo" / "hotwash.yaml").read_text()
    file = tmp_path_factory.mktemp("demo") / "hotwash.yaml"
    file.write_text(re.sub(r"\$\{BASE_URL\}", "http://127.0.0.1", re.sub(r"\$\{\w+_PORT\}", "1", text)))
    return load_configuration(file)


def test_names_that_are_known_are_fit(tmp_path: Path) -> None:
    """People, teams and groups, and exactly as many approvals as there are people who may give one."""
    assert said(tmp_path, DRILL) == []


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("service: shop", "service: shpo", "6:10: there is no service 'shpo' in hotwash.yaml; did you mean 'shop'?"),
        ("[shop, search]", "[shop, serach]", "20:49: there is no service 'serach' in hotwash.yaml; did you mean 'sear"),
        ("[alice, sre, night]", "[alcie]", "22:39: there is no person, team or group 'alcie' in hotwash.yaml; did you"),
        ("approvers: [sre", "approvers: [sree", "23:24: there is no person, team or group 'sree' in hotwash.yaml; did"),
        ("owner: sre", "owner: nobody-at-all", "4:8: there is no person, team or group 'nobody-at-all' in hotwash.ya"),
        ("min_approvals: 3", "min_approvals: 9", "23:51: 9 people have to agree, and 3 may (alice, bob, dana); ask"),
        ("approvers: [sre, dana], min_approvals: 3", "min_approvals: 4", "23:27: 4 people have to agree, and 3 may"),
    ],
)
def test_a_misspelt_name_is_found_with_its_place(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    """With the nearest right one; the start says the same, and without hotwash.yaml nobody can know."""
    assert right in DRILL
    text = DRILL.replace(right, wrong, 1)
    found = said(tmp_path, text)
    assert [f"drill.yaml:{expected}" in each for each in found] == [True], found
    with pytest.raises(Unreadable, match=re.escape(expected)):
        catalog(tmp_path, text).start("drill", person("alice"), CONFIGURATION)
    assert said(tmp_path, text, None) == []


def test_what_only_the_start_says_is_not_judged(tmp_path: Path) -> None:
    """A name by parameter, an importer's word for nobody, and an owner where hotwash.yaml names no people at all."""
    assert said(tmp_path, DRILL.replace("owner: sre", "owner: unowned")) == []
    by_parameter = DRILL.replace("[shop, search]", '["{{ params.which }}"]')
    assert said(tmp_path, by_parameter) == []
    small = {"services": {"shop": {"name": "Shop"}}, "drill_targets": {"shop-1": {"environment": "a", "drillable": 1}}}
    alone = DRILL.replace("to: [alice, sre, night]", "to: [alice]").replace("[shop, search]", "[shop]")
    alone = alone.replace("approval: {approvers: [sre, dana], min_approvals: 3}\n", "")
    (one,) = said(tmp_path, alone, Configuration.model_validate(small))
    assert "there is no person, team or group 'alice' in hotwash.yaml" in one


def test_whom_a_page_must_reach_may_be_a_parameter(tmp_path: Path) -> None:
    """It is pinned as it is meant; a name that nobody has is refused, and a parameter that there is not is found."""
    text = DRILL.replace("[alice, sre, night]", '["{{ params.team }}", alice]')
    text = text.replace("service: shop", "service: shop\nparameters: {team: {default: night}}")
    made = catalog(tmp_path, text).start("drill", person("dana"), CONFIGURATION)
    assert made.document.expectations[0].to == ("night", "alice")
    other = catalog(tmp_path, text).start("drill", person("dana"), CONFIGURATION, {"team": "sre"})
    assert (other.document.expectations[0].to, other.digest) == (("sre", "alice"), made.digest)
    with pytest.raises(Rejected, match="no person, team or group 'nigth' in hotwash"):
        catalog(tmp_path, text).start("drill", person("dana"), CONFIGURATION, {"team": "nigth"})
    (one,) = said(tmp_path, text.replace("params.team", "params.taem"))
    assert "the game day has no parameter 'taem'; did you mean 'team'" in one


@pytest.mark.parametrize(
    "file", sorted([*LIBRARY.glob("*.yaml"), *TRAINING.glob("*.yaml")]), ids=lambda file: file.stem
)
def test_what_comes_along_is_fit_in_the_demos_house(demo: Configuration, file: Path) -> None:
    """And in one where nobody is of the group that the library names as its owner."""
    library = GameDayCatalog([], SPECS)
    assert library.lint(file.stem, demo)[1] == ()
    small = Configuration.model_validate({"people": {"ann": {"name": "Ann"}}})
    assert library.lint(file.stem, small)[1] == ()
