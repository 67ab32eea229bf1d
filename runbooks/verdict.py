"""What was played, held against what was expected: each mismatch is a sentence. Pure; called by `workers/rehearsal.py`.

The one thing to know: times are those of the clock that the run sees, and what the machine itself took is forgiven.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field

from domain.durations import format_duration
from domain.message import Template
from domain.model import Model
from domain.run import ApprovalStatus, RunState, StepState
from domain.timeline import EntryKind
from runbooks.findings import nearest
from runbooks.scenario import Expect, ExpectedMessage, Scenario


class PlayedLine(Model):
    """One line of the timeline."""

    # Since the start, by the run's clock.
    at: timedelta
    kind: EntryKind
    actor: str
    summary: str


class PlayedMessage(Model):
    """One message that reached people."""

    at: timedelta
    template: Template
    people: tuple[str, ...]
    step: str | None


class Played(Model):
    """One scenario, as it came out."""

    # None: the run never came to stand anywhere.
    run: RunState | None
    lines: tuple[PlayedLine, ...] = ()
    performed: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    approvals: dict[str, ApprovalStatus] = Field(default_factory=dict)
    messages: tuple[PlayedMessage, ...] = ()
    # What went wrong with playing it: a person who was never asked, a command that was refused, a run without an end.
    troubles: tuple[str, ...] = ()
    lasted: timedelta = timedelta()
    # What the machine took for all of that.
    took: timedelta = timedelta()


class Verdict(Model):
    """What came of one scenario."""

    runbook: str
    scenario: str
    title: str
    # Whether everything came as expected.
    passed: bool
    mismatches: tuple[str, ...]
    played: Played


def judge(runbook: str, scenario: Scenario, played: Played) -> Verdict:
    """Compare one scenario with what was expected of it."""
    mismatches = (*played.troubles, *_mismatches(scenario.expect, played))
    return Verdict(
        runbook=runbook, scenario=scenario.name, title=scenario.title,
        passed=not mismatches, mismatches=mismatches, played=played,
    )  # fmt: skip


def _mismatches(expect: Expect, played: Played) -> Iterator[str]:
    if played.run is None:
        return
    yield from _of_run(expect, played.run)
    steps = {step.path: step for step in played.run.steps}
    yield from _of_steps(expect, steps)
    yield from _of_order("performed", expect.performed, played.performed)
    yield from _of_order("taken back", expect.undone, played.undone)
    yield from _of_approvals(expect, played.approvals)
    for message in expect.messages:
        yield from _of_message(message, played.messages)
    yield from _of_lines(expect.says, played.lines)
    yield from _of_time(expect, played)


def _of_run(expect: Expect, run: RunState) -> Iterator[str]:
    because = f" ({run.reason or run.waiting_for})" if run.reason or run.waiting_for else ""
    if run.status is not expect.status:
        yield f"the run should be {expect.status.value}, but is {run.status.value}{because}"
    if expect.reason is not None and expect.reason not in (run.reason or ""):
        yield f"the run's reason should say {expect.reason!r}, but is {run.reason!r}"


def _of_steps(expect: Expect, steps: Mapping[str, StepState]) -> Iterator[str]:
    for path, status in expect.steps.items():
        step = steps.get(path)
        if step is None:
            yield f"there was no step {path!r}{nearest(path, list(steps))}"
        elif step.status is not status:
            why = f": {step.error or step.waiting_for or step.reason}" if step.error or step.reason else ""
            yield f"step {path!r} should be {status.value}, but is {step.status.value}{why}"
    for path, wanted in expect.outputs.items():
        step = steps.get(path)
        yield from _of_output(path, wanted, step.output if step else None)


def _of_output(path: str, wanted: Mapping[str, Any], output: Any) -> Iterator[str]:
    if not isinstance(output, dict):
        yield f"step {path!r} should give {', '.join(wanted)}, but gave {output!r}"
        return
    for key, value in wanted.items():
        if key not in output:
            yield f"step {path!r} should give {key!r}, but gave {', '.join(output) or 'nothing'}"
        elif output[key] != value:
            yield f"step {path!r} should give {key} = {value!r}, but gave {output[key]!r}"


def _of_order(what: str, wanted: Sequence[str] | None, found: Sequence[str]) -> Iterator[str]:
    if wanted is None or tuple(wanted) == tuple(found):
        return
    yield f"{_listed(wanted)} should have been {what}, in this order, but it was {_listed(found)}"


def _of_approvals(expect: Expect, found: Mapping[str, ApprovalStatus]) -> Iterator[str]:
    for path, state in expect.approvals.items():
        if path not in found:
            yield f"approval {path!r} should be {state.value}, but was never asked for"
        elif found[path] is not state:
            yield f"approval {path!r} should be {state.value}, but is {found[path].value}"


def _of_message(wanted: ExpectedMessage, sent: Sequence[PlayedMessage]) -> Iterator[str]:
    fitting = [m for m in sent if m.template is wanted.template and wanted.step in {None, m.step}]
    about = f" about {wanted.step}" if wanted.step else ""
    what = f"the message {wanted.template.value!r}{about}"
    times = len(fitting)
    if wanted.times is None and not fitting:
        yield f"{what} should have been sent, but was not"
    if wanted.times is not None and times != wanted.times:
        yield f"{what} should have been sent {wanted.times} times, but was sent {times} times"
    for message in fitting:
        if wanted.to and set(message.people) != set(wanted.to):
            yield f"{what} should go to {_listed(wanted.to)}, but went to {_listed(message.people)}"
            return


def _of_lines(wanted: Sequence[str], lines: Sequence[PlayedLine]) -> Iterator[str]:
    rest = iter(lines)
    for part in wanted:
        if not any(part in line.summary for line in rest):
            elsewhere = any(part in line.summary for line in lines)
            yield f"the timeline should say {part!r}" + (", and later than it does" if elsewhere else ", but does not")
            return


def _of_time(expect: Expect, played: Played) -> Iterator[str]:
    lasted = format_duration(timedelta(seconds=round(played.lasted.total_seconds())))
    least, most = expect.lasts.at_least, expect.lasts.at_most
    if least is not None and played.lasted < least:
        yield f"the run should last {format_duration(least)} at least, but lasted {lasted}"
    # Between two skips the run's clock is the machine's, and a slow machine is no mistake of the runbook.
    if most is not None and played.lasted - played.took > most:
        yield f"the run should last {format_duration(most)} at most, but lasted {lasted}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
