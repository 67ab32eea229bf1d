"""Approvals as pure decisions: whose word counts, and what it does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.approval import expire, people_asked, supersede, vote
from domain.errors import Rejected, RejectionKind
from domain.run import ApprovalState, ApprovalStatus, DecideApproval, Verdict
from domain.timeline import Actor, automation, person

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


def asked(**fields: object) -> ApprovalState:
    """An approval that ann asked for, of one sre, within half an hour."""
    given = {
        "id": "r:yes", "run_id": "r", "step_id": "yes", "incident_id": "i", "state": ApprovalStatus.PENDING,
        "digest": "sha256:this", "shown": {}, "min_approvals": 1, "approvers": ("sre",), "requested_by": person("ann"),
        "requested_at": NOW, "expires_at": NOW + HALF_AN_HOUR, **fields,
    }  # fmt: skip
    return ApprovalState.model_validate(given)


def says(by: str | Actor = "bob", verdict: Verdict = Verdict.APPROVE, **fields: object) -> DecideApproval:
    """A vote of somebody of sre on what is shown."""
    actor = person(by) if isinstance(by, str) else by
    given = {"approval_id": "r:yes", "digest": "sha256:this", "groups": ("sre",), **fields}
    return DecideApproval(by=actor, decision=verdict, **given)


def test_one_yes_of_the_right_person_is_enough() -> None:
    """And the one who said it is named."""
    approval = vote(asked(), says(), NOW)
    assert approval.state is ApprovalStatus.APPROVED
    assert approval.reason == "approved by bob"
    assert approval.decided_at == NOW


def test_one_no_rejects_whatever_was_said_before() -> None:
    """Caution wins."""
    approval = vote(asked(min_approvals=3), says(), NOW)
    assert approval.state is ApprovalStatus.PENDING
    approval = vote(approval, says("cleo", Verdict.REJECT, comment="too early"), NOW)
    assert approval.state is ApprovalStatus.REJECTED
    assert approval.reason == "rejected by cleo: too early"


@pytest.mark.parametrize(
    ("command", "kind", "words"),
    [
        (says("ann"), RejectionKind.FORBIDDEN, "asked for this run"),
        (says("ann", groups=("admin",)), RejectionKind.FORBIDDEN, "asked for this run"),
        (says("dora", groups=("sales",)), RejectionKind.FORBIDDEN, "not among the approvers"),
        (says(automation("bot")), RejectionKind.FORBIDDEN, "only people approve"),
        (says(digest="sha256:that"), RejectionKind.CONFLICT, "is not what would run"),
        (says(digest=""), RejectionKind.CONFLICT, "no digest"),
    ],
)
def test_a_vote_that_does_not_count_is_refused_with_a_sentence(
    command: DecideApproval, kind: RejectionKind, words: str
) -> None:
    """Self-approval, strangers, machines and other digests are refused, each in its class."""
    with pytest.raises(Rejected, match=words) as caught:
        vote(asked(), command, NOW)
    assert caught.value.kind is kind


def test_named_people_and_admins_may_vote() -> None:
    """An approver is a group or a person; nobody named means anybody; admins count as members."""
    assert vote(asked(approvers=("dora",)), says("dora", groups=()), NOW).state is ApprovalStatus.APPROVED
    assert vote(asked(), says("eve", groups=("admin",)), NOW).state is ApprovalStatus.APPROVED
    assert vote(asked(approvers=()), says("eve", groups=()), NOW).state is ApprovalStatus.APPROVED


def test_a_late_vote_is_refused_even_before_the_timer_fires() -> None:
    """The limit counts, not the timer that tells of it."""
    with pytest.raises(Rejected, match="too late"):
        vote(asked(), says(), NOW + HALF_AN_HOUR)
    closed = expire(asked(), NOW + HALF_AN_HOUR)
    assert closed.reason == "expired after 30m with 0 of 1 approvals"
    with pytest.raises(Rejected, match="too late: this approval is expired"):
        vote(closed, says(), NOW + HALF_AN_HOUR)


def test_a_decided_approval_stays_as_it_is() -> None:
    """Neither time nor the end of the run changes what was decided."""
    approved = vote(asked(), says(), NOW)
    assert expire(approved, NOW + HALF_AN_HOUR) == approved
    assert supersede(approved, "stopped", NOW) == approved
    assert supersede(asked(), "stopped", NOW).state is ApprovalStatus.SUPERSEDED


def test_those_who_may_vote_are_told() -> None:
    """Groups become people, each once, without the one who asked; nobody named: the commander, or else everybody."""
    groups = {"sre": ("ann", "bob"), "dba": ("bob", "dora")}
    assert people_asked(("sre", "dba", "eve"), groups, person("ann"), "cleo") == ("bob", "dora", "eve")
    assert people_asked((), groups, person("ann"), "cleo") == ("cleo",)
    assert people_asked((), groups, person("ann"), "ann") == ("bob", "dora")
    assert people_asked((), groups, automation("triage"), None) == ("bob", "dora", "ann")


class Voting(RuleBasedStateMachine):
    """Whatever is said in whatever order, an approval means what its rules say."""

    @initialize(quorum=st.integers(1, 3))
    def begin(self, quorum: int) -> None:
        """Any quorum."""
        self.approval = asked(min_approvals=quorum)
        self.now = NOW

    @rule(
        who=st.sampled_from(["ann", "bob", "cleo", "dora", "eve"]),
        verdict=st.sampled_from(Verdict),
        digest=st.sampled_from(["sha256:this", "sha256:that"]),
        group=st.sampled_from(["sre", "admin", "sales"]),
    )
    def somebody_votes(self, who: str, verdict: Verdict, digest: str, group: str) -> None:
        """Anybody, anything; a refusal changes nothing."""
        before = self.approval
        try:
            self.approval = vote(before, says(who, verdict, digest=digest, groups=(group,)), self.now)
        except Rejected:
            assert self.approval == before
        else:
            assert before.state is ApprovalStatus.PENDING
            assert len(self.approval.votes) == len(before.votes) + 1

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        """Past the limit it expires."""
        self.now += timedelta(minutes=minutes)
        if self.now >= NOW + HALF_AN_HOUR:
            self.approval = expire(self.approval, self.now)

    @invariant()
    def a_yes_means_a_quorum_of_others_on_what_is_shown(self) -> None:
        """And a no means that somebody said no."""
        approval = self.approval
        names = [each.by.name for each in approval.votes]
        assert "ann" not in names
        assert len(set(names)) == len(names)
        assert all(each.digest == approval.digest for each in approval.votes)
        yes = sum(each.verdict is Verdict.APPROVE for each in approval.votes)
        no = len(names) - yes
        assert (approval.state is ApprovalStatus.APPROVED) == (yes >= approval.min_approvals and not no)
        assert (approval.state is ApprovalStatus.REJECTED) == bool(no)


TestVoting = Voting.TestCase
