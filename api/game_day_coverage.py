"""Reads the coverage map of game days from the record. Used by `api/routes/game_days.py` and the page."""

import asyncio
from datetime import UTC, datetime

from api.game_day_reports import state_of
from api.ports import ConfigurationSource
from api.reading import Reader
from domain.errors import Rejected
from domain.game_day import GameDayPhase, GameDayState
from domain.game_day_coverage import Coverage, coverage
from domain.record import ProjectionKind
from runbooks.game_day_catalog import GameDayCatalog

# A team that holds one every working day fills four years with them; older ones say nothing about today.
_LOOKED_AT = 1000
_PAGE = 200


class CoverageDesk:
    """Makes the map."""

    def __init__(self, reader: Reader, catalog: GameDayCatalog, configuration: ConfigurationSource) -> None:
        self._reader = reader
        self._catalog = catalog
        self._configuration = configuration

    async def coverage(self) -> Coverage:
        """The map as it is now; Transient while the record is away."""
        configuration = self._configuration.current()
        held, looked_at, is_partial = await self._held()
        planned = await asyncio.to_thread(self._catalog.planned_faults)
        made = coverage(
            held,
            tuple(configuration.services),
            planned,
            self._catalog.fault_kinds(),
            now=datetime.now(UTC),
            fresh_for=configuration.game_day_policy.fresh_for,
        )
        return made.model_copy(update={"looked_at": looked_at, "is_partial": is_partial})

    async def _held(self) -> tuple[list[GameDayState], int, bool]:
        found: list[GameDayState] = []
        looked_at, cursor = 0, None
        while looked_at < _LOOKED_AT:
            page = await self._reader.things(
                ProjectionKind.GAME_DAY, state=GameDayPhase.FINISHED.value, cursor=cursor, limit=_PAGE
            )
            for document in page.items:
                try:
                    found.append(state_of(document))
                except Rejected:
                    # Written by another version: it is not counted, and no other suffers from it.
                    continue
            looked_at, cursor = looked_at + len(page.items), page.next_cursor
            if cursor is None:
                return found, looked_at, False
        return found, looked_at, True
