"""Start one proxy: `LISTEN UPSTREAM CONTROL PROTOCOL`. It runs until SIGTERM, and its faults end with it."""

import asyncio
import logging
import resource
import signal
import sys
from pathlib import Path

from activities.clients.fault_proxy.control import serve_control
from activities.clients.fault_proxy.http_traffic import one_request
from activities.clients.fault_proxy.toxics import Kind, Mistake, Toxics
from activities.clients.fault_proxy.traffic import Door, straight_through

log = logging.getLogger("hotwash.fault_proxy")

_HTTP_ONLY = frozenset({Kind.HTTP_ERROR, Kind.HTTP_LATENCY})
_ARGUMENTS = 4


async def main(listen: str, upstream: str, control: str, protocol: str) -> None:
    """Serve until told to end."""
    is_http = protocol == "http"
    toxics = Toxics(frozenset(Kind) if is_http else frozenset(Kind) - _HTTP_ONLY)
    door = Door(_address(listen), _address(upstream), toxics, one_request if is_http else straight_through)
    server = await serve_control(Path(control), door)
    serving = asyncio.create_task(door.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    log.info("%s goes to %s, told what to do at %s", listen, upstream, control)
    try:
        await serving
    except asyncio.CancelledError:
        log.info("told to end; whatever fault was in force has ended")
    finally:
        server.close()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _allow_many_files() -> None:
    # A connection takes two descriptors, and the usual soft limit of 1,024 is soon reached.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    if len(sys.argv) != _ARGUMENTS + 1:
        sys.exit(f"usage: {Path(sys.argv[0]).name} LISTEN UPSTREAM CONTROL tcp|http")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    _allow_many_files()
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (Mistake, OSError, ValueError) as error:
        sys.exit(f"the fault proxy cannot start: {error}")
    Path(sys.argv[3]).unlink(missing_ok=True)
