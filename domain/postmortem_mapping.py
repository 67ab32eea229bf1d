"""The declared mapping of an import: which column, key or heading is which field, and what its words mean here.

Read from YAML by `cli/review_import.py`. The one thing to know: names are compared without regard to case, spaces,
hyphens and underscores, and the first one that is there counts.
"""

from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from domain.model import Model
from domain.severity import Severity


class PastField(StrEnum):
    """What a postmortem is read for."""

    KEY = "key"
    TITLE = "title"
    SEVERITY = "severity"
    TYPE = "type"
    SERVICES = "services"
    IMPACT_STARTED_AT = "impact_started_at"
    DETECTED_AT = "detected_at"
    DECLARED_AT = "declared_at"
    ACKNOWLEDGED_AT = "acknowledged_at"
    MITIGATED_AT = "mitigated_at"
    RESOLVED_AT = "resolved_at"
    SUMMARY = "summary"
    IMPACT = "impact"
    OWNER = "owner"
    FACTORS = "factors"
    ACTION_ITEMS = "action_items"
    BODY = "body"
    LINK = "link"


class ItemField(StrEnum):
    """What an action item is read for, where items are objects."""

    TITLE = "title"
    STATE = "state"
    OWNER = "owner"
    DONE_WHEN = "done_when"
    DUE_AT = "due_at"
    FINISHED_AT = "finished_at"


# What the public collections of postmortems and the templates of the practice guides call things.
DEFAULT_FIELDS: dict[PastField, tuple[str, ...]] = {
    PastField.KEY: ("key", "id", "incident id", "number", "slug"),
    PastField.TITLE: ("title", "name", "headline", "subject"),
    PastField.SEVERITY: ("severity", "sev", "level", "priority"),
    PastField.TYPE: ("type", "incident type"),
    PastField.SERVICES: ("services", "service", "components", "component", "affected services", "systems"),
    PastField.IMPACT_STARTED_AT: ("impact started at", "impact started", "started at", "start time", "start", "began"),
    PastField.DETECTED_AT: ("detected at", "detected", "detection time"),
    PastField.DECLARED_AT: ("declared at", "declared", "date", "incident date", "reported at", "created at", "created"),
    PastField.ACKNOWLEDGED_AT: ("acknowledged at", "acknowledged"),
    PastField.MITIGATED_AT: ("mitigated at", "mitigated"),
    PastField.RESOLVED_AT: ("resolved at", "resolved", "ended at", "end time", "end"),
    PastField.SUMMARY: ("summary", "overview", "executive summary", "tl;dr", "description"),
    PastField.IMPACT: ("impact", "customer impact", "user impact"),
    PastField.OWNER: ("owner", "author", "authors", "postmortem owner"),
    PastField.FACTORS: ("contributing factors", "factors", "root causes", "root cause", "causes", "cause"),
    PastField.ACTION_ITEMS: (
        "action items",
        "actions",
        "follow ups",
        "follow up actions",
        "corrective actions",
        "next steps",
    ),
    PastField.BODY: ("body", "markdown", "text", "content", "narrative"),
    PastField.LINK: ("link", "url", "permalink"),
}
DEFAULT_ITEM_FIELDS: dict[ItemField, tuple[str, ...]] = {
    ItemField.TITLE: ("title", "action", "action item", "item", "summary", "description", "name", "task", "what"),
    ItemField.STATE: ("state", "status", "done"),
    ItemField.OWNER: ("owner", "assignee", "assigned to", "who", "responsible"),
    ItemField.DONE_WHEN: ("done when", "acceptance", "definition of done"),
    ItemField.DUE_AT: ("due at", "due", "due date", "deadline", "eta"),
    ItemField.FINISHED_AT: ("finished at", "completed at", "closed at", "done at"),
}


def plain(name: str) -> str:
    """A name as names are compared."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").strip(" :#*").split())


class PostmortemMapping(Model):
    """What stands in `mapping.yaml`; everything may be left out."""

    # Where they come from; a part of each key, so that the numbers of two tools do not meet.
    source: str = Field(default="import", min_length=1, max_length=100)
    # JSON: where in the document the list is, `data.incidents`; empty: the document is the list.
    records: str = ""
    fields: dict[PastField, tuple[str, ...]] = Field(default_factory=dict)
    item_fields: dict[ItemField, tuple[str, ...]] = Field(default_factory=dict)
    # Words of theirs to words of ours.
    severities: dict[str, Severity] = Field(default_factory=dict)
    services: dict[str, str] = Field(default_factory=dict)
    factors: dict[str, str] = Field(default_factory=dict)
    owners: dict[str, str] = Field(default_factory=dict)
    # Names that are left out on purpose, and not reported.
    ignore: tuple[str, ...] = ()
    default_severity: Severity = Severity.SEV3
    # Of times that name no zone.
    time_zone: str = "UTC"
    # How times are written, as in Python's strptime (`%d/%m/%Y %H:%M`); empty: ISO 8601.
    time_format: str = ""

    @field_validator("fields", "item_fields", mode="before")
    @classmethod
    def _one_name_or_several(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: (names,) if isinstance(names, str) else names for name, names in value.items()}

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone; write one such as Europe/Berlin") from error
        return value

    def names(self, field: PastField) -> tuple[str, ...]:
        """Under which names a field is looked for, plain, the best first."""
        return tuple(plain(name) for name in self.fields.get(field, DEFAULT_FIELDS[field]))

    def item_names(self, field: ItemField) -> tuple[str, ...]:
        """The same for action items."""
        return tuple(plain(name) for name in self.item_fields.get(field, DEFAULT_ITEM_FIELDS[field]))
