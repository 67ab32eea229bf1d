"""The factor `change` says what sort of change it was, so that recurrence can count deploys apart from flags."""

from datetime import UTC, datetime

import pytest

from domain.errors import Rejected
from domain.policy import Policy
from domain.review import AddFinding, FindingKind, ReviewStart
from domain.review_decisions import decide, open_review
from domain.severity import Severity
from domain.timeline import person

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TERMS = ReviewStart(
    incident_id="inc-1", title="t", severity=Severity.SEV1, resolved_at=NOW, policy=Policy(), owner="alice"
)
FOUND = AddFinding(
    by=person("bob"), kind=FindingKind.CONTRIBUTING_FACTOR.value, text="v2 went out", factor="change",
    change_kind=" Deploy ",
)  # fmt: skip


def test_it_is_kept_in_one_spelling() -> None:
    """Blanks and capitals make no new kind."""
    (finding,) = decide(open_review(TERMS, NOW).state, FOUND, NOW, TERMS).state.findings
    assert (finding.factor, finding.change_kind) == ("change", "deploy")


@pytest.mark.parametrize(
    ("update", "sentence"),
    [({"factor": "capacity"}, "only the factor 'change'"), ({"change_kind": "x" * 41}, "40 characters at most")],
)
def test_it_is_refused_elsewhere(update: dict[str, str], sentence: str) -> None:
    """A kind of change of something that is no change would be counted as one."""
    with pytest.raises(Rejected) as refused:
        decide(open_review(TERMS, NOW).state, FOUND.model_copy(update=update), NOW, TERMS)
    assert sentence in refused.value.sentence
