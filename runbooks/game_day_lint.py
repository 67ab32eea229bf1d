"""Everything that can be known to be wrong with a game day before it is held. Used by the catalogue and the CLI.

A game day with findings is never started: what would be learnt of a typing mistake is learnt while something is broken.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.configuration import Configuration
from domain.durations import format_duration
from domain.errors import Rejected
from domain.game_day import Expectation, GameDayKind
from domain.run import ActionSpec, Effect
from runbooks.action_parameters import mistakes_in
from runbooks.expressions import has_expression, with_aliases
from runbooks.findings import Finding, nearest
from runbooks.game_day_names import unknown_names
from runbooks.game_day_parts import AFTER, BEFORE, Fault, Probe, ProbeMode
from runbooks.game_day_schema import GameDay, with_limits
from runbooks.render import names_used
from runbooks.schema import ActionCall
from runbooks.source import Path as Place
from runbooks.source import Source


def lint_game_day(
    source: Source,
    document: GameDay,
    specs: Mapping[str, ActionSpec],
    configuration: Configuration | None = None,
    *,
    is_bundled: bool = False,
) -> Iterator[Finding]:
    """All findings in no order; without a configuration nothing is said about what only `hotwash.yaml` knows."""
    yield from _Lint(source, document, specs).findings()
    if configuration is not None:
        yield from unknown_names(source, document, configuration, is_bundled=is_bundled)


class _Lint:
    """One game day under the glass."""

    def __init__(self, source: Source, document: GameDay, specs: Mapping[str, ActionSpec]) -> None:
        self._source = source
        self._document = document
        self._specs = specs

    def findings(self) -> Iterator[Finding]:
        yield from self._targets()
        yield from self._steady_state()
        yield from self._faults()
        yield from self._stop_conditions()
        yield from self._expectations()
        if self._document.recovery.rpo is not None:
            yield from self._asked(("recovery", "rpo"), self._document.recovery.rpo, "a measure of what was lost")
        if self._document.kind is GameDayKind.UNANNOUNCED and self._document.announce.audience:
            sentence = (
                "an unannounced game day announces itself to nobody; leave `audience` out or make it `kind: live`"
            )
            yield self._say(("announce", "audience"), "announced", sentence)

    def _say(self, path: Place, code: str, sentence: str, *, key: bool = False) -> Finding:
        return self._source.finding(path, code, sentence, key=key)

    def _targets(self) -> Iterator[Finding]:
        for group, selection in self._document.targets.items():
            for number, name in enumerate(selection.names):
                yield from self._expression(("targets", group, "names", number), name, has_target=False, is_choice=True)
            for tag, value in selection.tags.items():
                yield from self._expression(("targets", group, "tags", tag), value, has_target=False, is_choice=True)

    def _steady_state(self) -> Iterator[Finding]:
        document = self._document
        yield from self._twice("steady_state", [each.id for each in document.steady_state])
        for number, probe in enumerate(document.steady_state):
            path: Place = ("steady_state", number)
            yield from self._asked(path, probe, "a probe", has_target=probe.targets is not None)
            yield from self._selection(path, probe)
        for modes, when in ((BEFORE, "before the fault"), (AFTER, "after it was undone")):
            if not document.probes(*modes):
                sentence = f"no probe is asked {when}, so nothing shows that the target is well then"
                yield self._say(("steady_state",), "never_asked", sentence)

    def _faults(self) -> Iterator[Finding]:
        faults = self._document.faults
        names = [each.id for each in faults]
        yield from self._twice("faults", names)
        for number, fault in enumerate(faults):
            path: Place = ("faults", number)
            yield from self._fault(path, fault)
            yield from self._selection(path, fault)
            for place, name in enumerate(fault.start_after):
                if name not in names:
                    hint = nearest(name, names)
                    yield self._say((*path, "start_after", place), "unknown_fault", f"there is no fault {name!r}{hint}")
            if fault.id in _ancestors(fault.id, faults):
                sentence = f"{fault.id!r} would begin after itself ({' → '.join(_ancestors(fault.id, faults))})"
                yield self._say((*path, "start_after"), "circle", sentence)
            if fault.duration > self._document.duration:
                sentence = (
                    f"the whole game day is over after {format_duration(self._document.duration)} (`duration`),"
                    f" and this fault lasts {format_duration(fault.duration)}"
                )
                yield self._say((*path, "duration"), "too_long", sentence)

    def _fault(self, path: Place, fault: Fault) -> Iterator[Finding]:
        spec = self._specs.get(fault.action)
        for name in ("duration", "lease"):
            if name in fault.with_:
                sentence = f"write `{name}` beside `with`, where game days read it"
                yield self._say((*path, "with", name), "misplaced", sentence, key=True)
        given = ActionCall(action=fault.action, with_=with_limits(fault, spec))
        yield from self._call(path, given, has_target=True)
        if spec is not None and spec.effect is not Effect.FAULT:
            sentence = f"{fault.action!r} is no fault; a game day breaks something on purpose"
            yield self._say((*path, "action"), "no_fault", sentence)
        if fault.undo is not None:
            yield from self._call((*path, "undo"), fault.undo, has_target=True)
            undo = self._specs.get(fault.undo.action)
            if undo is not None and undo.effect is Effect.FAULT:
                sentence = f"{fault.undo.action!r} is a fault; what is broken on purpose is not put right by another"
                yield self._say((*path, "undo", "action"), "undoes_nothing", sentence)
            elif undo is not None and undo.effect is Effect.READ_ONLY:
                sentence = f"{fault.undo.action!r} only looks; an undo has to put something right"
                yield self._say((*path, "undo", "action"), "undoes_nothing", sentence)
        elif spec is not None and not spec.has_undo and spec.effect is Effect.FAULT:
            sentence = f"{fault.action!r} has no undo of its own; write an action as `undo`"
            yield self._say((*path, "action"), "no_undo", sentence)
        elif spec is not None and spec.undo_needs and not set(spec.undo_needs) & set(fault.with_):
            needs = " or ".join(f"`{name}`" for name in spec.undo_needs)
            sentence = (
                f"{fault.action!r} brings nothing back by itself; write {needs} in `with`, or an action as `undo`"
            )
            yield self._say((*path, "action"), "no_undo", sentence)

    def _stop_conditions(self) -> Iterator[Finding]:
        yield from self._twice("stop_conditions", [each.id for each in self._document.stop_conditions])
        for number, condition in enumerate(self._document.stop_conditions):
            call = condition.call()
            path: Place = ("stop_conditions", number)
            if call is None and condition.tolerance is not None:
                yield self._say((*path, "tolerance"), "no_answer", "a tolerance belongs to an action's answer")
            if condition.action is not None and call is not None:
                yield from self._asked(path, call, "a stop condition")
            elif condition.error_budget is not None:
                yield from self._expression(
                    (*path, "error_budget", "query"), condition.error_budget.query, has_target=False
                )

    def _expectations(self) -> Iterator[Finding]:
        document = self._document
        seen: set[Expectation] = set()
        for number, expected in enumerate(document.expectations):
            path: Place = ("expectations", number)
            if expected.expect in seen:
                yield self._say((*path, "expect"), "expected_twice", f"{expected.expect.value!r} is expected already")
            seen.add(expected.expect)
            for place, name in enumerate(expected.to):
                yield from self._expression((*path, "to", place), name, has_target=False, is_choice=True)
            if expected.within is not None and expected.after == "fault" and expected.within > document.duration:
                within, duration = format_duration(expected.within), format_duration(document.duration)
                sentence = f"within {within} cannot be seen: the fault is undone after {duration} (`duration`)"
                yield self._say((*path, "within"), "never_seen", sentence)
            if expected.expect is Expectation.RECOVER and not document.probes(ProbeMode.CONTINUOUS):
                sentence = "a recovery shows in a probe with `mode: continuous`, and there is none"
                yield self._say((*path, "expect"), "never_seen", sentence)

    # --- what several have in common ---

    def _twice(self, where: str, names: Sequence[str]) -> Iterator[Finding]:
        for number, name in enumerate(names):
            if name in names[:number]:
                yield self._say(
                    (where, number, "id"), "duplicate_id", f"{name!r} is the id of an earlier one; rename it"
                )

    def _selection(self, path: Place, one: Probe | Fault) -> Iterator[Finding]:
        if one.targets is not None and one.targets not in self._document.targets:
            hint = nearest(one.targets, list(self._document.targets))
            sentence = f"there is no selection {one.targets!r} under `targets`{hint}"
            yield self._say((*path, "targets"), "unknown_targets", sentence)

    def _asked(self, path: Place, call: ActionCall, what: str, *, has_target: bool = False) -> Iterator[Finding]:
        spec = self._specs.get(call.action)
        if spec is not None and (spec.effect is not Effect.READ_ONLY or not spec.has_check):
            # The check of an action that changes something says whether that was done, and nothing of the target.
            sentence = f"{call.action!r} does not look at the target; {what} needs a check, such as check.http"
            yield self._say((*path, "action"), "no_probe", sentence)
        yield from self._call(path, call, has_target=has_target)

    def _call(self, path: Place, call: ActionCall, *, has_target: bool) -> Iterator[Finding]:
        spec = self._specs.get(call.action)
        if spec is None:
            hint = nearest(call.action, list(self._specs))
            yield self._say((*path, "action"), "unknown_action", f"there is no action {call.action!r}{hint}")
            return
        for mistake in mistakes_in(call.with_, spec.parameters):
            yield self._say((*path, "with", *mistake.path), mistake.code, f"{call.action}: {mistake.sentence}")
        for place, text in _texts((*path, "with"), call.with_):
            yield from self._expression(place, text, has_target=has_target)

    def _expression(self, path: Place, value: str, *, has_target: bool, is_choice: bool = False) -> Iterator[Finding]:
        if not has_expression(value):
            return
        try:
            names = names_used(value)
        except Rejected as error:
            yield self._say(path, "bad_expression", error.sentence)
            return
        roots = ["params", *(() if is_choice else ("targets",)), *(("target",) if has_target else ())]
        known = {"params": with_aliases(self._document.parameters), "targets": with_aliases(self._document.targets)}
        for root, *rest in names:
            if root not in roots:
                yield self._say(path, "unknown_name", f"there is no {root!r} here; it reads {' and '.join(roots)}")
            elif root in known and rest and rest[0] not in known[root]:
                what = "parameter" if root == "params" else "selection of targets"
                hint = nearest(rest[0], list(known[root]))
                yield self._say(path, "unknown_name", f"the game day has no {what} {rest[0]!r}{hint}")


def _ancestors(name: str, faults: Sequence[Fault]) -> list[str]:
    """Whatever comes before a fault, directly or not; it is in there itself when they go in a circle."""
    before = {each.id: each.start_after for each in faults}
    found: list[str] = []
    waiting = list(before.get(name, ()))
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found.append(one)
            waiting += before.get(one, ())
    return found


def _texts(path: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts((*path, str(key)), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts((*path, number), inner)
