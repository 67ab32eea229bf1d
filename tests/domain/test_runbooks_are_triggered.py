"""Triggers: which runbooks an incident starts or suggests by itself, once, and why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain.alert import Alert
from domain.incident import AttachAlerts, ChangeStatus, IncidentContext, IncidentStart, IncidentState, StartRun
from domain.incident_decisions import begin, decide
from domain.incident_effects import LaunchRun, Outcome
from domain.runbook_trigger import RunbookTrigger, Trigger
from domain.timeline import automation, person

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ANN = person("ann")


def _trigger(name: str = "mend", **fields: Any) -> RunbookTrigger:
    return RunbookTrigger(runbook=name, title=f"The {name}", number=1, trigger=Trigger.model_validate(fields))


def _begin(*triggers: RunbookTrigger, **fields: Any) -> Outcome:
    start = IncidentStart.model_validate(
        {
            "id": "inc-20261122-k7qd", "title": "t", "severity": "SEV-2", "declared_by": ANN, "services": ["shop"],
            "context": IncidentContext(people=("ann",), triggers=triggers), **fields,
        }
    )  # fmt: skip
    return begin(start, NOW)


def _alert(**labels: str) -> Alert:
    return Alert.model_validate({"fingerprint": "f", "status": "firing", "labels": labels})


def _attach(state: IncidentState, *alerts: Alert, firing: bool = True) -> Outcome:
    command = AttachAlerts(by=automation("am"), group_id="g", alerts=alerts, firing=firing, note="more")
    return decide(state, command, NOW)


def _launched(outcome: Outcome) -> list[LaunchRun]:
    return [effect for effect in outcome.effects if isinstance(effect, LaunchRun)]


def test_an_event_suggests_a_runbook_in_timeline_and_room() -> None:
    """With why; running it takes the suggestion away."""
    outcome = _begin(_trigger(event="declared"), _trigger("other", event="resolved"))
    assert [each.runbook for each in outcome.state.suggestions] == ["mend"]
    assert outcome.entries[-1].summary == "runbook 'The mend' is suggested: the incident is declared"
    assert not _launched(outcome)
    ran = decide(outcome.state, StartRun(by=ANN, runbook="mend"), NOW)
    assert ran.state.suggestions == ()


def test_an_alert_starts_a_runbook_with_its_labels_once() -> None:
    """The label's text becomes a parameter; the same alert again starts nothing more."""
    trigger = _trigger(alert={"alertname": "~Slow.*"}, then="start", parameters={"target": "{labels.instance}", "n": 2})
    outcome = _begin(trigger, alerts=[_alert(alertname="Fast"), _alert(alertname="SlowShop", instance="web-1")])
    (launch,) = _launched(outcome)
    assert launch.parameters == {"target": "web-1", "n": 2}
    assert launch.requested_by == automation("trigger")
    assert not _launched(_attach(outcome.state, _alert(alertname="SlowShop", instance="web-2")))


def test_a_later_alert_counts_and_one_that_has_cleared_does_not() -> None:
    """Alerts that are attached are looked at like the first ones."""
    state = _begin(_trigger(alert={"alertname": "Full"}, then="start")).state
    assert not _launched(_attach(state, _alert(alertname="Full"), firing=False))
    assert _launched(_attach(state, _alert(alertname="Full")))


def test_a_missing_label_makes_it_a_suggestion() -> None:
    """Nothing starts by itself with a hole in it; the sentence names the label."""
    trigger = _trigger(alert={}, then="start", parameters={"target": "{labels.instance}"})
    outcome = _begin(trigger, alerts=[_alert(alertname="x")])
    assert not _launched(outcome)
    assert "has no label instance" in outcome.state.suggestions[0].why


def test_services_and_severities_limit_it() -> None:
    """Only incidents that the author meant."""
    assert not _begin(_trigger(event="declared", services=["search"])).state.suggestions
    assert not _begin(_trigger(event="declared", severities=["SEV-1"])).state.suggestions
    assert _begin(_trigger(event="declared", services=["shop"], severities=["SEV-2"])).state.suggestions


def test_what_happens_later_counts() -> None:
    """Mitigated, resolved, reopened."""
    state = _begin(_trigger(event="mitigated"), _trigger("after", event="mitigated", then="start")).state
    moved = decide(state, ChangeStatus.model_validate({"by": ANN, "status": "monitoring", "reason": "it is fine"}), NOW)
    assert [each.runbook for each in moved.state.suggestions] == ["mend"]
    assert [each.runbook for each in _launched(moved)] == ["after"]


def test_the_routes_runbook_is_not_started_twice() -> None:
    """A trigger finds the run that the declaration started."""
    outcome = _begin(_trigger(event="declared", then="start"), runbook="mend")
    assert len(_launched(outcome)) == 1


def test_a_trigger_has_one_cause() -> None:
    """An alert or an event, never both or neither."""
    for fields in ({}, {"alert": {}, "event": "declared"}):
        with pytest.raises(ValidationError, match="either 'alert'"):
            Trigger.model_validate(fields)
