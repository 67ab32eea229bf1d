"""What was learned: findings of a known kind, added, and withdrawn with a reason when they prove wrong.

Called by `review_decisions.py`. Pure. The one thing to know: a finding that is withdrawn stays in the history, and is
in neither the draft nor the count of factors nor what recurs; whoever would correct one withdraws it and adds the right
one, so that everybody can see what was believed when.
"""

from datetime import datetime

from domain.contributing_factors import DEFAULT_FACTORS
from domain.errors import Rejected, RejectionKind
from domain.follow_up import Outcome, demand_person, demand_text
from domain.review import (
    AddFinding,
    Finding,
    FindingKind,
    ReviewStart,
    ReviewState,
    WithdrawFinding,
    WithdrawnFinding,
)
from domain.review_outcomes import MAX_FINDINGS, ReviewOutcome, entry, redrafted

# The factor of the taxonomy that has a kind of its own; a name that recurs is short.
_CHANGE = "change"
_LONGEST_CHANGE_KIND = 40


def add_finding(state: ReviewState, command: AddFinding, now: datetime, terms: ReviewStart) -> ReviewOutcome:
    """One more, with its number."""
    text = demand_text(command.text, "the finding")
    if command.kind not in set(FindingKind):
        raise Rejected(f"a finding is one of {', '.join(FindingKind)}, not {command.kind!r}")
    factor, change_kind = _factor(command, terms), _change(command)
    finding = Finding(kind=command.kind, text=text, by=command.by, factor=factor, change_kind=change_kind)
    after = with_finding(state, finding)
    about = f" ({factor})" if factor else ""
    return Outcome(after, (entry(now, command.by, f"Review: {_kind(finding)}{about}: {text}"),))


def with_finding(state: ReviewState, finding: Finding) -> ReviewState:
    """The review with it; the draft follows."""
    if len(state.findings) + len(state.withdrawn) >= MAX_FINDINGS:
        raise Rejected(f"a review holds {MAX_FINDINGS} findings at most", RejectionKind.TOO_LARGE)
    known = _numbered(state)
    number = max((each.number for each in (*known, *(gone.finding for gone in state.withdrawn))), default=0) + 1
    findings = (*known, finding.model_copy(update={"number": number}))
    return redrafted(state).model_copy(update={"findings": findings})


def withdraw_finding(
    state: ReviewState,
    command: WithdrawFinding,
    now: datetime,
    terms: ReviewStart,  # noqa: ARG001 - one shape for all
) -> ReviewOutcome:
    """It proved wrong, and why; the draft follows."""
    demand_person(command.by, "withdraw a finding")
    reason = demand_text(command.reason, "why the finding is withdrawn")
    known = _numbered(state)
    found = next((each for each in known if each.number == command.finding), None)
    if found is None:
        there = ", ".join(str(each.number) for each in known) or "none"
        raise Rejected(f"the review has no finding {command.finding}; there are: {there}", RejectionKind.NOT_FOUND)
    gone = WithdrawnFinding(finding=found, reason=reason, by=command.by, at=now)
    after = redrafted(state).model_copy(
        update={
            "findings": tuple(each for each in known if each is not found),
            "withdrawn": (*state.withdrawn, gone),
        }
    )
    said = f"Finding {found.number} of the review withdrawn ({_kind(found)}: {found.text}): {reason}"
    return Outcome(after, (entry(now, command.by, said),))


def _numbered(state: ReviewState) -> tuple[Finding, ...]:
    """Each with a number; those that are older than numbers have their place in the list."""
    numbered = enumerate(state.findings, start=1)
    return tuple(each if each.number else each.model_copy(update={"number": place}) for place, each in numbered)


def _kind(finding: Finding) -> str:
    return finding.kind.replace("_", " ")


def _factor(command: AddFinding, terms: ReviewStart) -> str:
    factor = command.factor.strip()
    if not factor:
        return ""
    if command.kind != FindingKind.CONTRIBUTING_FACTOR.value:
        raise Rejected(f"only a contributing factor has a kind of factor; this is {command.kind!r}")
    known = terms.factors or DEFAULT_FACTORS
    if factor not in known:
        raise Rejected(f"{factor!r} is no kind of contributing factor; there are {', '.join(known)}")
    return factor


def _change(command: AddFinding) -> str:
    kind = " ".join(command.change_kind.split()).lower()
    if kind and command.factor.strip() != _CHANGE:
        raise Rejected(f"only the factor {_CHANGE!r} has a kind of change; say factor: {_CHANGE}")
    if len(kind) > _LONGEST_CHANGE_KIND:
        raise Rejected(f"a kind of change is a word or two, {_LONGEST_CHANGE_KIND} characters at most")
    return kind
