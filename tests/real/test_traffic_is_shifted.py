"""HAProxy and nginx as Debian ships them: traffic moves at once, and a bad configuration changes nothing."""

import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.configuration import ActionSettings
from tests.support.action_world import World
from tests.support.http_target import Target, http_target
from tests.support.real_servers import Children, listens, listens_at, until

pytestmark = pytest.mark.real
WEB1 = {"target": "edge", "backend": "shop", "server": "web1"}
HAPROXY = """
global
  stats socket {folder}/admin.sock mode 600 level {level}
  server-state-file {folder}/state
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  load-server-state-from-file global
frontend web
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  server web1 127.0.0.1:{blue} weight 100
  server web2 127.0.0.1:{green} weight 100
"""
NGINX = """
daemon off;
master_process on;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/upstream.conf;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://shop; }}
  }}
}}
"""


class Shop:
    """Two web servers that say who they are, behind a proxy."""

    def __init__(self, world: World, blue: Target, green: Target, port: int, folder: Path) -> None:
        self.world = world
        self.port = port
        self.folder = folder
        self.ports = {"blue": blue.url.rpartition(":")[2], "green": green.url.rpartition(":")[2]}

    def answers(self, count: int = 10) -> set[str]:
        """Who answers to that many customers."""
        url = f"http://127.0.0.1:{self.port}/"
        return {urllib.request.urlopen(url, timeout=20).read().decode() for _ in range(count)}

    def allow(self, **actions: Any) -> None:
        """Say it in hotwash.yaml."""
        self.world.actions = ActionSettings.model_validate(self.world.actions.model_dump() | actions)


@pytest.fixture
def shop(world: World, server_folder: Path, free_port: Callable[[], int]) -> Iterator[Shop]:
    """Both web servers run; the proxy is up to the test."""
    with http_target() as blue, http_target() as green:
        blue.body, green.body = b"blue", b"green"
        yield Shop(world, blue, green, free_port(), server_folder)


def start_haproxy(shop: Shop, children: Children, level: str = "admin", **more: Any) -> subprocess.Popen[bytes]:
    """A HAProxy that loads its state file, and its name in hotwash.yaml."""
    text = HAPROXY.format(folder=shop.folder, port=shop.port, level=level, **shop.ports)
    (shop.folder / "haproxy.cfg").write_text(text)
    (shop.folder / "state").touch()
    shop.allow(haproxy={"edge": {"socket": str(shop.folder / "admin.sock"), "backends": ["shop"], **more}})
    child = children.start(["haproxy", "-f", shop.folder / "haproxy.cfg", "-db"], shop.folder / "haproxy.log")
    until(lambda: listens_at(shop.folder / "admin.sock"), "HAProxy's start")
    return child


async def test_drained_and_ready_again(shop: Shop, children: Children, needs: Callable[..., None]) -> None:
    """All customers go to the other server, and back to both once it is ready."""
    needs("haproxy")
    start_haproxy(shop, children)
    assert shop.answers() == {"blue", "green"}
    drained = await shop.world.perform("haproxy.drain", WEB1)
    assert shop.answers() == {"green"}
    assert drained.detail.startswith("it is drain, it was ready; it is lost when HAProxy reloads")
    await shop.world.perform("haproxy.maint", WEB1, key="maint")
    assert shop.answers() == {"green"}
    await shop.world.perform("haproxy.ready", WEB1, key="ready")
    assert shop.answers() == {"blue", "green"}


async def test_undo_brings_the_weight_back(shop: Shop, children: Children, needs: Callable[..., None]) -> None:
    """Weight 0 takes no customer; undone, it takes its share again."""
    needs("haproxy")
    start_haproxy(shop, children)
    done = await shop.world.perform("haproxy.weight", WEB1 | {"weight": 0})
    assert done.output["previous"] == 100
    assert shop.answers() == {"green"}
    await shop.world.undo("haproxy.weight", WEB1 | {"weight": 0}, done.output)
    assert shop.answers() == {"blue", "green"}


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_restart_forgets_only_what_was_not_kept(
    shop: Shop, children: Children, needs: Callable[..., None], is_kept: bool
) -> None:
    """With a state_file the drain survives; without one the result has said that it will not."""
    needs("haproxy")
    old = start_haproxy(shop, children, **({"state_file": str(shop.folder / "state")} if is_kept else {}))
    done = await shop.world.perform("haproxy.drain", WEB1)
    assert ("it is kept in" in done.detail) is is_kept
    # A reload is a new process that reads configuration and state file, while the old one finishes.
    reload = ["haproxy", "-f", shop.folder / "haproxy.cfg", "-db", "-sf", str(old.pid)]
    children.start(reload, shop.folder / "haproxy.log")
    until(lambda: old.poll() is not None, "the reload")
    assert shop.answers() == ({"green"} if is_kept else {"blue", "green"})


async def test_a_socket_without_rights_is_told_from_a_server_that_is_not_there(
    shop: Shop, children: Children, needs: Callable[..., None]
) -> None:
    """Each error says what to mend."""
    needs("haproxy")
    start_haproxy(shop, children, level="user")
    with pytest.raises(ApplicationError, match="level admin"):
        await shop.world.perform("haproxy.drain", WEB1)
    with pytest.raises(ApplicationError, match="has no server 'web9'"):
        await shop.world.perform("haproxy.drain", WEB1 | {"server": "web9"}, key="another")
    with pytest.raises(ApplicationError, match=r"allow it under actions\.haproxy\.edge\.backends"):
        await shop.world.perform("haproxy.drain", WEB1 | {"backend": "admin"}, key="a third")


def start_nginx(shop: Shop, children: Children) -> None:
    """An nginx that sends everybody to blue, and its name in hotwash.yaml."""
    folder = shop.folder
    # Workers that nginx starts as another user must get at their folders.
    folder.chmod(0o777)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=shop.port))
    (folder / "upstream.conf").write_text(f"upstream shop {{ server 127.0.0.1:{shop.ports['blue']}; }}\n")
    nginx = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    master = children.start(nginx, folder / "nginx.log")

    def stop() -> None:
        subprocess.run([*nginx, "-s", "stop"], check=False, capture_output=True)
        # A master that is killed before it has ended its workers leaves them behind.
        with suppress(subprocess.TimeoutExpired):
            master.wait(20)

    children.finally_(stop)
    until(lambda: bool((folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text()), "nginx's start")
    until(lambda: listens(shop.port) and shop.answers(1) == {"blue"}, "nginx's first answer")
    shop.allow(
        nginx={
            "shop": {
                "include_file": str(folder / "upstream.conf"),
                "upstream": "shop",
                "pools": {
                    "green": [f"127.0.0.1:{shop.ports['green']}"],
                    "broken": [f"127.0.0.1:{shop.ports['green']} no_such_option"],
                },
                "test": [*nginx, "-t"],
                "reload": [*nginx, "-s", "reload"],
            }
        }
    )


async def test_an_upstream_moves_to_another_pool_and_back(
    shop: Shop, children: Children, needs: Callable[..., None]
) -> None:
    """What somebody wrote by hand comes back as it was, to the letter."""
    needs("nginx")
    start_nginx(shop, children)
    by_hand = (shop.folder / "upstream.conf").read_text()
    green = {"target": "shop", "pool": "green"}
    done = await shop.world.perform("nginx.upstream", green)
    assert done.detail == "it is at green, it was as somebody wrote it by hand"
    until(lambda: shop.answers(1) == {"green"}, "the switch")
    await shop.world.undo("nginx.upstream", green, done.output)
    until(lambda: shop.answers(1) == {"blue"}, "the switch back")
    assert (shop.folder / "upstream.conf").read_text() == by_hand


async def test_a_configuration_that_nginx_does_not_accept_changes_nothing(
    shop: Shop, children: Children, needs: Callable[..., None]
) -> None:
    """Nginx says why; the old file is back before anybody could reload the new one."""
    needs("nginx")
    start_nginx(shop, children)
    by_hand = (shop.folder / "upstream.conf").read_text()
    with pytest.raises(ApplicationError, match="invalid parameter") as refused:
        await shop.world.perform("nginx.upstream", {"target": "shop", "pool": "broken"})
    assert refused.value.type == "Rejected"
    assert (shop.folder / "upstream.conf").read_text() == by_hand
    assert shop.answers(3) == {"blue"}
    assert (await shop.world.check("nginx.upstream", {"target": "shop", "pool": "broken"})).holds is False


async def test_an_nginx_that_does_not_run_cannot_be_switched(
    shop: Shop, children: Children, needs: Callable[..., None]
) -> None:
    """The test passes and the reload fails: the file goes back to what the next start should read."""
    needs("nginx")
    start_nginx(shop, children)
    by_hand = (shop.folder / "upstream.conf").read_text()
    settings = shop.world.actions.nginx["shop"]
    broken = settings.model_copy(update={"reload": (sys.executable, "-c", "raise SystemExit('not running')")})
    shop.world.actions = shop.world.actions.model_copy(update={"nginx": {"shop": broken}})
    with pytest.raises(ApplicationError, match="cannot be told to reload"):
        await shop.world.perform("nginx.upstream", {"target": "shop", "pool": "green"})
    assert (shop.folder / "upstream.conf").read_text() == by_hand
