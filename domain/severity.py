"""How bad it is, in the five steps that the field uses, and what kind of trouble it is."""

from enum import StrEnum


class Severity(StrEnum):
    """SEV-1 complete outage … SEV-5 informational. Lower is worse."""

    SEV1 = "SEV-1"
    SEV2 = "SEV-2"
    SEV3 = "SEV-3"
    SEV4 = "SEV-4"
    SEV5 = "SEV-5"

    @property
    def rank(self) -> int:
        """1 for the worst, 5 for the mildest."""
        return int(self.value[-1])

    def is_at_least(self, other: "Severity") -> bool:
        """Whether this is as bad as the other, or worse."""
        return self.rank <= other.rank


class IncidentType(StrEnum):
    """What kind of trouble it is."""

    OUTAGE = "outage"
    PERFORMANCE = "performance"
    DATA = "data"
    SECURITY = "security"
    DEPLOYMENT = "deployment"
    INFRASTRUCTURE = "infrastructure"
    THIRD_PARTY = "third_party"
    ENVIRONMENTAL = "environmental"


# What alert senders call severities, as seen in the wild; anything else is unknown and the route decides.
ALERT_SEVERITIES = {
    "critical": Severity.SEV1, "page": Severity.SEV1, "emergency": Severity.SEV1, "fatal": Severity.SEV1,
    "error": Severity.SEV2, "high": Severity.SEV2, "major": Severity.SEV2,
    "warning": Severity.SEV3, "warn": Severity.SEV3, "moderate": Severity.SEV3, "medium": Severity.SEV3,
    "minor": Severity.SEV4, "low": Severity.SEV4,
    "info": Severity.SEV5, "informational": Severity.SEV5, "none": Severity.SEV5,
}  # fmt: skip


def severity_from_label(label: str | None) -> Severity | None:
    """Translate an alert's severity label; None when it has none or one nobody agreed on."""
    if label is None:
        return None
    text = label.strip().lower()
    for severity in Severity:
        if text in {severity.value.lower(), severity.value.lower().replace("-", ""), f"p{severity.rank}"}:
            return severity
    return ALERT_SEVERITIES.get(text)
