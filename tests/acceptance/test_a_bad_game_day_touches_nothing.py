"""What is wrong with a game day is said before anything is touched, with the place and the cure; on a real house.

The one thing to know: each test looks at the shop afterwards. Its process is the same one, nothing was restarted, and
no lease was opened.
"""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from ruamel.yaml import YAML

from activities.actions import specs
from runbooks.importers.game_days import import_game_day
from tests.support.house import Shop
from tests.support.ports import a_free_port
from tests.support.world import World, a_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIGURATION = """
people: {{ann: {{name: Ann, groups: [sre]}}, bob: {{name: Bob}}}}
services: {{shop: {{name: Shop}}}}
drill_targets:
  open: {{service: shop, environment: test, drillable: true, with: {{process: shop}}}}
  closed: {{service: shop, environment: test, with: {{process: shop}}}}
  live: {{service: shop, environment: production, drillable: true, with: {{process: shop}}}}
  orders-primary: {{service: shop, environment: test, drillable: true, with: {{process: shop}}}}
  ghost: {{service: shop, environment: test, drillable: true, with: {{process: ghost}}}}
game_day_policy: {{deny: ["*-primary"]}}
actions:
  lease_folder: "{leases}"
  releases:
    shop: {{directory: "{shop}", pid_file: "{shop}/supervisor.pid"}}
    gone: {{directory: "{shop}/gone", pid_file: "{shop}/gone/supervisor.pid"}}
  processes: {{shop: "{shop}/shop.pid"}}
  daemons: {{broken: {{pid_file: "{shop}/shop.pid", start: [/nonexistent/shop-server]}}}}
  prometheus: {{away: {{url: "http://127.0.0.1:{dead}"}}}}
"""
# Everything about it is right.
GOOD = """\
schema_version: 1
name: drill
title: The shop dies
owner: ann
hypothesis: We notice
match: {drillable: "yes"}
targets:
  shop: {names: [open]}
steady_state:
  - {id: health, action: check.http, with: {url: "URL/healthz"}}
probe_every: 200ms
faults:
  - id: kill
    action: process.kill
    targets: shop
    with: {process: "{{ target.process }}"}
    duration: 5s
    undo: {action: release.restart, with: {target: shop}}
stop_conditions:
  - {id: slow, action: check.http, with: {url: "URL/healthz"}, stop_when: fails, every: 5s, times: 9}
expectations:
  - {expect: page, within: 3s}
approval: {expires_after: 2s}
duration: 5s
"""
UNDO = "undo: {action: release.restart, with: {target: shop}}"
WITH = 'with: {process: "{{ target.process }}"}'
STOP = 'action: check.http, with: {url: "URL/healthz"}, stop_when: fails'
# Of somebody else: a provider, a control and a tolerance that have no like here.
THEIRS = """\
title: The pods survive
description: They do
controls: [{name: trace, provider: {type: python, module: chaostracing.control}}]
steady-state-hypothesis:
  title: Pods are there
  probes:
    - {type: probe, name: pods, tolerance: true, provider: {type: python, module: theirs, func: pods_are_there}}
method:
  - {type: action, name: lose, provider: {type: python, module: chaosk8s.pod.actions, func: terminate_pods}}
"""


class Place:
    """A house with a shop, and two servers that are of no use."""

    def __init__(self, world: World, shop: Shop, leases: Path, dead: str, silent: str) -> None:
        self.world = world
        self.shop = shop
        self.leases = leases
        self.words = {"URL": shop.url, "DEAD": dead, "SILENT": silent}

    async def start(self, text: str) -> tuple[int, dict[str, Any]]:
        """The status and the answer of a start."""
        for word, value in self.words.items():
            text = text.replace(word, value)
        (self.world.home.game_days / "drill.yaml").write_text(text)
        answer = await self.world.http.post(
            "/api/v1/game-days/drill/start", json={"by": "ann"}, headers={"Idempotency-Key": uuid4().hex}
        )
        return answer.status_code, answer.json()

    async def refused(self, text: str) -> str:
        """Why it is not held; and nothing was touched."""
        before = self._looks()
        status, answer = await self.start(text)
        if status in {400, 403, 404, 409, 422}:
            sentence = str(answer["detail"])
        else:
            assert status == 201, answer
            end = await self.ended(answer["id"])
            assert (end["verdict"], end["injected_at"]) == ("refused", None), end["reason"]
            sentence = end["reason"]
            assert sentence.endswith("nothing was touched")
        assert self._looks() == before
        return sentence

    async def ended(self, id_: str) -> dict[str, Any]:
        """The game day once it has ended."""

        async def ask() -> dict[str, Any]:
            state: dict[str, Any] = (await self.world.http.get(f"/api/v1/game-days/{id_}")).json()
            return state

        state: dict[str, Any] = await self.world.eventually(
            ask, lambda it: it.get("phase") == "finished", "the end", 120
        )
        return state

    def _looks(self) -> tuple[str, list[str], list[Path]]:
        return (self.shop.folder / "shop.pid").read_text(), self.shop.starts(), list(self.leases.glob("*"))


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory, silent: str) -> AsyncIterator[Place]:
    """One for all tests: none of them may change anything."""
    folder = tmp_path_factory.mktemp("bad")
    shop, dead = Shop(folder / "shop", a_free_port()), a_free_port()
    leases = folder / "leases"
    try:
        text = CONFIGURATION.format(shop=shop.folder, leases=leases, dead=dead)
        async with a_world(folder / "world", text) as world:
            await world.eventually(shop.sells, bool, "the shop sells")
            yield Place(world, shop, leases, f"http://127.0.0.1:{dead}", silent)
    finally:
        shop.close()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        # --- a target without its owner's word ---
        ("[open]", "[closed]", "drill.yaml:8:18: 'closed' may not be drilled: its owner has to set `drillable: true`"),
        ("[open]", "[opne]", "drill.yaml:8:18: there is no target 'opne'; did you mean 'open'?"),
        ("[open]", "[orders-primary]", "drill.yaml:8:18: 'orders-primary' is never drilled: game_day_policy.deny has"),
        ("names: [open]", "tags: {tier: web}", "targets 'shop' (tier: web) choose nothing"),
        # --- without an end ---
        ("    duration: 5s\n", "", "drill.yaml:13:5: the key 'duration' is missing"),
        ("    duration: 5s\n", "    duration: 0s\n", "drill.yaml:17:15: must be between 1s and 4h, not 0s"),
        ("    duration: 5s\n", "    duration: for ever\n", "drill.yaml:17:15: 'for ever' is not a duration"),
        ("    duration: 5s\n", "    duration: 6s\n", "drill.yaml:17:15: the whole game day is over after 5s"),
        # --- an undo that cannot run ---
        (UNDO, "title: No way back", "drill.yaml:14:13: 'process.kill' brings nothing back by itself; write `res"),
        (UNDO, "undo: {action: check.http, with: {url: URL}}", "'check.http' only looks; an undo has to put something"),
        (UNDO, UNDO.replace("shop", "shpo"), "the undo of kill on open cannot run: no release target is called 'shpo'"),
        (UNDO, UNDO.replace("shop", "gone"), "the undo of kill on open cannot run: "),
        (UNDO, UNDO.replace("target:", "name:"), "release.restart: unknown parameter 'name'"),
        (WITH, WITH.replace('}}"', '}}", restart: broken'),
         "/nonexistent/shop-server (actions.daemons.broken.start) is no program that this worker may run; mend it"),
        # --- a name that nobody has: no alert would be the drill's ---
        ("owner: ann", "owner: ann\nservice: shpo", "drill.yaml:5:10: there is no service 'shpo' in hotwash.yaml; did"),
        ("{expires_after: 2s}", "{approvers: [ane]}", "there is no person, team or group 'ane' in hotwash.yaml; did"),
        # --- a fault that cannot be made ---
        ("[open]", "[ghost]", "no process is called 'ghost'; "),
        # --- stop conditions that never answer ---
        (STOP, 'action: check.http, with: {url: "DEAD/"}, stop_when: fails', "stop condition 'slow': its source "),
        (STOP, 'action: check.http, with: {url: "DEAD/"}', "stop condition 'slow': its source does not answer"),
        (STOP, 'action: check.http, with: {url: "SILENT/", timeout_seconds: 1}', "its source does not answer"),
        (STOP, 'action: check.promql, with: {prometheus: away, query: up, comparison: ">", threshold: 1}',
         "stop condition 'slow': its source does not answer"),
        (STOP, 'action: check.promql, with: {prometheus: nope, query: up, comparison: ">", threshold: 1}',
         "stop condition 'slow': its source does not answer"),
        (STOP, "error_budget: {prometheus: away, query: left}", "stop condition 'slow': its source does not answer"),
        (STOP, "on_no_data: go_on", "a stop condition needs exactly one of action, alarm, real_incident, error_budget"),
    ],
)  # fmt: skip
async def test_it_is_refused_with_place_and_cure(place: Place, right: str, wrong: str, said: str) -> None:
    """And the shop has not noticed."""
    assert right in GOOD
    assert said in await place.refused(GOOD.replace(right, wrong, 1))


async def test_production_is_not_touched_without_a_yes(place: Place) -> None:
    """The document asks nobody; the policy does. Who asked may not answer, and in time there is no answer."""
    before = (place.shop.folder / "shop.pid").read_text()
    status, begun = await place.start(GOOD.replace("[open]", "[live]"))
    assert status == 201

    async def ask() -> dict[str, Any]:
        state: dict[str, Any] = (await place.world.http.get(f"/api/v1/game-days/{begun['id']}")).json()
        return state

    state = await place.world.eventually(ask, lambda it: it.get("approval"), "it asks people")
    approval = state["approval"]
    vote = {"decision": "approve", "digest": approval["digest"], "by": "ann"}
    answer = await place.world.http.post(f"/api/v1/approvals/{approval['id']}/decision", json=vote)
    assert answer.status_code in {403, 409}, answer.text
    end = await place.ended(begun["id"])
    assert (end["verdict"], end["injected_at"]) == ("refused", None)
    assert "its targets were not approved" in end["reason"]
    assert (place.shop.folder / "shop.pid").read_text() == before


async def test_an_experiment_of_somebody_else_is_no_game_day(place: Place) -> None:
    """As it is, it is refused with the command that makes one of it."""
    said = await place.refused(THEIRS)
    assert "drill.yaml:1:1: " in said
    assert "hotwash game-day import" in said


async def test_an_imported_experiment_waits_for_what_it_could_not_say(place: Place) -> None:
    """Its unsupported parts are named with their lines, and it does not start before somebody completed it."""
    made = import_game_day(THEIRS, "drill.yaml", None, specs(), owner="ann")
    lines = {loss.line for loss in made.losses}
    numbers = {text: number for number, text in enumerate(THEIRS.splitlines(), 1)}
    for words in ("controls:", "name: pods", "name: lose"):
        assert next(number for text, number in numbers.items() if words in text) in lines
    said = await place.refused(made.text)
    assert "parameter" in said
    given = YAML(typ="safe").load(made.text)["parameters"]
    assert any(f"'{name}'" in said for name in given)


async def test_the_good_one_is_held(place: Place) -> None:
    """So that the others were refused for what was wrong with them; last, because it kills the shop."""
    status, begun = await place.start(GOOD)
    assert status == 201
    end = await place.ended(begun["id"])
    assert (end["verdict"], end["restored"]) == ("failed", True), end["reason"]
