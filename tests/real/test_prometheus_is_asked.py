"""`check.promql` against a real Prometheus that scrapes a real target."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.configuration import ActionSettings
from tests.support.action_world import World
from tests.support.http_target import http_target
from tests.support.real_servers import Children, listens, until

pytestmark = pytest.mark.real
CONFIGURATION = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture
def asked(
    world: World, tmp_path: Path, children: Children, free_port: Callable[[], int], needs: Callable[..., None]
) -> Any:
    """What a step asks, in a world with a Prometheus that has seen three requests and a NaN."""
    needs("prometheus")
    with http_target() as target:
        target.content_type = "text/plain; version=0.0.4"
        target.body = b'requests{code="200"} 3\nrequests{code="500"} 1\nratio NaN\n'
        port, folder = free_port(), tmp_path / "prometheus"
        folder.mkdir()
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
        servers = {"prometheus": {"main": {"url": f"http://127.0.0.1:{port}"}}}
        world.actions = ActionSettings.model_validate(world.actions.model_dump() | servers)
        yield world


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
    # A sample is there a moment after its scrape.
    while (await asked.check("check.promql", {**parameters, "query": "requests"})).output["missing"]:
        pass
    seen = await asked.check("check.promql", {**parameters, "query": query})
    assert seen.holds is holds, seen.detail


async def test_a_query_with_a_mistake_is_refused_with_prometheus_own_words(asked: World) -> None:
    """It will not get better by waiting."""
    wrong = {"prometheus": "main", "query": "sum(", "comparison": ">", "threshold": 0}
    with pytest.raises(ApplicationError, match=r"does not accept the query: .*parse error") as refused:
        await asked.check("check.promql", wrong)
    assert refused.value.type == "Rejected"
    with pytest.raises(ApplicationError, match="answers with a matrix"):
        await asked.check("check.promql", {**wrong, "query": "requests[1m]"})
