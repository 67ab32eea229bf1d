"""When a runbook is started or suggested by itself: what its author wrote, and what an incident makes of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from domain.label_patterns import LabelPatterns
from domain.model import Model
from domain.severity import Severity


class LifecycleEvent(StrEnum):
    """What happens to an incident, as triggers of runbooks name it."""

    DECLARED = "declared"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Trigger(Model):
    """An alert of an incident, or something that happens to it."""

    # Labels of the alert, as in routes: a value `~…` is a regular expression.
    alert: LabelPatterns | None = None
    event: LifecycleEvent | None = None
    # Only for incidents of these services and severities; empty: all.
    services: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    then: Literal["start", "suggest"] = "suggest"
    # Texts may name labels of the alert: `{labels.instance}`.
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_cause(self) -> "Trigger":
        if (self.alert is None) == (self.event is None):
            message = "a trigger has either 'alert' (labels to match) or 'event'"
            raise ValueError(message)
        return self


class RunbookTrigger(Model):
    """A trigger with its runbook, as it was when the incident was declared."""

    runbook: str
    title: str
    # Which of the runbook's triggers.
    number: int
    trigger: Trigger


class RunbookSuggestion(Model):
    """A runbook that may help, and why; shown in the incident's room until somebody runs it."""

    runbook: str
    title: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    why: str
    at: datetime
