"""Kill -9 of the worker, the API, the engine or all of them while a game day has broken real servers.

Every fault of PostgreSQL, Redis, HAProxy, Alertmanager and AWS FIS is in one game day. The servers are as before by
themselves or by their leases, before anybody is started again; and what is told in the end is true of each.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.configuration import ActionSettings
from tests.support.action_world import TOKEN, Secrets
from tests.support.http_target import http_target
from tests.support.ports import a_free_port
from tests.support.postgres_pair import PASSWORD, TOGETHER, Pair
from tests.support.real_servers import Children
from tests.support.service_fault_world import ServiceFaults
from tests.support.service_places import KINDS, Places
from tests.support.world import PARTS, World, a_world

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

VICTIMS = {"worker": ("worker",), "api": ("api",), "engine": ("engine",), "all": ("worker", "api", "engine")}
FIS = "aws.fis.start_experiment"
# The faults are made one beside the other, and on a busy machine the last is seconds later than the first.
LASTS, LEASE = "20s", "8s"


@dataclass(frozen=True)
class Broken:
    """One fault of the game day, and whether a client of its target sees it."""

    action: str
    parameters: dict[str, Any]
    settings: dict[str, Any]
    shows: Callable[[], bool]

    @property
    def id(self) -> str:
        """Its name in the document."""
        return self.action.replace(".", "_")


@pytest.fixture
def all_broken(
    tmp_path: Path, pairs: list[Pair], server_folder: Path, children: Children, needs: Callable[..., None]
) -> Iterator[list[Broken]]:
    """What can be broken, each in a server of its own; nothing is broken yet."""
    needs("redis-server", "haproxy", "prometheus-alertmanager")
    with ExitStack() as running:
        places = Places(server_folder, children, a_free_port, running)
        broken = []
        for fault in ("alerting.mute", "haproxy.server_down", "redis.pause"):
            place = KINDS[fault](places)
            broken.append(Broken(fault, place.parameters, place.settings, place.shows))
        for number, (pair, faults) in enumerate(zip(pairs, TOGETHER, strict=True)):
            cluster = {f"pair{number}": pair.cluster(lockable=["orders"])}
            for fault in faults:
                table = {"table": "orders"} if fault == "postgres.lock" else {}
                wish = {"cluster": f"pair{number}", **table}
                broken.append(Broken(fault, wish, {"postgres": cluster}, _showing(pair, fault)))
        services = ServiceFaults(tmp_path, TOKEN)
        running.callback(services.close)
        case, settings = services.case(FIS) or pytest.fail("there is no case of it")
        services.cloud.contract.fis.actions["pause"]["parameters"] = {"duration": "PT5S"}
        wish = {name: value for name, value in case.parameters.items() if name != "duration"}
        broken.append(Broken(FIS, wish, settings, lambda: bool(case.state())))
        yield broken


def _showing(pair: Pair, fault: str) -> Callable[[], bool]:
    return lambda: pair.shows(fault)


def configuration(folder: Path, all_broken: list[Broken]) -> str:
    """hotwash.yaml; JSON is YAML."""
    actions: dict[str, Any] = {"lease_folder": str(folder / "leases")}
    for one in all_broken:
        for kind, named in one.settings.items():
            actions[kind] = actions.get(kind, {}) | named
    return json.dumps(
        {
            "people": {"ann": {"name": "Ann"}, "bob": {"name": "Bob"}},
            "services": {"shop": {"name": "Shop"}},
            "drill_targets": {"all": {"service": "shop", "environment": "test", "drillable": True}},
            "actions": json.loads(ActionSettings.model_validate(actions).model_dump_json()),
        }
    )


def game_day(all_broken: list[Broken], health: str) -> str:
    """All of it at once."""
    return json.dumps(
        {
            "schema_version": 1,
            "name": "everything",
            "title": "Everything is broken at once",
            "owner": "ann",
            "hypothesis": "Somebody notices",
            "match": {"drillable": "yes"},
            "targets": {"all": {"names": ["all"]}},
            "steady_state": [{"id": "health", "action": "check.http", "with": {"url": health}, "mode": "edge"}],
            "probe_every": "200ms",
            "faults": [
                {
                    "id": one.id,
                    "action": one.action,
                    "targets": "all",
                    "with": one.parameters,
                    "duration": LASTS,
                    "lease": LEASE,
                }
                for one in all_broken
            ],
            "expectations": [{"expect": "no_other_alerts"}],
            "duration": "2m",
        }
    )


async def told(world: World, id_: str) -> dict[str, Any]:
    """The state of the game day; empty while nobody answers."""
    try:
        answer = await world.http.get(f"/api/v1/game-days/{id_}")
    except (OSError, httpx.HTTPError):
        return {}
    return dict(answer.json()) if answer.is_success else {}


def leases(folder: Path) -> dict[str, Any]:
    """The lease files, by the fault's action."""
    documents = [json.loads(file.read_text()) for file in (folder / "leases").glob("*.json")]
    return {document["action"]: document for document in documents}


@pytest.mark.parametrize(
    "victim", [pytest.param(one, marks=() if one == "all" else pytest.mark.long) for one in VICTIMS]
)
async def test_every_server_is_as_before_and_the_report_is_true(
    tmp_path: Path, all_broken: list[Broken], victim: str
) -> None:
    """Killed while all is broken; clean without us; started again, judged, and told as it was."""
    environment = {reference.removeprefix("env:"): value for reference, value in Secrets().values.items()}
    environment["PG"] = PASSWORD
    with http_target() as health:
        async with a_world(tmp_path / "world", configuration(tmp_path, all_broken), environment) as world:
            (world.home.game_days / "everything.yaml").write_text(game_day(all_broken, health.url))
            id_ = (await world.post("/game-days/everything/start", {"by": "ann"}))["id"]

            async def state() -> dict[str, Any]:
                return await told(world, id_)

            proved = await world.eventually(
                state,
                lambda it: (
                    it.get("phase") == "finished"
                    or (it and all(each["effect"] == "confirmed" for each in it["faults"]) and it["faults"])
                ),
                "every fault in place",
                90,
            )
            assert proved["phase"] != "finished", proved["reason"]
            for part in VICTIMS[victim]:
                world.kill(part)

            async def unclean() -> list[str]:
                return [one.action for one in all_broken if one.shows()]

            await world.eventually(unclean, lambda left: left == [], "clean servers", 60)
            for part in PARTS:
                if part in VICTIMS[victim]:
                    await world.start(part)
            await world.ready()
            end = await world.eventually(state, lambda it: it.get("phase") == "finished", "the end", 120)
    assert [one.action for one in all_broken if one.shows()] == []
    files = leases(tmp_path)
    who = {"lease": "lease", "duration": "lease", "sweep": "sweep", "undo": "workflow"}
    for fault in end["faults"]:
        said = json.dumps([end["verdict"], end["reason"], fault, files[fault["action"]]], indent=1)
        assert (fault["state"], fault["effect"], fault["clean"]) == ("undone", "confirmed", True), said
        assert fault["undone_by"] == who[files[fault["action"]]["by"]], said
    assert len(end["faults"]) == len(all_broken)
    early = [fault["action"] for fault in end["faults"] if fault["ended_early"]]
    if victim == "api":
        assert (end["verdict"], early) == ("passed", []), end["reason"]
    else:
        assert early, end["faults"]
        assert end["verdict"] not in {"passed", "aborted"}, end["reason"]
