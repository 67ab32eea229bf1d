"""Insights as the record has them, laid out for a mail. Called by `workflows/insight_mail.py` in the background."""

from datetime import datetime

from temporalio import activity

from activities.errors import translated
from activities.operations_review import LearningSource
from activities.ports import ConfigurationSource
from domain.insight.words import INSIGHTS, Window
from domain.insight_mail import document, headlines
from domain.model import Model


class InsightRequest(Model):
    """Which numbers."""

    since: datetime
    until: datetime
    # Empty: all of them.
    names: tuple[str, ...] = ()


class InsightText(Model):
    """The mail, ready to be sent."""

    markdown: str
    headlines: tuple[str, ...]


class InsightMailActivities:
    """Preparing mails of insights."""

    def __init__(self, store: LearningSource, configuration: ConfigurationSource) -> None:
        self._store = store
        self._configuration = configuration

    @activity.defn(name="insight_mail.prepare")
    @translated
    async def prepare(self, request: InsightRequest) -> InsightText:
        """Count and lay out; changes nothing, so it may be repeated. Transient while the record is away."""
        configuration = self._configuration.current()
        hours, window = configuration.policy.calendar, Window(since=request.since, until=request.until)
        teams = configuration.services_by_team()
        reader = self._store.insight(window, teams, hours.time_zone, configuration.operations_review.load)
        found = [await reader.insight(name) for name in request.names or INSIGHTS]
        return InsightText(
            markdown=document(found, window, hours, configuration.base_url or ""), headlines=headlines(found)
        )
