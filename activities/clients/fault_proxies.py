"""Tells fault proxies what to do, over their control sockets. Implements `FaultProxies`."""

import asyncio
import json
from typing import Any

from activities.actions.proxies import ProxyFault, ProxyFaultState
from domain.action_targets import FaultProxy
from domain.errors import Rejected, RejectionKind, Transient

# The proxy answers from memory; one that takes longer is stuck.
_ANSWER_SECONDS = 5.0


class ControlledProxies:
    """One connection per question."""

    async def put(
        self, proxy: FaultProxy, key: str, fault: ProxyFault, lease_seconds: float, duration_seconds: float
    ) -> ProxyFaultState:
        """Begin a fault, as `FaultProxies` promises."""
        wish = {
            "do": "put",
            "key": key,
            "kind": fault.kind,
            "path": fault.path,
            "lease_seconds": lease_seconds,
            "duration_seconds": duration_seconds,
            **fault.numbers,
        }
        return _one(await _ask(proxy, wish))

    async def renew(self, proxy: FaultProxy, key: str, lease_seconds: float) -> ProxyFaultState | None:
        """Prolong it, as `FaultProxies` promises."""
        if await self.look(proxy, key) is None:
            return None
        return _one(await _ask(proxy, {"do": "renew", "key": key, "lease_seconds": lease_seconds}))

    async def remove(self, proxy: FaultProxy, key: str) -> ProxyFaultState:
        """End it, as `FaultProxies` promises."""
        return _one(await _ask(proxy, {"do": "remove", "key": key}))

    async def look(self, proxy: FaultProxy, key: str) -> ProxyFaultState | None:
        """Read it, as `FaultProxies` promises."""
        found = (await _ask(proxy, {"do": "look", "key": key}))["toxics"]
        return ProxyFaultState.model_validate(found[0]) if found else None

    async def refuses(self, proxy: FaultProxy) -> bool:
        """Try, as `FaultProxies` promises."""
        host, _, port = proxy.listen.rpartition(":")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError) as error:
            raise Transient(f"{proxy.listen} neither takes nor refuses connections ({type(error).__name__})") from None
        writer.close()
        return False


async def _ask(proxy: FaultProxy, wish: dict[str, Any]) -> dict[str, Any]:
    where = proxy.control
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(where)
            try:
                writer.write(json.dumps(wish).encode() + b"\n")
                await writer.drain()
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except TimeoutError:
        raise Transient(f"the fault proxy at {where} does not answer within {_ANSWER_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        raise Transient(
            f"no fault proxy answers at {where} ({type(error).__name__}); start it with 'hotwash fault-proxy'"
        ) from None
    if "error" in answer:
        raise Rejected(f"the fault proxy at {where} refused: {answer['error']}", RejectionKind.CONFLICT)
    return dict(answer)


def _one(answer: dict[str, Any]) -> ProxyFaultState:
    return ProxyFaultState.model_validate(answer["toxics"][0])
