"""`check.promql` against a real Prometheus that scrapes a real target."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator

import pytest
from temporalio.exceptions import ApplicationError

from domain.configuration import ActionSettings
from tests.support.action_world import World
from tests.support.http_target import http_target
from tests.support.ports import a_free_port
from tests.support.real_servers import Children, listens, until

pytestmark = pytest.mark.real
CONFIGURATION = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """The address of one that has seen four requests and a NaN; None without Prometheus."""
    if shutil.which("prometheus") is None:
        yield None
        return
    with http_target() as target, contextlib.closing(Children()) as children:
        target.content_type = "text/plain; version=0.0.4"
        target.body = b'requests{code="200"} 3\nrequests{code="500"} 1\nratio NaN\n'
        port, folder = a_free_port(), tmp_path_factory.mktemp("prometheus")
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=target.url.removeprefix("http://")))
        children.start(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            folder / "log",
        )
        until(lambda: listens(port), "Prometheus's start")
        until(lambda: len(target.asked("GET")) > 1, "the first scrapes")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def asked(world: World, prometheus: str | None) -> World:
    """A world whose hotwash.yaml names it."""
    if prometheus is None:
        pytest.skip("needs prometheus: make test-real as root installs it")
    servers = {"prometheus": {"main": {"url": prometheus}}}
    world.actions = ActionSettings.model_validate(world.actions.model_dump() | servers)
    return world


@pytest.mark.parametrize(
    ("query", "wanted", "series", "holds"),
    [
        ('requests{code="200"}', ("==", 3), "all", True),
        ("sum(requests)", (">=", 4), "all", True),
        ("requests", (">", 2), "all", False),
        ("requests", (">", 2), "any", True),
        ("scalar(sum(requests))", ("<", 5), "all", True),
        ("no_such_series", ("<", 1), "all", False),
        ("no_such_series or vector(0)", ("<", 1), "all", True),
        ("ratio", ("<", 1), "all", False),
    ],
)
async def test_a_query_is_compared(
    asked: World, query: str, wanted: tuple[str, float], series: str, holds: bool
) -> None:
    """Numbers, vectors, scalars, what is missing and what is no number."""
    parameters = {"prometheus": "main", "comparison": wanted[0], "threshold": wanted[1], "series": series}
    # A sample is there a moment after its scrape, and away after one that came too late.
    for _ in range(300):
        sample = await asked.check("check.promql", {**parameters, "query": "requests"})
        seen = await asked.check("check.promql", {**parameters, "query": query})
        if seen.holds is holds and not sample.output["missing"]:
            break
        await asyncio.sleep(0.1)
    assert seen.holds is holds, seen.detail


async def test_a_query_with_a_mistake_is_refused_with_prometheus_own_words(asked: World) -> None:
    """It will not get better by waiting."""
    wrong = {"prometheus": "main", "query": "sum(", "comparison": ">", "threshold": 0}
    with pytest.raises(ApplicationError, match=r"does not accept the query: .*parse error") as refused:
        await asked.check("check.promql", wrong)
    assert refused.value.type == "Rejected"
    with pytest.raises(ApplicationError, match="answers with a matrix"):
        await asked.check("check.promql", {**wrong, "query": "requests[1m]"})
