"""Which templates of AWS FIS are faults that end in time."""

from datetime import timedelta

import pytest

from domain.fis_template import Template, TemplateAction, hindrance, longest_way, proof, seconds_of, template_of

MINUTE = timedelta(minutes=1)
WAIT = TemplateAction("aws:fis:wait", 30.0)
PAUSE = TemplateAction("aws:ebs:pause-volume-io", 60.0)
AFTER = TemplateAction("aws:ebs:pause-volume-io", 60.0, after=("wait",))
REBOOT = TemplateAction("aws:ec2:reboot-instances", None)


@pytest.mark.parametrize(
    ("actions", "has_stop", "accepted", "sentence"),
    [
        ({"pause": PAUSE}, True, {}, None),
        ({"wait": WAIT, "pause": PAUSE}, True, {}, None),
        ({"wait": WAIT}, True, {}, "nothing but wait"),
        ({}, True, {}, "nothing but wait"),
        ({"pause": PAUSE}, False, {}, "has no stop condition"),
        ({"pause": PAUSE}, False, {"without_stop_condition": True}, None),
        ({"wait": WAIT, "pause": AFTER}, True, {}, "take 1m30s, and the fault's duration is 1m"),
        ({"reboot": REBOOT}, True, {}, "'reboot' (aws:ec2:reboot-instances) of the template EXT1 names no duration"),
        ({"reboot": REBOOT}, True, {"without_duration": True}, None),
        ({"reboot": REBOOT, "wait": WAIT, "pause": AFTER}, True, {"without_duration": True}, "take 1m30s"),
    ],
)
def test_a_template_is_a_fault_or_it_is_said_why_not(
    actions: dict[str, TemplateAction], has_stop: bool, accepted: dict[str, bool], sentence: str | None
) -> None:
    """By a minute's fault."""
    terms = {"without_stop_condition": False, "without_duration": False} | accepted
    found = hindrance(Template("EXT1", actions, has_stop), MINUTE, **terms)
    assert (sentence in found) if sentence and found else found == sentence


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({}, None),
        ({"duration": "PT5M"}, 300),
        ({"startInstancesAfterDuration": "PT1H1M1S"}, 3661),
        ({"duration": "PT1M", "maxDuration": "PT2M"}, 120),
        ({"duration": "soon"}, None),
        ({"duration": "PT"}, None),
        ({"documentParameters": '{"duration": "PT5M"}'}, None),
    ],
)
def test_a_duration_is_read_as_fis_writes_it(parameters: dict[str, str], seconds: float | None) -> None:
    """What is not understood counts as none."""
    assert seconds_of(parameters) == seconds


def test_actions_that_wait_for_each_other_come_to_an_end() -> None:
    """FIS refuses such a template; here it is named."""
    whole, circular = longest_way({"a": 1.0, "b": 2.0, "c": 4.0}, {"a": ["b"], "b": ["a"], "c": ["nobody"]})
    assert (whole >= 3.0, circular) == (True, ("a",))


@pytest.mark.parametrize(
    ("states", "status", "holds"),
    [
        ({"wait": "running", "pause": "running"}, "running", True),
        ({"wait": "running", "pause": "pending"}, "running", None),
        ({"wait": "running"}, "running", None),
        ({"pause": "running"}, "stopped", False),
        ({"pause": "completed"}, "completed", False),
        ({"pause": "cancelled"}, "cancelled", False),
        ({"pause": "running"}, "a word of tomorrow", True),
    ],
)
def test_harm_is_proved_by_the_action_that_does_it(states: dict[str, str], status: str, holds: bool | None) -> None:
    """An experiment that has ended does none, whatever its actions say."""
    assert proof(Template("EXT1", {"wait": WAIT, "pause": PAUSE}, True), states, status)[0] is holds


def test_a_template_is_read_as_aws_describes_it() -> None:
    """Also when parts of it are not there."""
    assert template_of({}) == Template("", {}, has_stop_condition=False)
    document = {
        "id": "EXT1",
        "actions": {"pause": {"actionId": PAUSE.does, "parameters": {"duration": "PT1M"}}},
        "stopConditions": [{"source": "none"}],
    }
    assert template_of(document) == Template("EXT1", {"pause": PAUSE}, has_stop_condition=False)
