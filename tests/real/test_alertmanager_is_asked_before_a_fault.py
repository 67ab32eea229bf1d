"""A game day asks a real Alertmanager whether its alert would be heard, before anything is touched."""

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from activities.clients.http import HttpClient
from activities.drill_surroundings import SurroundingsActivities
from domain.configuration import Configuration
from domain.drill_targets import GameDayPolicy
from tests.support.engine import time_skipping_engine
from tests.support.game_days import HALT, Room
from tests.support.ports import a_free_port
from tests.support.real_servers import Children, listens, until
from tests.support.recording import Post, Record

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

# Nobody has to hear of it here; it is asked only.
CONFIGURATION = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""
DETECT = {"expect": "detect", "within": "30s"}


class Alertmanager:
    """The server, as a person with `amtool` would use it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def silence(self, begins_in: timedelta = timedelta(), **matchers: str) -> str:
        """Silence what has these labels; `~…` is a regular expression, `!…` what they must not be. Its id."""
        begins_at = datetime.now(UTC) + begins_in
        body = {
            "comment": "deploying", "createdBy": "ben", "startsAt": begins_at.isoformat(),
            "endsAt": (begins_at + timedelta(hours=1)).isoformat(),
            "matchers": [
                {"name": name, "value": value.lstrip("~!"), "isRegex": value[0] == "~", "isEqual": value[0] != "!"}
                for name, value in matchers.items()
            ],
        }  # fmt: skip
        answer = httpx.post(f"{self.url}/api/v2/silences", json=body)
        assert answer.status_code == 200, answer.text
        id_: str = answer.json()["silenceID"]
        return id_

    def end(self, silence: str) -> None:
        """It is over; it stays in the list, expired."""
        assert httpx.delete(f"{self.url}/api/v2/silence/{silence}").status_code == 200

    def fire(self, *, over: bool = False, **labels: str) -> None:
        """An alert, or its end."""
        ends = {"endsAt": datetime.now(UTC).isoformat()} if over else {}
        answer = httpx.post(f"{self.url}/api/v2/alerts", json=[{"labels": labels, **ends}])
        assert answer.status_code == 200, answer.text
        until(lambda: bool(self._firing(labels)) is not over, "it was taken in")

    def _firing(self, labels: dict[str, str]) -> Any:
        filters = [("filter", f"{name}={json.dumps(value)}") for name, value in labels.items()]
        return httpx.get(f"{self.url}/api/v2/alerts", params=filters).json()


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """A running one."""
    if shutil.which("prometheus-alertmanager") is None:
        pytest.skip("needs prometheus-alertmanager: make test-real as root installs it")
    port, folder = a_free_port(), tmp_path_factory.mktemp("alertmanager")
    (folder / "alertmanager.yml").write_text(CONFIGURATION)
    with contextlib.closing(Children()) as children:
        children.start(
            [
                "prometheus-alertmanager",
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            folder / "log",
        )
        until(lambda: listens(port), "Alertmanager's start")
        yield Alertmanager(f"http://127.0.0.1:{port}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """The engine."""
    async with time_skipping_engine() as environment:
        yield environment


class NobodyElse:
    """Neither the engine nor the record is asked by this check."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class Everything:
    """A `hotwash.yaml` that nobody reads here."""

    @staticmethod
    def current() -> Configuration:
        """Empty."""
        return Configuration()


@pytest_asyncio.fixture(loop_scope="module")
async def room(env: WorkflowEnvironment) -> AsyncIterator[Room]:
    """A game day whose Alertmanager is asked by the real activity."""
    made, nobody = Room(env, f"control-{uuid4().hex[:8]}", Record(), Post()), NobodyElse()
    http = HttpClient()
    made.world.asker = SurroundingsActivities(Everything(), nobody, nobody, http)
    async with made.control(), made.steps():
        yield made
    await http.close()


async def refusal(room: Room, url: str, **start: Any) -> str | None:
    """Why it does not begin; None when it does (it is halted then). Nothing was touched when it was refused."""
    handle = await room.start(policy=GameDayPolicy(alertmanagers=(url,)), **start)
    state = await room.until_view(handle, lambda each: each.took_effect_at is not None or each.verdict is not None)
    if state.verdict is None:
        await handle.execute_update("halt", HALT)
    end = await room.ended(handle)
    if end.verdict == "aborted":
        return None
    assert (end.verdict, room.target.done) == ("refused", [])
    return end.reason


@pytest.mark.parametrize(
    ("matchers", "begins_in"),
    [
        ({"drillable": "yes"}, 0),
        ({"alertname": "ShopDown"}, 0),
        ({"alertname": "~Shop.*", "instance": "shop-1"}, 0),
        ({"alertname": "~.+"}, 0),
        ({"alertname": "!SearchDown"}, 0),
        ({"alertname": "ShopDown"}, 20),
    ],
)
async def test_a_silence_that_would_cover_the_alert_refuses_it(
    room: Room, alertmanager: Alertmanager, matchers: dict[str, str], begins_in: int
) -> None:
    """By `match`, by the labels that `detect` expects, or by muting whatever comes; also one that begins meanwhile."""
    silence = alertmanager.silence(timedelta(seconds=begins_in), **matchers)
    try:
        said = await refusal(room, alertmanager.url, expectations=[{**DETECT, "alert": {"alertname": "ShopDown"}}])
    finally:
        alertmanager.end(silence)
    assert said is not None
    assert "the alert is silenced (deploying): nobody would hear of the fault; end the silence" in said


async def test_an_alert_that_fires_already_refuses_it(room: Room, alertmanager: Alertmanager) -> None:
    """The second of two that are expected, by its regular expression."""
    wanted = [{**DETECT, "alert": {"alertname": name}} for name in ("SearchDown", "~Shop(Down|Slow)")]
    alertmanager.fire(alertname="ShopSlow", drillable="yes")
    try:
        said = await refusal(room, alertmanager.url, expectations=wanted)
    finally:
        alertmanager.fire(over=True, alertname="ShopSlow", drillable="yes")
    assert said is not None
    assert "what is to be detected fires already: ShopSlow" in said


async def test_silences_and_alerts_of_others_are_no_hindrance(room: Room, alertmanager: Alertmanager) -> None:
    """One for another alert, one that is over, one that begins long afterwards; an alert that is no drill's."""
    alertmanager.end(alertmanager.silence(drillable="yes"))
    alertmanager.silence(timedelta(hours=2), drillable="yes")
    alertmanager.silence(drillable="yes", alertname="SearchDown")
    alertmanager.fire(alertname="ShopDown", drillable="no")
    assert await refusal(room, alertmanager.url, expectations=[{**DETECT, "alert": {"alertname": "ShopDown"}}]) is None


async def test_an_alertmanager_that_is_away_refuses_it(room: Room) -> None:
    """Nobody can tell whether the alert would be heard."""
    away = f"http://127.0.0.1:{a_free_port()}"
    said = await refusal(room, away)
    assert said is not None
    assert "the Alertmanager does not answer" in said
