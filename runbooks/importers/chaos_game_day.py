"""Chaos Toolkit experiments as game days: the hypothesis is the steady state, the method the faults, on our rails.

Used by `importers/game_days.py`. The one thing to know: an experiment says neither how long a fault may stay nor whose
alerts it causes nor what it may touch. What a game day has to know is written in carefully and reported, so that a
person completes it; nothing of the file is dropped in silence.
"""

from collections.abc import Mapping
from typing import Any

from domain.durations import parse_duration
from runbooks.action_parameters import mistakes_in
from runbooks.importers.chaos_known import (
    fault_of_function,
    fault_of_program,
    is_of_target,
    probe_of_function,
    probe_of_program,
    why_not,
)
from runbooks.importers.chaos_probe import check_of_http
from runbooks.importers.chaos_values import Values
from runbooks.importers.reading import ImportContext, Loss, Reading, without_secrets
from runbooks.importers.writing import Draft, Names, duration, first_line, literal, runbook_name, shown
from runbooks.source import Source

_REASONS = {
    "contributions": "they rate the experiment; give its probes a `weight`",
    "tags": "a game day has no tags; its targets have",
    "extensions": "they belong to other tools",
    "dry": "hold it with `kind: dry` to see what it would touch",
}
_ACTIVITY_REASONS = {
    "controls": "nothing is called before and after an activity here",
    "secrets": "where a secret is needed, give a reference such as env:NAME",
    "background": "every fault stays for its duration while the next ones begin",
}
# An experiment does not say how long a fault stays. Long enough for monitoring to notice, short enough to be survived.
_DURATION_SECONDS = 120.0
# What people write where the toolkit wants a title.
_NOTHING = {"", "n/a", "none", "-"}
_CHECKS = "check.http, check.tcp, check.promql, check.sql, check.process or check.program"
_SAFEGUARDS = "chaosaddons.controls.safeguards"
# Only a placeholder: a game day without a steady state cannot be written, and a person must say what it is.
_BLANK_PROBE = {"id": "steady", "action": "check.http", "with": {"url": "{{ params.health_url }}"}}


def read_game_day(source: Source, context: ImportContext) -> Draft:
    """One game day; Unreadable when the file is no experiment."""
    report = context.report
    if not isinstance(source.data, dict) or not isinstance(source.data.get("method"), list):
        raise report.refuse((), "this is no Chaos Toolkit experiment: it has no method")
    return Draft(_Experiment(source, context).game_day())


class _Experiment:
    """One experiment on its way to a game day."""

    def __init__(self, source: Source, context: ImportContext) -> None:
        self._context = context
        self._document = Reading(context.report, (), source.data)
        self._stem = source.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        self._ids = Names()
        self._values = Values(self._document)
        self._by_name: dict[str, Reading] = {}
        self._probes: list[dict[str, Any]] = []
        self._faults: list[dict[str, Any]] = []
        self._stops: list[dict[str, Any]] = []
        # Pauses since the method began: the toolkit does one thing after the other, a game day counts from the start.
        self._clock = 0.0

    def game_day(self) -> dict[str, Any]:
        document = self._document
        document.text("version")
        title = document.text("title")
        description = (document.text("description") or "").strip()
        hypothesis = document.inner("steady-state-hypothesis")
        wanted = ((hypothesis.text("title") if hypothesis else None) or "").strip()
        believed = wanted if wanted.lower() not in _NOTHING else description or title or "the service stays up"
        probes = hypothesis.inners("probes") if hypothesis else []
        method, rollbacks = document.inners("method"), document.inners("rollbacks")
        self._by_name = {str(each.take("name")): each for each in (*probes, *method) if "name" in each}
        for probe in probes:
            self._hypothesis(probe)
        if hypothesis:
            hypothesis.done(_REASONS)
        for activity in method:
            self._method(activity)
        self._rollbacks(rollbacks)
        self._controls()
        self._runtime()
        self._complete()
        document.done(_REASONS)
        self._values.done()
        return self._written(first_line(title, self._stem), believed)

    def _written(self, title: str, believed: str) -> dict[str, Any]:
        parameters = self._values.parameters
        longest = max(_seconds_of(each) for each in self._faults)
        return {
            "schema_version": 1,
            "name": runbook_name(self._stem),
            "title": title,
            "owner": self._context.owner,
            "hypothesis": believed,
            **({"parameters": parameters} if parameters else {}),
            "match": {"drillable": "yes"},
            "targets": {"chosen": {"names": ["{{ params.drill_target }}"]}},
            "steady_state": self._probes,
            "faults": self._faults,
            **({"stop_conditions": self._stops} if self._stops else {}),
            "expectations": [{"expect": "no_other_alerts"}],
            "duration": duration(min(longest + 60, 4 * 3600)),
        }

    # --- the steady state ---

    def _hypothesis(self, activity: Reading) -> None:
        """Before and after the method, and between them: the toolkit asks while the fault is still there."""
        found = self._followed(activity)
        if found is None:
            return
        activity = found
        name = activity.text("name") or "steady"
        activity.text("type")
        self._pauses(activity)
        made = self._probe(activity, name)
        activity.done(_ACTIVITY_REASONS)
        if made is not None:
            id_ = self._ids.give(name, "steady")
            self._probes.append({"id": id_, **made, "mode": "edge"})
            self._probes.append({"id": self._ids.give(f"{name} during", "during"), **made, "mode": "during_fault"})

    def _probe(self, activity: Reading, name: str) -> dict[str, Any] | None:
        """A question of ours that asks the same; None, reported, when there is none."""
        provider = activity.inner("provider") or Reading(activity.report, activity.path, {})
        kind = provider.text("type")
        tolerance = activity.take("tolerance")
        made: dict[str, Any] | None = None
        if kind == "http":
            made = check_of_http(provider, tolerance, lambda value: self._values.weave(value, provider))
        elif kind == "process":
            made = probe_of_program(provider, tolerance)
            made = None if made is None else self._values.weave(made, provider)
        elif kind == "python":
            made = probe_of_function(provider, tolerance)
            if made is not None:
                made = self._values.weave(made, provider)
                made["with"] |= {
                    "prometheus": self._asked_for("prometheus", "A name under actions.prometheus", provider)
                }
        if made is None or self._is_unfit(made):
            why = f"a probe changes nothing: write it as {_CHECKS}"
            if kind == "http":
                why = "check.http asks with a plain GET or HEAD for a status and a text"
            self._leave(activity, provider, f"the probe {name!r} is not carried over: {why}")
            return None
        provider.done()
        return made

    # --- the method ---

    def _method(self, activity: Reading) -> None:
        found = self._followed(activity)
        if found is None:
            return
        activity = found
        name = activity.text("name") or "activity"
        is_probe = activity.text("type") == "probe"
        before, after = self._pauses(activity)
        self._clock += before
        if is_probe:
            made = self._probe(activity, name)
            if made is not None:
                activity.say(Loss.CHANGED, f"the probe {name!r} is asked all the while, not once at its place")
                self._probes.append({"id": self._ids.give(name, "probe"), **made, "mode": "during_fault"})
        else:
            self._fault(activity, name)
        self._clock += after
        activity.done(_ACTIVITY_REASONS)

    def _fault(self, activity: Reading, name: str) -> None:
        provider = activity.inner("provider") or Reading(activity.report, activity.path, {})
        kind = provider.text("type")
        made: dict[str, Any] | None = None
        if kind == "process":
            made = fault_of_program(provider)
        elif kind == "python":
            made = fault_of_function(provider)
        if made is None:
            why = why_not(kind, provider, self._context.specs)
            self._leave(activity, provider, f"the action {name!r} is not carried over: {why}")
            return
        seconds = made.pop("seconds", None)
        # What reads the drill target is ours; everything else is the experiment's.
        for key, value in made["with"].items():
            made["with"][key] = value if is_of_target(value) else self._values.weave(value, provider)
        if self._context.specs.get(made["action"]) is None or self._is_unfit(made, chosen_later=True):
            self._leave(activity, provider, f"the action {name!r} is not carried over: {made['action']} cannot say it")
            return
        if seconds is None:
            sentence = f"{name!r} says not how long it lasts; {duration(_DURATION_SECONDS)} is put, say what it may be"
            activity.say(Loss.INCOMPLETE, sentence)
        fault = {"id": self._ids.give(name, "fault"), "title": literal(first_line(name, "fault"))}
        fault |= {"action": made["action"], "targets": "chosen", "with": made["with"]}
        fault["duration"] = duration(seconds or _DURATION_SECONDS)
        if self._clock:
            fault["delay"] = duration(self._clock)
        provider.done()
        self._faults.append(fault)

    def _rollbacks(self, rollbacks: list[Reading]) -> None:
        """The n-th program of the rollbacks takes back the n-th program of the method; other faults undo themselves."""
        programs = [each for each in self._faults if each["action"] == "program.inject"]
        for activity in rollbacks:
            name = activity.text("name") or activity.text("ref") or "rollback"
            activity.text("type")
            before, after = self._pauses(activity)
            if before or after:
                activity.lose("pauses", "a fault is undone at once")
            provider = activity.inner("provider") or Reading(activity.report, activity.path, {})
            made = fault_of_program(provider, is_plain=True) if provider.text("type") == "process" else None
            open_ones = [each for each in programs if "revert_program" not in each["with"]]
            if made is not None and open_ones:
                woven = self._values.weave(made["with"], provider)
                open_ones[0]["with"] |= {"revert_program": woven["program"], "revert_arguments": woven["arguments"]}
                provider.done()
            else:
                why = "every fault here is undone by its own action, on every exit"
                self._leave(activity, provider, f"the rollback {name!r} is not carried over: {why}")
            activity.done(_ACTIVITY_REASONS)
        for fault in [each for each in programs if "revert_program" not in each["with"]]:
            self._faults.remove(fault)
            sentence = f"{fault['id']!r} is not carried over: the experiment has no program that takes it back"
            self._document.say(Loss.LEFT_OUT, sentence)

    # --- what surrounds it ---

    def _controls(self) -> None:
        """The safeguards of chaostoolkit-addons end an experiment as our stop conditions do."""
        for control in self._document.inners("controls"):
            name = control.text("name") or "control"
            provider = control.inner("provider") or Reading(control.report, control.path, {})
            arguments = provider.inner("arguments")
            if provider.take("module") != _SAFEGUARDS or arguments is None:
                sentence = f"the control {name!r} is not carried over: nothing is called around a game day"
                self._leave(control, provider, sentence)
                continue
            provider.text("type")
            for probe in arguments.inners("probes"):
                self._safeguard(probe)
            arguments.done()
            provider.done()
            control.done()

    def _safeguard(self, probe: Reading) -> None:
        name = probe.text("name") or "safeguard"
        probe.text("type")
        every = probe.number("frequency")
        probe.take("background")
        made = self._probe(probe, name)
        if made is not None:
            stop = {"id": self._ids.give(name, "safeguard"), **made, "stop_when": "fails"}
            self._stops.append(stop | ({"every": duration(min(max(every, 0.2), 300))} if every else {}))
        probe.done(_ACTIVITY_REASONS)

    def _runtime(self) -> None:
        runtime = self._document.inner("runtime")
        if runtime is None:
            return
        runtime.lose("rollbacks", "faults are undone on every exit, whatever the strategy", Loss.CHANGED)
        runtime.lose("hypothesis", "it is asked before, during and after, whatever the strategy", Loss.CHANGED)
        runtime.done()

    def _complete(self) -> None:
        """What a game day must have and no experiment says."""
        document = self._document
        document.say(Loss.INCOMPLETE, "say in `match` which labels the alerts of this drill carry")
        self._asked_for("drill_target", "A name under drill_targets of hotwash.yaml", document)
        document.say(Loss.INCOMPLETE, "give the parameter 'drill_target': an opted-in target of hotwash.yaml")
        if not any(each["mode"] == "edge" for each in self._probes):
            self._asked_for("health_url", "A URL that answers 200 while the service is well", document)
            self._probes.insert(0, {**_BLANK_PROBE, "id": self._ids.give("steady state", "steady")})
            document.say(Loss.INCOMPLETE, "no probe of its hypothesis could be carried over; give 'health_url'")
        if not self._faults:
            experiment = self._asked_for("experiment", "A name under actions.chaos_toolkit of hotwash.yaml", document)
            call = {"action": "chaostoolkit.run", "with": {"experiment": experiment}}
            id_ = self._ids.give("whole experiment", "experiment")
            self._faults.append({"id": id_, **call, "targets": "chosen", "duration": duration(_DURATION_SECONDS)})
            sentence = "none of its actions has its like here; allow the whole of it under actions.chaos_toolkit"
            document.say(Loss.INCOMPLETE, f"{sentence}, and the Chaos Toolkit itself runs it under a lease")

    # --- small things ---

    def _asked_for(self, name: str, description: str, reading: Reading) -> str:
        return self._values.add(name, {"description": description}, reading)

    def _followed(self, activity: Reading) -> Reading | None:
        """The activity that a `ref` names; None, reported, when there is none."""
        if "ref" not in activity:
            return activity
        name = str(activity.take("ref"))
        found = self._by_name.get(name)
        if found is None or "ref" in found:
            activity.lose("ref", f"there is no activity {name!r}")
        activity.done(_ACTIVITY_REASONS)
        return None if found is None or "ref" in found else Reading(found.report, found.path, found.whole())

    def _pauses(self, activity: Reading) -> tuple[float, float]:
        pauses = activity.inner("pauses")
        if pauses is None:
            return 0.0, 0.0
        both = (pauses.number("before") or 0.0, pauses.number("after") or 0.0)
        pauses.done()
        return both

    def _is_unfit(self, made: Mapping[str, Any], *, chosen_later: bool = False) -> bool:
        spec = self._context.specs.get(str(made["action"]))
        if spec is None:
            return True
        # The rest of a fault's parameters comes from the game day, or from a rollback.
        later = ("duration", "lease", *(("revert_program", "revert_arguments") if chosen_later else ()))
        mistakes = mistakes_in(made["with"], spec.parameters)
        return any(not any(name in mistake.sentence for name in later) for mistake in mistakes)

    def _leave(self, activity: Reading, provider: Reading, sentence: str) -> None:
        """Report the whole activity once, and not each of its parts."""
        body = without_secrets(provider.report, provider.path, dict(provider.whole()))
        activity.say(Loss.LEFT_OUT, f"{sentence} ({first_line(shown(body).replace(chr(10), ' '), '')})")
        for reading in (activity, provider):
            for key in reading.keys():  # noqa: SIM118 - no mapping
                reading.take(key)


def _seconds_of(fault: Mapping[str, Any]) -> float:
    return sum(parse_duration(fault.get(key, "0s")).total_seconds() for key in ("duration", "delay"))
