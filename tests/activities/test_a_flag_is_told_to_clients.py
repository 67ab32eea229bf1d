"""Flags in flagd's file, asked by OFREP: a flag is set when clients are told so, and only to a value that it has."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from domain.action_targets import FlagProvider
from tests.support.action_world import KEY, World

OFF: dict[str, Any] = {"provider": "flagd", "flag": "new-checkout", "value": False}
LOUD: dict[str, Any] = {"provider": "flagd", "flag": "theme", "value": "loud"}


@pytest.fixture
def shop(world: World) -> World:
    """A world whose hotwash.yaml names a flagd."""
    world.case("flag.set")
    return world


def provider(world: World, **changes: Any) -> None:
    """Say something else of the flagd in hotwash.yaml."""
    flags_now = dict(world.actions.flags)
    flags_now["flagd"] = FlagProvider.model_validate(flags_now["flagd"].model_dump() | changes)
    world.actions = world.actions.model_copy(update={"flags": flags_now})


async def test_a_flag_is_switched_by_its_variant_and_nothing_else_of_the_file_changes(shop: World) -> None:
    """Other flags, comments in metadata, rules and who may read it all stay."""
    shop.site.flagd.file.chmod(0o640)
    before = json.loads(shop.site.flagd.file.read_text())
    done = await shop.perform("flag.set", OFF)
    assert done.output["previous"] is True
    before["flags"]["new-checkout"]["defaultVariant"] = "off"
    assert json.loads(shop.site.flagd.file.read_text()) == before
    assert stat.S_IMODE(shop.site.flagd.file.stat().st_mode) == 0o640
    assert (await shop.check("check.flag", OFF)).holds
    await shop.undo("flag.set", OFF, done.output)
    assert shop.site.flagd.definition("new-checkout")["defaultVariant"] == "on"
    told = await shop.check("check.flag", OFF)
    assert not told.holds
    assert "True (variant on, STATIC), wanted False" in told.detail


async def test_the_worker_died_between_the_file_and_the_ledger(shop: World) -> None:
    """The next attempt finds it set, sees that clients are told so, and remembers what was before."""
    await shop.perform("flag.set", OFF)
    file = Path(shop.actions.journal_folder) / "flag-flagd.json"
    file.write_text(file.read_text().replace('"done": true', '"done": false'))
    shop.ledger.leave_unsettled(KEY)
    again = await shop.perform("flag.set", OFF, attempt=2)
    assert (again.output["previous"], again.output["current"]) == (True, False)


async def test_a_flag_that_clients_are_not_told_of_is_not_set(shop: World) -> None:
    """Flagd has stopped watching: the file says one thing and clients hear another. It is tried again, then fails."""
    shop.site.flagd.stuck = json.loads(shop.site.flagd.file.read_text())["flags"]
    with pytest.raises(
        ApplicationError, match=r"set to False, and clients are still told True \(variant on"
    ) as refused:
        await shop.perform("flag.set", OFF, timeout_seconds=3.0)
    assert refused.value.type == "Transient"
    shop.site.flagd.stuck = None
    await shop.perform("flag.set", OFF, attempt=2)
    await shop.undo("flag.set", OFF, None)
    assert shop.site.flagd.definition("new-checkout")["defaultVariant"] == "on"


async def test_a_flag_that_is_set_already_and_not_told_is_no_success_either(shop: World) -> None:
    """The file has said so before we came, and clients hear something else."""
    shop.site.flagd.stuck = json.loads(shop.site.flagd.file.read_text())["flags"]
    shop.site.flagd.file.write_text(
        shop.site.flagd.file.read_text().replace('"defaultVariant": "on"', '"defaultVariant": "off"')
    )
    with pytest.raises(ApplicationError, match="clients are still told True"):
        await shop.perform("flag.set", OFF, timeout_seconds=3.0)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (OFF | {"value": "off"}, "no variant with the value"),
        (OFF | {"value": 0}, "no variant with the value"),
        (LOUD, "2 variants with the value"),
        (OFF | {"flag": "old"}, "may not be set"),
    ],
)
async def test_only_a_value_that_one_variant_has_is_set(shop: World, asked: dict[str, Any], said: str) -> None:
    """Whatever is refused leaves the file as it was."""
    before = shop.site.flagd.file.read_bytes()
    with pytest.raises(ApplicationError, match=said) as refused:
        await shop.perform("flag.set", asked)
    assert refused.value.type == "Rejected"
    assert shop.site.flagd.file.read_bytes() == before


async def test_a_disabled_flag_is_refused_for_its_value_reaches_nobody(shop: World) -> None:
    """Setting it would look like success."""
    provider(shop, flags=["old"])
    with pytest.raises(ApplicationError, match="is DISABLED: clients take their own default"):
        await shop.perform("flag.set", OFF | {"flag": "old", "value": True})


async def test_rules_that_go_on_deciding_are_said(shop: World) -> None:
    """A default is not a kill switch for those whom a rule names; asked as one of them, it does not count as set."""
    done = await shop.perform("flag.set", LOUD | {"value": "plain"})
    assert done.detail == "it was 'plain' already"
    provider(shop, context={"targetingKey": "hotwash", "team": "design"})
    told = await shop.check("check.flag", LOUD | {"value": "plain"})
    assert not told.holds
    assert "'loud' (variant loud, TARGETING_MATCH), wanted 'plain'" in told.detail


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_provider_that_is_away_does_not_hold(shop: World, status: int) -> None:
    """What nobody has said is not as wanted."""
    shop.site.flagd.status = status
    told = await shop.check("check.flag", OFF | {"value": True})
    assert (told.holds, str(status) in told.detail) == (False, True)


async def test_a_provider_that_does_not_run_does_not_hold(shop: World) -> None:
    """No connection is no answer."""
    provider(shop, ofrep="http://127.0.0.1:9")
    assert not (await shop.check("check.flag", OFF | {"value": True})).holds


@pytest.mark.parametrize(
    ("changes", "asked", "said"),
    [
        ({"token": None}, OFF, "answered 401; see 'token'"),
        ({}, OFF | {"flag": "nowhere"}, "FLAG_NOT_FOUND"),
        ({"context": {"team": "x"}}, OFF, "TARGETING_KEY_MISSING"),
        ({"ofrep": None}, OFF, "has no 'ofrep'"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    shop: World, changes: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    """With the provider's own words."""
    provider(shop, **changes)
    with pytest.raises(ApplicationError, match=said) as refused:
        await shop.check("check.flag", asked)
    assert refused.value.type == "Rejected"


@pytest.mark.parametrize("text", ["{", "[]", '{"flags": []}', '{"flags": {"new-checkout": {"state": "ENABLED"}}}'])
async def test_a_file_that_holds_no_definitions_is_refused(shop: World, text: str) -> None:
    """And left alone."""
    shop.site.flagd.file.write_text(text)
    with pytest.raises(ApplicationError) as refused:
        await shop.perform("flag.set", OFF)
    assert refused.value.type == "Rejected"
    assert shop.site.flagd.file.read_text() == text


@pytest.mark.parametrize("given", [{}, {"url": "http://x/{flag}", "file": "/x"}, {"url": "http://x/"}])
def test_a_provider_is_set_in_one_way(given: dict[str, str]) -> None:
    """An endpoint or a file."""
    with pytest.raises(ValidationError):
        FlagProvider.model_validate({"flags": ["x"], **given})
