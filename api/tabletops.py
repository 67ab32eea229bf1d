"""Tabletops from the outside: begin one, and what the game master says to it.

Used by `api/game_days.py`, `api/routes/game_days.py` and the page: a tabletop has the id, the list and the report of a
game day. Knows nothing of HTTP; raises domain errors only.
"""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.acting import Made
from api.engine import Engine, Owner
from api.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind
from domain.ids import game_day_workflow_id, suffix_from_text
from domain.timeline import Actor
from runbooks.game_day_catalog import GameDayCatalog

# 40 bits, as game days have.
_SUFFIX_LENGTH = 8


class TabletopDesk:
    """Begins tabletops."""

    def __init__(self, engine: Engine, catalog: GameDayCatalog, configuration: ConfigurationSource) -> None:
        self._engine = engine
        self._catalog = catalog
        self._configuration = configuration

    async def start(self, name: str, parameters: Mapping[str, Any], by: Actor, mark: str | None) -> Made:
        """Play one now; several may be played at once, for nothing is broken. The same mark finds the first one.

        `parameters` say who plays: `players`, `observers`, `game_master`; Rejected when one is not known.
        """
        suffix = suffix_from_text(mark or secrets.token_hex(16), _SUFFIX_LENGTH)
        incident_id = f"inc-{datetime.now(UTC):%Y%m%d}-{suffix}"
        configuration = self._configuration.current()
        start = await asyncio.to_thread(self._catalog.tabletop, name, by, configuration, incident_id, parameters)
        id_ = f"{name}-{suffix}"
        owner = await self._engine.claim(
            "Tabletop", game_day_workflow_id(id_), start, f"tabletop {name}", mark=mark, may_start=True
        )
        if owner is Owner.OTHER:
            raise Rejected(f"tabletop {id_!r} was started by somebody else; try again", RejectionKind.CONFLICT)
        return Made(id_, owner is Owner.NEW)
