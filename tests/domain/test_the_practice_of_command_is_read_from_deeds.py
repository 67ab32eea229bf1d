"""The rules of practice: each is kept, broken, or had no occasion, and the reason names the moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.practice import RULES, Deed, Story, practised, score
from domain.severity import Severity
from domain.timeline import person

T0 = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
ALICE = {"commander": "alice"}


def deed(minute: float, command: str, by: str = "alice", **more: Any) -> Deed:
    """Something done in this minute; `body` is what was said."""
    given: dict[str, Any] = {
        "severity": Severity.SEV2,
        "status": "investigating",
        "roles": ALICE,
        "roles_before": ALICE,
    }
    body = {key: more.pop(key) for key in list(more) if key not in {*Deed.model_fields}}
    return Deed(command=command, by=person(by), at=T0 + timedelta(minutes=minute), body=body, **(given | more))


def update(minute: float, audience: str = "internal", text: str = "", **more: Any) -> Deed:
    """An update that names the next one."""
    return deed(minute, "post_update", **{"audience": audience, "text": text or f"news {minute} " * 4,
                                          "next_update_within": 1800, **more})  # fmt: skip


def held(rule: str, *deeds: Deed, minutes: float = 25, **more: Any) -> bool | None:
    """How the rule was kept."""
    story = Story(deeds, T0, T0 + timedelta(minutes=minutes), Severity.SEV2, **more)
    return next(each.held for each in practised(story) if each.rule == rule)


TAKE = deed(4, "offer_role", role="commander", person="alice", roles_before={})
BOTH = {"commander": "alice", "scribe": "alice"}
OFFER = deed(10, "offer_role", role="commander", person="bob", reason="tired")
ACCEPT = deed(12, "accept_role", "bob", role="commander", roles={"commander": "bob"})
SEV3 = Severity.SEV3


@pytest.mark.parametrize(
    ("rule", "deeds", "expected"),
    [
        ("R01", [], False),
        ("R01", [TAKE], True),
        ("R01", [deed(6, "offer_role", role="commander", roles_before={})], False),
        ("R02", [TAKE, deed(16, "add_note", text="x", roles=BOTH)], False),
        ("R02", [TAKE, deed(14, "add_note", text="x", roles=BOTH)], True),
        ("R03", [TAKE], None),
        ("R03", [TAKE, OFFER, ACCEPT], True),
        ("R03", [TAKE, OFFER.model_copy(update={"body": {"role": "commander"}}), ACCEPT], False),
        ("R03", [TAKE, OFFER], False),
        ("R04", [TAKE, OFFER, ACCEPT], False),
        ("R04", [TAKE, deed(9, "add_note", text="condition, actions, open"), OFFER, ACCEPT], True),
        ("R06", [deed(5, "change_severity", severity=SEV3, severity_before=Severity.SEV2, reason="")], False),
        ("R06", [deed(5, "change_severity", severity=SEV3, severity_before=Severity.SEV2, reason="few")], True),
        ("R07", [deed(5, "change_status", reason="")], False),
        ("R07", [deed(5, "change_status", reason="found it")], True),
        ("R09", [deed(5, "add_task", title="look", assignee="bob")], False),
        ("R09", [deed(5, "add_task", title="look", assignee="bob", due_within=600)], True),
        ("R11", [deed(5, "record_decision", text="roll back", rationale="")], False),
        ("R11", [deed(5, "record_decision", text="roll back", rationale="it fits")], True),
        ("C01", [update(3)], False),
        ("C01", [update(3, "external")], True),
        ("C01", [update(6, "external")], False),
        ("C02", [update(3), update(4, "external"), update(20, "external")], True),
        ("C02", [update(3), update(4, "external")], False),
        ("C03", [], False),
        ("C03", [update(3, next_update_within=None)], False),
        ("C03", [update(3, next_update_within=600)], False),
        ("C03", [update(3, next_update_within=600), update(12)], True),
        ("C04", [update(3, text="We look into it."), update(9, text="We look into it.")], False),
        ("C04", [update(3), update(9)], True),
        ("C05", [update(3, "external", "It should be back by four.")], False),
        ("C05", [update(3, "external", "Paying fails. We speak again at 15:00.")], True),
        ("C07", [deed(20, "resolve", summary="Fixed it")], False),
        ("C07", [deed(20, "resolve", summary="Recovery confirmed for 15 minutes, no data was lost")], True),
    ],
)
def test_each_rule_is_read(rule: str, deeds: list[Deed], expected: bool | None) -> None:
    """Kept, broken, or no occasion."""
    assert held(rule, *deeds) is expected


def test_what_the_scenario_deserves_counts() -> None:
    """Too mild a severity is broken although nobody changed it; a mild one without customers has less to keep."""
    assert held("R06", TAKE, deserved=Severity.SEV1) is False
    assert held("R06", TAKE, deserved=Severity.SEV2) is True
    assert held("C01", TAKE, hurts_customers=False) is None


def test_the_score_leaves_out_what_had_no_occasion() -> None:
    """Of what could be kept, this share was."""
    results = practised(Story([TAKE], T0, T0 + timedelta(minutes=5), Severity.SEV4, hurts_customers=False))
    assert [each.rule for each in results] == list(RULES)
    assert {each.rule for each in results if each.held is True} == {"R01", "R02", "C02"}
    assert score(results) == 75
    assert score([each.model_copy(update={"held": None}) for each in results]) is None
