"""What pages and routes about learning share: the window that was asked for, the shelf of runbooks, JSON of insights.

The one thing to know: runbooks are put into the search index here, when a search finds that the catalogue has changed.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import Field

from api.bodies import Strict
from domain.configuration import Configuration
from domain.errors import Rejected
from domain.insight.evidence import Evidence
from domain.insight.report import Insight, Number
from domain.insight.words import RECURRENCE_WINDOW, Window
from domain.search import Found, SearchQuery
from runbooks.catalog import Catalog
from store.interface import Document, FoundThings, InsightReader, Learning, ShelvedRunbook

# Reading some hundred files for each search would be most of its time; an edited runbook is found this much later.
_LOOK_EVERY_SECONDS = 5.0
_TITLE = re.compile(r"^title:(.+)$", re.MULTILINE)
# Ten years; the record of most teams is shorter.
LONGEST_WINDOW_DAYS = 3_660


class Asked(Strict):
    """Which window."""

    days: int = Field(
        default=RECURRENCE_WINDOW.days, ge=1, le=LONGEST_WINDOW_DAYS, description="Days back from `until`."
    )
    until: datetime | None = Field(default=None, description="The end of the window; now when left out.")

    def window(self) -> Window:
        """The window."""
        until = self.until or datetime.now(UTC)
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        return Window(since=aware - timedelta(days=self.days), until=aware)


class LearningDesk:
    """Search and insight with what the configuration adds to them; one for the whole application."""

    def __init__(self, learning: Learning, catalog: Catalog) -> None:
        self.learning = learning
        self._catalog = catalog
        self._shelved: list[ShelvedRunbook] | None = None
        self._look_again_at = 0.0

    async def search(
        self, query: SearchQuery, kinds: tuple[Found, ...] = (), since: datetime | None = None, limit: int = 20
    ) -> FoundThings:
        """Search, runbooks as they are now included."""
        if not kinds or Found.RUNBOOK in kinds:
            await self._shelve()
        return await self.learning.search.search(query, kinds=kinds, since=since, limit=limit)

    def insight(self, window: Window, configuration: Configuration) -> InsightReader:
        """Counting over a window, with the teams and the local time of the configuration."""
        teams = configuration.services_by_team()
        limits = configuration.operations_review.load
        return self.learning.insight(window, teams, configuration.policy.calendar.time_zone, limits)

    def runbook_text(self, name: str) -> str:
        """The text of a runbook; Rejected (not found) when there is none such."""
        return self._catalog.text(name)

    async def _shelve(self) -> None:
        if time.monotonic() < self._look_again_at:
            return
        found = [each for name in self._catalog.names() if (each := self._read(name))]
        if found != self._shelved:
            await self.learning.search.shelve_runbooks(found)
            self._shelved = found
        self._look_again_at = time.monotonic() + _LOOK_EVERY_SECONDS

    def _read(self, name: str) -> ShelvedRunbook | None:
        try:
            text = self._catalog.text(name)
        except Rejected:
            # Deleted between two looks at the folder.
            return None
        # Not linted for this: a runbook with a mistake shall be found too.
        title = _TITLE.search(text)
        return ShelvedRunbook(name, title.group(1).strip("\"' ") if title else name, text)


def _learning(request: Request) -> LearningDesk:
    return cast("LearningDesk", request.app.state.learning)


LearningDep = Annotated[LearningDesk, Depends(_learning)]


def read_evidence(request: Request) -> Evidence:
    """The evidence that a link names; Rejected when it names none."""
    given: dict[str, Any] = {
        name: value for name, value in request.query_params.items() if name not in {"cursor", "limit", "values"}
    }
    try:
        return Evidence.model_validate(given | {"values": tuple(request.query_params.getlist("values"))})
    except ValueError as error:
        raise Rejected(
            "this link names nothing that can be counted; follow a number of /insights, or give of, since and until"
        ) from error


def insight_document(insight: Insight) -> Document:
    """An insight as JSON; each number beside the address of what it counts."""
    document = insight.model_dump(mode="json", exclude={"tables", "spreads", "grades"})
    document["tables"] = [
        {
            "title": table.title,
            "columns": list(table.columns),
            "rows": [
                {"name": row.name, "note": row.note, "numbers": [_number(number) for number in row.numbers]}
                for row in table.rows
            ],
        }
        for table in insight.tables
    ]
    document["distributions"] = [
        {
            "name": spread.name,
            "definition": spread.definition,
            "sentence": spread.sentence,
            "unit": spread.unit,
            "of": spread.of,
            **spread.distribution.model_dump(),
            "is_small": spread.distribution.is_small,
            "classes": dict(spread.classes),
            "evidence": _address(spread.evidence),
        }
        for spread in insight.spreads
    ]
    document["grades"] = [
        grade.model_dump(exclude={"part", "whole"}) | {"part": _number(grade.part), "whole": _number(grade.whole)}
        for grade in insight.grades
    ]
    return document


def _number(number: Number) -> Document:
    return {"value": number.value, "evidence": _address(number.evidence) if number.evidence else None}


def _address(evidence: Evidence) -> str:
    return f"/api/v1/insights/evidence?{evidence.query()}"
