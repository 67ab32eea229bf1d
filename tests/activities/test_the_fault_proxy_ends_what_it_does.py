"""The fault proxy, as a process of its own: what it does to traffic, and that each fault ends without being told."""

import asyncio
import contextlib
import errno
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from activities.actions.proxies import ProxyFault, ProxyFaultState
from activities.clients.fault_proxies import ControlledProxies
from domain.errors import Rejected, Transient
from tests.support.http_target import Target, http_target
from tests.support.ports import a_free_port
from tests.support.proxied import Proxied, a_proxy, an_echo, exactly, start_proxy

LATENCY = ProxyFault("latency", {"milliseconds": 150, "jitter_milliseconds": 0})
RESET = ProxyFault("reset", {"share": 1.0})
BLACKHOLE = ProxyFault("blackhole", {})
REFUSE = ProxyFault("refuse", {})
LONG = 60.0


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    """A proxy before an echo server."""
    with an_echo() as port, a_proxy(tmp_path, port) as running:
        yield running


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Proxied, Target]]:
    """A proxy that reads HTTP, before a web server."""
    with http_target() as target:
        port = int(target.url.rstrip("/").rpartition(":")[2])
        with a_proxy(tmp_path, port, "http") as running:
            yield running, target


async def put(proxied: Proxied, fault: ProxyFault, key: str = "k", lease: float = LONG, lasts: float = LONG) -> None:
    """Begin a fault."""
    await ControlledProxies().put(proxied.proxy, key, fault, lease, lasts)


async def look(proxied: Proxied, key: str = "k") -> ProxyFaultState:
    """What the proxy says of it."""
    state = await ControlledProxies().look(proxied.proxy, key)
    assert state is not None
    return state


async def ended(proxied: Proxied, key: str = "k") -> ProxyFaultState:
    """The fault, once it has ended by itself."""
    while True:
        state = await look(proxied, key)
        if not state.active:
            return state


async def says(proxied: Proxied, text: bytes) -> bytes:
    """One exchange, beside the event loop."""
    return await asyncio.to_thread(proxied.says, text)


async def test_without_a_fault_everything_goes_through_whole(proxied: Proxied) -> None:
    """A megabyte comes back as it was sent, and nothing is counted as harm."""
    sent = bytes(range(256)) * 4096
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*proxied.address)
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_half_a_connection_may_be_closed(proxied: Proxied) -> None:
    """A client that says it is done still hears the rest of the answer."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*proxied.address)
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"hellobye"
        writer.close()


async def test_a_slow_reader_is_waited_for(proxied: Proxied) -> None:
    """Back-pressure reaches the sender: it cannot send 64 MiB to somebody who reads nothing, and loses none of it."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(*proxied.address, limit=1024)
        size = 64 * 1024 * 1024
        writer.write(bytes(size))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await writer.drain()
        got = 0
        while got < size:
            got += len(await reader.read(1024 * 1024))
        writer.close()
    assert got == size


async def test_a_thousand_connections_fit(proxied: Proxied) -> None:
    """A thousand at once, each with an answer of its own."""
    async with asyncio.timeout(60):
        sides = [await asyncio.open_connection(*proxied.address) for _ in range(1000)]
        for number, (_, writer) in enumerate(sides):
            writer.write(b"%04d" % number)
        answers = await asyncio.gather(*(reader.readexactly(4) for reader, _ in sides))
        for _, writer in sides:
            writer.close()
    assert answers == [b"%04d" % number for number in range(1000)]


async def test_latency_holds_answers_up_and_is_measured(proxied: Proxied) -> None:
    """Each answer comes that much later, and the proxy says how late it really was."""
    await put(proxied, LATENCY)
    assert (await look(proxied)).felt == 0
    assert await says(proxied, b"hello") == b"hello"
    state = await look(proxied)
    assert state.felt >= 1
    assert state.longest_milliseconds >= 150


async def test_answers_that_are_held_up_go_on_when_the_fault_is_undone(proxied: Proxied) -> None:
    """An answer that an hour's latency holds back arrives when the latency is taken away."""
    await put(proxied, ProxyFault("latency", {"milliseconds": 600_000, "jitter_milliseconds": 0}))
    answer = asyncio.create_task(says(proxied, b"hello"))
    await ControlledProxies().remove(proxied.proxy, "k")
    assert await answer == b"hello"


async def test_bandwidth_is_kept_to(proxied: Proxied) -> None:
    """Ten thousand bytes at ten thousand a second, there and back, are felt in small pieces."""
    await put(proxied, ProxyFault("bandwidth", {"bytes_per_second": 10_000}))
    sent = bytes(3000)
    assert await says(proxied, sent) == sent
    # A twentieth of a second's worth each; what follows the last piece is not waited for here.
    assert (await look(proxied)).felt >= 2 * 3000 // 500 - 2


async def test_a_reset_ends_old_connections_and_new_ones(proxied: Proxied) -> None:
    """Both are ended with RST, as a crashed peer would; afterwards all is well."""
    with proxied.client() as old:
        old.sendall(b"hello")
        assert exactly(old, 5) == b"hello"
        await put(proxied, RESET)
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(old.recv, 1)
    # The connection that saw the proxy come up may still have been open, and then has met it, too.
    before = (await look(proxied)).felt
    assert before >= 1
    with pytest.raises(ConnectionResetError):
        await says(proxied, b"hello")
    assert (await look(proxied)).felt > before
    await ControlledProxies().remove(proxied.proxy, "k")
    assert await says(proxied, b"hello") == b"hello"


async def test_a_black_hole_takes_and_gives_nothing(proxied: Proxied) -> None:
    """Old and new connections stay open and silent; once it is gone, what they sent arrives."""
    with proxied.client() as old, contextlib.ExitStack() as more:
        old.sendall(b"one")
        assert exactly(old, 3) == b"one"
        await put(proxied, BLACKHOLE)
        new = more.enter_context(proxied.client())
        for each in (old, new):
            each.sendall(b"two")
            each.settimeout(0.3)
            with pytest.raises(TimeoutError):
                each.recv(1)
        while (await look(proxied)).felt < 2:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)
        await ControlledProxies().remove(proxied.proxy, "k")
        for each in (old, new):
            each.settimeout(20)
            assert await asyncio.to_thread(exactly, each, 3) == b"two"


async def test_a_refused_door_keeps_its_port(proxied: Proxied) -> None:
    """Connections are refused, nobody else can take the port meanwhile, and afterwards it opens again."""
    with proxied.client() as inside:
        await put(proxied, REFUSE)
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(inside.recv, 1)
    assert await ControlledProxies().refuses(proxied.proxy)
    with socket.socket() as thief, pytest.raises(OSError, match="in use") as taken:
        thief.bind(proxied.address)
    assert taken.value.errno == errno.EADDRINUSE
    await ControlledProxies().remove(proxied.proxy, "k")
    assert not await ControlledProxies().refuses(proxied.proxy)
    assert await says(proxied, b"hello") == b"hello"


@pytest.mark.parametrize(("lease", "lasts", "why"), [(0.2, LONG, "lease"), (LONG, 0.2, "duration")])
async def test_a_fault_ends_by_itself(proxied: Proxied, lease: float, lasts: float, why: str) -> None:
    """Without a renewal at the end of its lease, with renewals at the end of its duration."""
    await put(proxied, REFUSE, lease=lease, lasts=lasts)
    state = await ended(proxied)
    assert state.ended_by == why
    assert await says(proxied, b"hello") == b"hello"


async def test_a_renewal_prolongs_the_lease_and_not_the_duration(proxied: Proxied) -> None:
    """However often it is renewed, the fault ends when its duration does."""
    await put(proxied, REFUSE, lease=3, lasts=6)
    active = True
    while active:
        state = await ControlledProxies().renew(proxied.proxy, "k", 3)
        assert state is not None
        active = state.active
    assert state.ended_by == "duration"


async def test_a_key_that_is_over_cannot_come_back(proxied: Proxied) -> None:
    """A start that arrives after the undo, or is repeated after it, is refused."""
    proxies = ControlledProxies()
    await put(proxied, REFUSE)
    await put(proxied, REFUSE)
    await proxies.remove(proxied.proxy, "k")
    await proxies.remove(proxied.proxy, "k")
    await proxies.remove(proxied.proxy, "never began")
    for key in ("k", "never began"):
        with pytest.raises(Rejected, match="is over"):
            await put(proxied, REFUSE, key=key)
    assert await says(proxied, b"hello") == b"hello"


async def test_a_proxy_that_was_killed_starts_clean(proxied: Proxied, tmp_path: Path) -> None:
    """Its faults end with it; the next one takes over the socket that it left and knows of no fault."""
    await put(proxied, LATENCY)
    proxied.kill()
    with pytest.raises(Transient, match="start it with"):
        await ControlledProxies().look(proxied.proxy, "k")
    proxied.process = start_proxy(proxied.proxy, tmp_path)
    assert await ControlledProxies().look(proxied.proxy, "k") is None
    assert await ControlledProxies().renew(proxied.proxy, "k", 5) is None
    assert await says(proxied, b"hello") == b"hello"


def test_only_its_own_user_may_tell_it_anything(proxied: Proxied) -> None:
    """The control socket is closed to everybody else, and a second proxy does not take it away."""
    assert stat.S_IMODE(Path(proxied.proxy.control).stat().st_mode) == 0o600
    argv = [sys.executable, "-m", "activities.clients.fault_proxy", f"127.0.0.1:{a_free_port()}", "127.0.0.1:2"]
    argv += [proxied.proxy.control, "tcp"]
    second = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert (second.returncode, "another fault proxy listens" in second.stderr) == (1, True)
    assert proxied.says(b"hello") == b"hello"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (ProxyFault("latency", {"milliseconds": -1, "jitter_milliseconds": 0}), "'milliseconds' is a number from 0"),
        (ProxyFault("bandwidth", {}), "'bytes_per_second' is a number from 1"),
        (ProxyFault("http_error", {"status": 500, "share": 1}), "does not do 'http_error'"),
        (ProxyFault("reset", {"share": 1}, path="/shop"), "takes no path"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(proxied: Proxied, fault: ProxyFault, sentence: str) -> None:
    """With a sentence, and nothing is done."""
    with pytest.raises(Rejected, match=sentence):
        await put(proxied, fault)
    assert await ControlledProxies().look(proxied.proxy, "k") is None


async def test_requests_are_answered_with_an_error_and_never_arrive(web: tuple[Proxied, Target]) -> None:
    """The path named is hit, also over a connection that was kept alive from before; others are not."""
    proxied, target = web
    where = f"http://{proxied.proxy.listen}"
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await client.get(f"{where}/shop")).status_code == 200
        await put(proxied, ProxyFault("http_error", {"status": 503, "share": 1.0}, path="/shop"))
        answers = [await client.get(f"{where}/shop"), await client.post(f"{where}/shop/cart", content=bytes(10_000))]
        assert [one.status_code for one in answers] == [503, 503]
        assert (await client.get(f"{where}/health")).status_code == 200
        await ControlledProxies().remove(proxied.proxy, "k")
        assert (await client.post(f"{where}/shop", content=b"body")).status_code == 200
    assert [(one.method, one.path) for one in target.seen] == [("GET", "/shop"), ("GET", "/health"), ("POST", "/shop")]
    assert target.seen[-1].body == "body"
    assert all(one.headers["connection"] == "close" for one in target.seen)


async def test_requests_wait(web: tuple[Proxied, Target]) -> None:
    """A request is held up before it reaches the service, by as much as was asked."""
    proxied, target = web
    await put(proxied, ProxyFault("http_latency", {"milliseconds": 150, "jitter_milliseconds": 0, "share": 1.0}))
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await client.get(f"http://{proxied.proxy.listen}/")).status_code == 200
    assert len(target.seen) == 1
    assert (await look(proxied)).longest_milliseconds >= 150


async def test_what_is_no_http_is_told_so(web: tuple[Proxied, Target]) -> None:
    """A client that speaks TLS or nonsense to a proxy that reads HTTP gets an answer and does no harm."""
    proxied, target = web
    answer = await asyncio.to_thread(_first_line, proxied, b"\x16\x03\x01 hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert target.seen == []


def _first_line(proxied: Proxied, said: bytes) -> bytes:
    with proxied.client() as client:
        client.sendall(said)
        return client.makefile("rb").readline()
