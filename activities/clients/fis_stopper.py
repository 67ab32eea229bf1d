"""Stops an experiment of AWS FIS once it is told to end: a program of its own, and the lease of that fault.

`python fis_stopper.py SOCKET`; started and ended by a lease (`fis.py`). The one thing to know: what it needs, the keys
with it, comes over that socket and stays in its memory; and it loads boto3 only when there is something to stop.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from activities.clients import wishes

# The lease gives it a minute (`STOP_SECONDS`); within that it is tried again.
_GIVE_UP_AFTER_SECONDS = 55.0
_PAUSE_SECONDS = 1.0
# A request that was under way when its worker was killed may arrive after our first look.
_LOOKS = 3


async def main(where: str) -> None:
    """Take one wish, say so, wait for the end, and stop what is there."""
    taken = await wishes.taken(where)
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    await taken.answer({"stands": "by"})
    with suppress(TimeoutError):
        await asyncio.wait_for(ending.wait(), taken.wish["seconds"])
    armed = Path(where).with_suffix(".armed")
    if not armed.exists():
        return
    os.environ.update(taken.wish["environment"])
    if await _is_stopped(taken.wish):
        armed.unlink(missing_ok=True)


async def _is_stopped(wish: wishes.Wish) -> bool:
    """Stop what there is; False when AWS could not be asked in time."""
    from domain.errors import HotwashError  # noqa: PLC0415 - see above; so with all below

    stop, looks, end = _stopping(wish), 0, time.monotonic() + _GIVE_UP_AFTER_SECONDS
    while looks < _LOOKS and time.monotonic() < end:
        with suppress(HotwashError):
            if await stop():
                return True
            looks += 1
        await asyncio.sleep(_PAUSE_SECONDS)
    return looks == _LOOKS


def _stopping(wish: wishes.Wish) -> Callable[[], Awaitable[bool]]:
    """What stops them all, and says whether there were any."""
    from activities.action import Call  # noqa: PLC0415
    from activities.actions.aws import AwsDoor, AwsParameters  # noqa: PLC0415
    from activities.actions.aws_fis import Experiments  # noqa: PLC0415
    from activities.clients.aws import AwsClient  # noqa: PLC0415
    from domain.cloud_targets import AwsTarget  # noqa: PLC0415
    from domain.configuration import ActionSettings, Configuration  # noqa: PLC0415

    @dataclass(frozen=True)
    class OneTarget:
        configuration: Configuration

        def current(self) -> Configuration:
            return self.configuration

    target = AwsTarget.model_validate(wish["target"])
    here = OneTarget(Configuration(actions=ActionSettings(aws={wish["target_name"]: target})))
    where = AwsParameters(target=wish["target_name"])
    experiments = Experiments(AwsDoor(here, AwsClient(), "fis"), where, wish["template"], wish["mark"])
    secrets = wish["secrets"] or {}

    async def stop() -> bool:
        call = Call(wish["key"], None, None, True, _GIVE_UP_AFTER_SECONDS, secrets.__getitem__)
        return bool(await experiments.stop_all(call))

    return stop


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
