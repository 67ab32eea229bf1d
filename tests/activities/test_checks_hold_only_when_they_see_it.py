"""`check.*`: what was not seen does not hold, and what makes no sense is refused."""

import os
import signal
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from activities.actions.check_promql import CheckPromqlParameters, judge
from activities.clients import kernel
from activities.clients.sql import PostgresReader
from domain.action_targets import Database
from domain.errors import Rejected, RejectionKind, Transient
from tests.support.action_world import World
from tests.support.engine import until
from tests.support.site_world import with_settings

NAN = float("nan")
ASKED: dict[str, Any] = {"prometheus": "main", "query": "errors", "comparison": "<", "threshold": 1.0}


@pytest.mark.parametrize(
    ("series", "values", "holds"),
    [
        ("all", [0.5], True),
        ("all", [0.5, 2.0], False),
        ("any", [0.5, 2.0], True),
        ("any", [2.0, 3.0], False),
        ("all", [], False),
        ("any", [], False),
        ("all", [NAN], False),
        ("any", [NAN, 0.5], True),
    ],
)
def test_a_query_holds_for_the_series_that_are_there(series: Any, values: list[float], holds: bool) -> None:
    """No data and NaN never count as good."""
    seen = judge(CheckPromqlParameters(**ASKED, series=series), [("up{}", value) for value in values])
    assert seen.holds is holds
    assert seen.missing is (values == [])


async def test_no_data_does_not_hold_even_when_little_is_wanted(world: World) -> None:
    """An empty answer to `errors < 1` is no proof that there are no errors."""
    world.case("check.promql")
    world.site.prometheus.result = {"resultType": "vector", "result": []}
    seen = await world.check("check.promql", ASKED)
    assert (seen.holds, seen.detail) == (False, "the query finds no data")


async def test_a_prometheus_that_is_away_does_not_hold(world: World) -> None:
    """Nor does one that answers with an error of its own."""
    world.case("check.promql")
    world.site.prometheus.status = 503
    seen = await world.check("check.promql", ASKED)
    assert seen.holds is False
    assert "503" in seen.detail


@pytest.mark.parametrize("kind", ["matrix", "string"])
async def test_what_is_no_number_is_refused(world: World, kind: str) -> None:
    """A range or a text cannot be compared; waiting would not help."""
    world.case("check.promql")
    world.site.prometheus.result = {"resultType": kind, "result": []}
    with pytest.raises(Exception, match="only a number per series"):
        await world.check("check.promql", ASKED)


async def test_a_query_that_is_not_accepted_is_refused(world: World) -> None:
    """A syntax error is mended in the runbook."""
    world.case("check.promql")
    world.site.prometheus.status = 400
    with pytest.raises(Exception, match="does not accept the query: parse error"):
        await world.check("check.promql", ASKED)


@pytest.mark.parametrize("name", ["check.tcp", "check.promql", "check.sql", "check.process", "check.program"])
async def test_what_is_not_named_is_not_reached(world: World, name: str) -> None:
    """A runbook cannot name an address, only what hotwash.yaml names."""
    case = world.case(name)
    where = {"promql": "prometheus", "sql": "database", "tcp": "endpoint"}.get(name.removeprefix("check."))
    where = where or name.removeprefix("check.")
    with pytest.raises(Exception, match=r"is called 'else'; define .* under actions\."):
        await world.check(name, case.parameters | {where: "else"})


async def test_a_closed_port_is_told_from_a_silent_one(world: World, free_port: Callable[[], int]) -> None:
    """`closed` is proof of a fence; silence may be a broken network in front of a living server."""
    endpoints = {
        "closed": {"host": "127.0.0.1", "port": free_port()},
        "silent": {"host": "no-such-host.invalid", "port": 1},
    }
    world.actions = with_settings(world.actions, world.site)
    world.actions = type(world.actions).model_validate(world.actions.model_dump() | {"endpoints": endpoints})
    closed = await world.check("check.tcp", {"endpoint": "closed", "wanted": "closed"})
    silent = await world.check("check.tcp", {"endpoint": "silent", "wanted": "closed"})
    assert (closed.holds, closed.output["state"]) == (True, "closed")
    assert (silent.holds, silent.output["state"]) == (False, "silent")


@pytest.mark.parametrize(
    ("answer", "wanted", "holds"),
    [
        ([[7]], {"value": 7}, True),
        ([[7.5]], {"comparison": ">", "value": 7}, True),
        ([["up"]], {"value": "up"}, True),
        ([[True]], {"value": False}, False),
        ([], {"value": 7}, False),
        ([[None]], {"value": 7}, False),
        (None, {"value": 7}, False),
    ],
)
async def test_one_value_is_compared(world: World, answer: Any, wanted: dict[str, Any], holds: bool) -> None:
    """No row, NULL and a database that is away do not hold."""
    world.case("check.sql")
    world.site.rows.answer = answer
    assert (await world.check("check.sql", {"database": "orders", "query": "select 7", **wanted})).holds is holds


@pytest.mark.parametrize("answer", [[[1, 2]], [[1], [2]], [["7"]], [[True]]])
async def test_what_cannot_be_compared_is_refused(world: World, answer: Any) -> None:
    """Two values, a text against a number, a truth against a number."""
    world.case("check.sql")
    world.site.rows.answer = answer
    with pytest.raises(Exception, match="the query answers"):
        await world.check("check.sql", {"database": "orders", "query": "select 7", "value": 7})


@pytest.fixture
def database(postgres_server: Any) -> Database:
    """A table with seven jobs in a real PostgreSQL, behind its Unix socket's TCP twin."""
    uri = postgres_server.get_uri()
    parts = urlsplit(uri)
    postgres_server.psql("drop table if exists jobs; create table jobs as select generate_series(1, 7) as id")
    folder = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    given = {"port": parts.port or 5432, "database": "postgres", "user": parts.username or "postgres", "tls": "disable"}
    # `host` of hotwash.yaml is a name; asyncpg takes a folder as a Unix socket, which is all that this server opens.
    return Database.model_construct(host=folder, password=None, **given)


async def test_a_real_database_answers_with_json_values(database: Database) -> None:
    """Numbers stay numbers, times become ISO 8601."""
    read = PostgresReader().rows
    assert await read(database, None, "select count(*) from jobs where id > $1;", (3,), 60) == [[4]]
    assert await read(database, None, "select 2.50::numeric", (), 60) == [[2.5]]
    assert await read(database, None, "select date '2026-11-22'", (), 60) == [["2026-11-22"]]


@pytest.mark.parametrize(
    "query",
    [
        "delete from jobs",
        "delete from jobs returning 1",
        "select 1; delete from jobs",
        "commit",
        "with gone as (delete from jobs returning 1) select * from gone",
        "select 1) as a; delete from jobs; --",
        "copy jobs to program 'cat'",
        "select pg_catalog.set_config('transaction_read_only', 'off', false); delete from jobs",
        "select nextval('numbers')",
    ],
)
async def test_a_check_cannot_write(database: Database, postgres_server: Any, query: str) -> None:
    """Whatever the runbook says, the database is as it was."""
    postgres_server.psql("create sequence if not exists numbers")
    with pytest.raises(Rejected):
        await PostgresReader().rows(database, None, query, (), 60)
    assert await PostgresReader().rows(database, None, "select count(*) from jobs", (), 60) == [[7]]


async def test_a_slow_query_is_ended_by_the_database_itself(database: Database) -> None:
    """A check never leaves a query running behind."""
    with pytest.raises(Transient):
        await PostgresReader().rows(database, None, "select 1 from pg_sleep(30)", (), 0.2)


async def test_wrong_credentials_are_refused_and_a_lost_server_is_not(
    database: Database, free_port: Callable[[], int]
) -> None:
    """The first is mended in hotwash.yaml; the second may come back."""
    with pytest.raises(Rejected) as refused:
        await PostgresReader().rows(database.model_copy(update={"user": "nobody"}), None, "select 1", (), 60)
    assert refused.value.kind is RejectionKind.FORBIDDEN
    away = database.model_copy(update={"host": "127.0.0.1", "port": free_port()})
    with pytest.raises(Transient):
        await PostgresReader().rows(away, None, "select 1", (), 60)
    silent = socket.create_server(("127.0.0.1", 0))
    deaf = away.model_copy(update={"port": silent.getsockname()[1]})
    with silent, pytest.raises(Transient):
        await PostgresReader().rows(deaf, None, "select 1", (), 0.2)


async def test_a_process_runs_is_paused_or_is_gone(world: World) -> None:
    """By the kernel's word of the one that wrote the pid file; a number that is nobody's is gone."""
    pid = world.start_victim()
    for wanted, told in (("running", signal.SIGCONT), ("paused", signal.SIGSTOP), ("running", signal.SIGCONT)):
        os.kill(pid, told)
        await until(lambda wanted=wanted: (kernel.stat_of(pid) or " ")[0] in {"running": "SR", "paused": "T"}[wanted])
        seen = await world.check("check.process", {"process": "victim", "wanted": wanted})
        assert (seen.holds, seen.output["state"], seen.output["pid"]) == (True, wanted, pid)
        assert (await world.check("check.process", {"process": "victim", "wanted": "gone"})).holds is False
    os.kill(pid, signal.SIGKILL)
    await until(lambda: bool(world.dead_victims()))
    gone = await world.check("check.process", {"process": "victim"})
    assert (gone.holds, gone.detail) == (False, "victim is gone, wanted running")


@pytest.mark.parametrize(
    ("wanted", "holds", "words"),
    [
        ({"arguments": ["all is well"]}, True, "ended with exit code 0"),
        ({"arguments": ["all is well"], "says": "well"}, True, "ended with exit code 0"),
        ({"arguments": ["all is well"], "says": "bad"}, False, "and does not say 'bad'"),
        ({"arguments": ["x"], "exit_code": 3}, False, "ended with exit code 0, wanted 3: x"),
    ],
)
async def test_a_program_that_looks_is_believed_by_its_exit_code_and_its_words(
    world: World, wanted: dict[str, Any], holds: bool, words: str
) -> None:
    """What it says is in the output, where a tolerance finds it."""
    seen = await world.check("check.program", {"program": "looks"} | wanted)
    assert (seen.holds, seen.output["stdout"]) == (holds, f"{wanted['arguments'][0]}\n")
    assert words in seen.detail


async def test_a_program_is_asked_as_a_probe_only_with_its_owners_word(world: World) -> None:
    """One that may change something is refused with where that is said; so are arguments that are not allowed."""
    with pytest.raises(Exception, match=r"say `read_only: true` at actions\.programs\.append"):
        await world.check("check.program", {"program": "append", "arguments": ["-c", "1", "/x", "y"]})
    with pytest.raises(Exception, match="may not be run with the arguments"):
        await world.check("check.program", {"program": "looks", "arguments": ["a", "b"]})
