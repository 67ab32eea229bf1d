"""`workers/rehearsal.py` on its real engine: time, people and results are played as the scenario says, and compared."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from runbooks.rehearsals import load_rehearsal
from tests.support.ports import a_free_port
from tests.support.rehearsals import play
from workers.action_specs import action_specs
from workers.rehearsal import rehearse, skipping_engine

STEPS = """
steps:
  - {id: one, action: do, with: {n: 1}, retry: {max_attempts: 3, interval: 1h, max_interval: 1d}}
  - {id: two, action: do.once}
  - {id: three, action: do.known, on_failure: pause}
"""
ASKED = """
timeout: 7d
steps:
  - id: yes
    approval: {covers: [risky], approvers: [sre], min_approvals: 2, expires_after: 3d, remind_every: 6h}
  - {id: risky, action: do}
  - {id: look, manual: {instructions: Look at it, assignee: bob}}
"""
GROUPS = "given: {groups: {sre: [ann, bob, cleo, dan]}}\n"


async def test_scripted_results_are_played_attempt_by_attempt() -> None:
    """Failures are retried after their real pauses, vanished workers found out about, and undos come newest first."""
    found = await play(
        STEPS,
        """
scenarios:
  - name: retried
    actions: {one: [{fail: busy}, {fail: busy}, succeed]}
    expect:
      status: succeeded
      performed: [one, one, one, two, three]
      lasts: {at_least: 3h, at_most: 3h}
  - name: unwound
    actions: {two: [{refuse: it is full}]}
    expect:
      status: failed
      reason: it is full
      performed: [one, two]
      undone: [one]
      steps: {one: undone, two: failed, three: skipped}
  - name: stopped
    actions: {three: [{refuse: no}]}
    people: [{by: cleo, when: three, do: stop, says: enough}]
    expect: {status: stopped, undone: [two, one]}
  - name: in-doubt
    actions: {three: [vanish]}
    checks: {three: [{cannot_tell: it is dark}]}
    people: [{by: cleo, when: three, after: 2h, do: complete, says: it is there}]
    expect: {status: succeeded, performed: [one, two, three], says: [it is dark, cleo says of step three]}
  - name: not-done-after-all
    actions: {three: [vanish, succeed]}
    checks: {three: [{does_not_hold: nothing there}]}
    expect: {status: succeeded, performed: [one, two, three, three]}
""",
    )
    assert {name: verdict.mismatches for name, verdict in found.items()} == dict.fromkeys(found, ())


async def test_people_act_in_their_moment() -> None:
    """Days pass in seconds; a word that comes too late, twice or from the wrong person counts for nothing."""
    found = await play(
        ASKED,
        GROUPS
        + """
scenarios:
  - name: two-say-yes
    people:
      - {by: ann, when: yes, do: approve, refused: asked for this run}
      - {by: bob, when: yes, after: 1d, do: approve}
      - {by: bob, at: 25h, do: approve, step: yes, refused: already voted}
      - {by: dan, when: yes, after: 47h, do: approve}
      - {by: bob, when: look, after: 1h, do: complete, output: {seen: true}}
    expect:
      status: succeeded
      performed: [risky]
      approvals: {yes: approved}
      outputs: {look: {seen: true}}
      messages:
        - {template: approval_request, step: yes, times: 8}
        - {template: manual_step, step: look, to: [bob]}
      lasts: {at_least: 48h, at_most: 48h}
  - name: too-late
    people:
      - {by: bob, when: yes, after: 73h, do: approve, refused: over}
    expect: {status: failed, performed: [], approvals: {yes: expired}, lasts: {at_least: 3d}}
  - name: skipped
    people:
      - {by: bob, when: yes, do: approve}
      - {by: dan, when: yes, do: approve}
      - {by: cleo, at: 2h, do: pause}
      - {by: cleo, at: 3h, do: resume}
      - {by: cleo, when: look, after: 4h, do: skip, says: seen before}
    expect: {status: succeeded, steps: {look: skipped}, lasts: {at_least: 4h, at_most: 4h}}
""",
    )
    assert {name: verdict.mismatches for name, verdict in found.items()} == dict.fromkeys(found, ())
    clock = [line.at for line in found["two-say-yes"].played.lines if "approves" in line.summary]
    assert [round(at / timedelta(hours=1)) for at in clock] == [24, 47]


async def test_a_mismatch_is_a_sentence() -> None:
    """Every expectation that is not met says what should have been and what was."""
    found = await play(
        STEPS,
        """
scenarios:
  - name: wrong
    people: [{by: cleo, when: two, do: skip}, {by: bob, at: 1m, do: stop}]
    expect:
      status: failed
      reason: broken
      steps: {one: failed}
      performed: [one, three]
      undone: [one]
      approvals: {one: approved}
      outputs: {one: {n: 2}}
      messages: [{template: manual_step}]
      says: [started by ann, nothing of the sort]
      lasts: {at_least: 1h}
""",
    )
    *all_others, about_time = found["wrong"].mismatches
    assert about_time.startswith("the run should last 1h at least, but lasted ")
    assert all_others == [
        "cleo was to skip 'two', but step 'two' never asked",
        "bob was to stop the run, but was refused: the run is over",
        "the run should be failed, but is succeeded",
        "the run's reason should say 'broken', but is None",
        "step 'one' should be failed, but is succeeded: done",
        "step 'one' should give 'n', but gave nothing",
        "one, three should have been performed, in this order, but it was one, two, three",
        "one should have been taken back, in this order, but it was nothing",
        "approval 'one' should be approved, but was never asked for",
        "the message 'manual_step' should have been sent, but was not",
        "the timeline should say 'nothing of the sort', but does not",
    ]


async def test_a_run_that_does_not_end_is_said_so() -> None:
    """A run that waits for somebody for ever is a mismatch, unless the scenario says how long it is to be watched."""
    found = await play(
        "steps:\n  - {id: one, action: do, on_failure: pause}\ntimeout: 1h\n",
        """
given: {actions: {one: [{refuse: no}]}, undos: {one: [{refuse: never}]}}
scenarios:
  - name: watched
    play_for: 30m
    expect: {status: paused, steps: {one: failed}, lasts: {at_least: 30m, at_most: 30m}}
  - name: over-by-its-timeout
    expect: {status: failed, reason: timeout of 1h}
""",
    )
    assert {name: verdict.mismatches for name, verdict in found.items()} == dict.fromkeys(found, ())


async def test_blocks_locks_and_stop_conditions_are_played() -> None:
    """Scripts reach into every item of a loop by pattern; locks are free; a stop condition holds only when scripted."""
    found = await play(
        """
locks: {resources: [shop]}
stop_conditions: [{id: harm, action: look, every: 10m}]
steps:
  - id: each
    foreach:
      items: [a, b, c]
      steps:
        - {id: stop, action: do, retry: {max_attempts: 2, interval: 1m}}
        - {id: rest, wait: {duration: 15m}}
""",
        """
scenarios:
  - name: all
    actions: {"each.*.stop": [{fail: busy}, succeed], each.1.stop: [succeed]}
    expect:
      status: succeeded
      performed: [each.0.stop, each.0.stop, each.1.stop, each.2.stop, each.2.stop]
      lasts: {at_least: 47m, at_most: 47m}
  - name: harm
    checks: {harm: [{does_not_hold: ""}, {does_not_hold: ""}, holds]}
    expect:
      status: stopped
      performed: [each.0.stop, each.1.stop]
      undone: [each.1.stop, each.0.stop]
      lasts: {at_least: 20m, at_most: 20m}
""",
    )
    assert {name: verdict.mismatches for name, verdict in found.items()} == dict.fromkeys(found, ())


TARGETS = """
schema_version: 1
name: harm
title: Harm
owner: sre
parameters: {n: {}}
steps:
  - {id: ask, action: check.http, with: {url: "http://shop/", within_ms: "{{ params.n }}"}, on_failure: continue}
  - {id: kill, action: process.kill, with: {process: shop}}
"""
TARGETED = """
schema_version: 1
runbook: harm
scenarios:
  - {name: outside, parameters: {n: "5"}, expect: {status: failed, reason: in a drill only, steps: {ask: failed}}}
  - {name: drill, drill: true, parameters: {n: "5"}, expect: {status: succeeded, outputs: {kill: {signal: KILL}}}}
"""


async def test_what_the_real_action_would_refuse_is_refused(tmp_path: Path) -> None:
    """Rendered parameters are held against the action's schema, and a fault is refused outside a drill."""
    (tmp_path / "harm.yaml").write_text(TARGETS)
    (tmp_path / "scenarios.yaml").write_text(TARGETED)
    specs = action_specs()
    loaded = load_rehearsal(str(tmp_path / "harm.yaml"), tmp_path / "scenarios.yaml", specs)
    found = {each.scenario: each async for each in rehearse([loaded], specs)}
    assert {name: verdict.mismatches for name, verdict in found.items()} == dict.fromkeys(found, ())
    assert any("'within_ms' must be of type integer" in line.summary for line in found["outside"].played.lines)


async def test_freezes_are_played() -> None:
    """One that stands at the start, one that begins while the run waits, one of another service, one overridden."""
    found = await play(
        "steps:\n  - {id: rest, wait: {duration: 2h}}\n  - {id: risky, action: do, on_failure: pause}\n",
        """
given: {incident: {services: [shop]}}
scenarios:
  - name: refused
    freezes: [{name: holidays, until: 3d}]
    expect: {status: failed, reason: the freeze 'holidays' lasts until, performed: []}
  - name: of-another-service
    freezes: [{name: holidays, until: 3d, applies_to: [till]}]
    expect: {status: succeeded, performed: [risky]}
  - name: over-by-then
    freezes: [{name: night, from: 10m, until: 1h}]
    expect: {status: succeeded, performed: [risky]}
  - name: begun-meanwhile
    freezes: [{name: night, from: 1h, until: 9h}]
    people: [{by: cleo, when: risky, do: retry, says: the shop is down}]
    expect: {status: succeeded, performed: [risky], says: [the freeze 'night', cleo retries step risky]}
  - name: overridden
    freezes: [{name: holidays, until: 3d}]
    override_freeze: the shop is down
    expect: {status: succeeded, says: [ann overrides the freeze 'holidays']}
""",
    )
    assert {name: verdict.mismatches for name, verdict in found.items()} == dict.fromkeys(found, ())


async def test_a_port_that_somebody_takes_first_is_not_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was free when it was looked for; the engine that cannot have it is started on another."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        ports = iter([somebody.getsockname()[1], a_free_port()])
        monkeypatch.setattr("workers.rehearsal._free_port", lambda: next(ports))
        async with skipping_engine() as client:
            assert await client.service_client.check_health()
