"""Every game day of the library is held on the demo's system, with real faults, and passes as its hypothesis says.

One house and one system serve all, one game day after the other. The one thing to know: where something has to hold
for as long as the fault lasts, the minutes that the library leaves for people to look are seconds here; nothing else
is changed.
"""

import json
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio

from runbooks.game_day_catalog import LIBRARY
from tests.support.drill_system import PROGRAMS, DrillSystem
from tests.support.mailbox import Mailbox
from tests.support.postgres_pair import PASSWORD, newest_bin
from tests.support.real_servers import Children, a_folder
from tests.support.world import ROOT, World, a_world

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
NAMES = sorted(file.stem for file in LIBRARY.glob("*.yaml"))
CONFIGURATION = """
people: {{ann: {{name: Ann, email: ann@shop.example, groups: [sre]}}}}
on_call: {{shop: {{levels: [{{people: [ann], acknowledge_within: 1h}}]}}}}
services: {{shop: {{name: Shop, on_call: shop}}}}
integrations: {{alertmanager: {{secret: "file:secrets/alertmanager"}}}}
routes:
  - {{name: down, match: {{alertname: ShopDown}}, service: shop, severity: SEV-3, runbook: restart-shop}}
  - {{name: errors, match: {{alertname: ShopCheckoutErrors}}, service: shop, severity: SEV-3}}
drill_targets:
  shop: {{service: shop, environment: test, drillable: true, with: {target}}}
  edge: {{service: shop, environment: test, drillable: true, with: {edge}}}
channels: {{mail: {{kind: smtp, host: 127.0.0.1, port: {smtp}, sender: a@shop.example, encryption: none}}}}
page_channels: [mail]
actions: {actions}
policy: {{alert_reopen_window: 1s}}
"""


class Practice:
    """The house and the system."""

    def __init__(self, world: World, system: DrillSystem) -> None:
        self.world = world
        self.system = system

    async def held(self, name: str) -> dict[str, Any]:
        """One game day of the library, from a quiet start to its end."""
        await self.world.eventually(self.firing, lambda groups: groups == [], "nothing fires", 60)
        text = (LIBRARY / f"{name}.yaml").read_text()
        if "during_fault" in text:
            (self.world.home.game_days / f"{name}.yaml").write_text(text.replace("duration: 2m", "duration: 4s"))
        target = "edge" if name == "one-server-is-out" else "shop"
        begun = await self.world.post(f"/game-days/{name}/start", {"by": "ann", "parameters": {"target": target}})

        async def ask() -> dict[str, Any]:
            answer = await self.world.http.get(f"/api/v1/game-days/{begun['id']}")
            # Who is away for a moment says so later.
            return dict(answer.json()) if answer.is_success else {}

        if "expect: acknowledge" in text:
            await self._answered(await self.world.eventually(ask, _is_paged, f"the page of {name}", 120))
        end: dict[str, Any] = await self.world.eventually(
            ask, lambda it: it.get("phase") == "finished", f"the end of {name}", 120
        )
        if end["incident_id"]:
            summary = {"by": "ann", "summary": "Drill: it was put right."}
            await self.world.post(f"/incidents/{end['incident_id']}/resolve", summary)
        return end

    async def _answered(self, state: dict[str, Any]) -> None:
        """What Ann does who is paged: she takes it, and tells the others."""
        if state["incident_id"]:
            room = f"/incidents/{state['incident_id']}"
            await self.world.post(f"{room}/acknowledge", {"by": "ann"})
            words = {"by": "ann", "audience": "internal", "text": "Customers get errors; we are at it."}
            await self.world.post(f"{room}/updates", words)

    async def firing(self) -> list[str] | None:
        """Alert groups in which something fires; None while nobody can say."""
        answer = await self.world.http.get("/api/v1/alert-groups")
        return [group["id"] for group in answer.json()["items"] if group["firing"]] if answer.is_success else None


def _is_paged(state: dict[str, Any]) -> bool:
    """Somebody was, or it is over."""
    seen = {each["expectation"]: each["judgement"] for each in state.get("expectations", ())}
    return state.get("phase") == "finished" or seen.get("page") not in {None, "pending"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice(tmp_path_factory: pytest.TempPathFactory, server_user: Sequence[str]) -> AsyncIterator[Practice]:
    """Started once."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or newest_bin() is None:
        pytest.skip(f"needs {', '.join(missing) or 'postgresql'}: make test-real as root installs them")
    children = Children()
    with ExitStack() as running:
        folder = running.enter_context(a_folder(()))
        running.callback(children.close)
        system = DrillSystem(folder, server_user, children, running)
        target = system.target()
        text = CONFIGURATION.format(
            target=json.dumps(target),
            edge=json.dumps(target | {"url": system.front}),
            smtp=running.enter_context(Mailbox()).port,
            actions=system.settings(socket.gethostname()).model_dump_json(),
        )
        world_folder = tmp_path_factory.mktemp("library")
        async with a_world(world_folder, text, {"PG": PASSWORD}) as world:
            runbook = (ROOT / "cli" / "demo" / "runbooks" / "restart-shop.yaml").read_text()
            (world.home.folder / "runbooks").mkdir(exist_ok=True)
            (world.home.folder / "runbooks" / "restart-shop.yaml").write_text(
                runbook.replace("${SHOP_URL}", system.shop.url)
            )
            await world.eventually(system.sells, bool, "the shop sells")
            system.watch(f"{world.url}/webhooks/alertmanager", world.home.secrets / "alertmanager")
            yield Practice(world, system)


@pytest.mark.parametrize("name", NAMES)
async def test_it_passes_on_the_real_thing(practice: Practice, name: str) -> None:
    """The fault shows at its target, everything expected is seen, it is undone and nothing is left."""
    end = await practice.held(name)
    judged = {each["expectation"]: each["judgement"] for each in end["expectations"]}
    assert end["verdict"] == "passed", (end["reason"], judged, end["faults"], end["other_alerts"])
    assert set(judged.values()) == {"met"}
    (fault,) = end["faults"]
    assert (fault["state"], fault["effect"], end["restored"]) == ("undone", "confirmed", True)
    # A fault that its server ends when its time is over ends by its lease; none may end before that.
    assert (fault["undone_by"] in {"workflow", "response", "lease"}, fault["ended_early"]) == (True, False)
    assert fault["clean"] is not False
    assert end["scores"]["undo_safety"] == 100
    assert await practice.system.sells()
