"""What an expression may read where it stands. Called by the lint; the run gives expressions the same names.

A step's `status` and `error` can be read from wherever the step has been met; its `output` only where it was surely
written: not after an `if`, not after `on_failure: continue`, not out of a branch that may lose, a case or an item. Who
asks for the status in the same breath (`{{ steps.x.output.y if steps.x.status == 'succeeded' }}`, or in the step's own
`if`) knows what they do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.run import ActionSpec, OnFailure, StepKind
from runbooks.expressions import with_aliases
from runbooks.findings import nearest
from runbooks.schema import Parameter, Step
from runbooks.walk import ANY_ITEM, lines_of

ROOTS = ("params", "steps", "incident", "run")
# In `verify`, `check`, `undo` and `outputs` a step reads what it gave itself.
OWN_OUTPUT = "output"
_OF_A_STEP = ("output", "status", "error")
Problem = tuple[str, str]
# A dotted path as far as it is constant: `('steps', 'x', 'output', 'y')`.
Name = tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What has happened before a place in a runbook, whatever way was taken to it."""

    # Steps that have been reached, or passed over: their status says which.
    met: frozenset[str] = frozenset()
    # Steps that have surely succeeded.
    sure: frozenset[str] = frozenset()
    # Items of the loops around.
    variables: frozenset[str] = frozenset()
    # Why the others cannot be read, where that is more than that they come later.
    hidden: Mapping[str, str] = field(default_factory=dict)

    def after(self, step: Step) -> "Known":
        """What is known behind a step."""
        met, sure, hidden = _left_by(step)
        return replace(self, met=self.met | met, sure=self.sure | sure, hidden={**self.hidden, **hidden})

    def own(self, step: Step) -> "Known":
        """What is known to a step's own afterthoughts: `verify`, `check`, `undo`, `outputs`."""
        return replace(self, met=self.met | {step.id}, sure=self.sure | {step.id})

    def within(self, other: "Known") -> "Known":
        """Only what is known at the other place, too."""
        return replace(self, met=self.met & other.met, sure=self.sure & other.sure)

    def beside(self, lines: Iterable[tuple[str, Iterable[str]]]) -> "Known":
        """What is known inside one line of a block whose other lines hold these steps."""
        hidden = {step: f"it stands in another line ({name})" for name, steps in lines for step in steps}
        return replace(self, hidden={**self.hidden, **hidden})


def _left_by(step: Step) -> tuple[frozenset[str], frozenset[str], dict[str, str]]:
    """The steps that are met and surely done once a step is behind, and why others are hidden for good."""
    own = frozenset({step.id})
    is_sure = step.if_ is None and step.on_failure is not OnFailure.CONTINUE
    met, sure, hidden = own, own if is_sure else frozenset(), dict[str, str]()
    for line in lines_of(step):
        for inner in line.steps:
            inner_met, inner_sure, inner_hidden = _left_by(inner)
            hidden |= inner_hidden
            if line.name == ANY_ITEM:
                hidden |= dict.fromkeys(inner_met, f"it runs once per item of {step.id!r}")
                continue
            met |= inner_met
            if is_sure and step.parallel is not None and step.parallel.join == "all":
                sure |= inner_sure
    return met, sure, hidden


def ids_in(steps: Iterable[Step]) -> list[str]:
    """The ids of these steps and of all that they hold."""
    return [name for step in steps for name in (step.id, *(ids_in(s for line in lines_of(step) for s in line.steps)))]


@dataclass(frozen=True)
class Names:
    """The names of one runbook."""

    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]
    specs: Mapping[str, ActionSpec]

    def problem(self, name: Name, known: Known, guards: frozenset[str], *, is_own: bool) -> Problem | None:
        """What is wrong with a name; `guards` are the steps whose status is asked for beside it."""
        root, *rest = name
        roots = (*ROOTS, *sorted(known.variables), *((OWN_OUTPUT,) if is_own else ()))
        if root not in roots:
            return "unknown_name", f"there is no {root!r} in expressions{nearest(root, roots)}"
        if root == "params" and rest and rest[0] not in with_aliases(self.parameters):
            hint = nearest(rest[0], list(self.parameters))
            return "unknown_name", f"the runbook has no parameter {rest[0]!r}{hint}"
        if root == "steps" and rest:
            return self._step(rest, known, guards)
        return None

    def _step(self, rest: list[str], known: Known, guards: frozenset[str]) -> Problem | None:
        step = with_aliases(self.steps).get(rest[0])
        if step is None:
            return "unknown_name", f"there is no step {rest[0]!r}{nearest(rest[0], list(self.steps))}"
        if step.id not in known.met:
            why = known.hidden.get(step.id)
            said = f": {why}" if why else ""
            return "step_not_run", f"step {step.id!r} has not run when this is evaluated{said}"
        if rest[1:] and rest[1] not in _OF_A_STEP:
            return "unknown_name", f"a step has no {rest[1]!r}{nearest(rest[1], _OF_A_STEP)}"
        if rest[1:2] != ["output"]:
            return None
        if step.id not in known.sure and step.id not in guards:
            asked = f"'steps.{step.id.replace('-', '_')}.status'"
            why = "may have been left out or have failed, and then it has no output"
            return "not_surely_written", f"step {step.id!r} {why}; ask for {asked} as well"
        return self._output(step, rest[2:])

    def _output(self, step: Step, rest: list[str]) -> Problem | None:
        if not rest:
            return None
        spec = self.specs.get(step.action or "")
        if step.outputs:
            whose, fields, is_closed = f"step {step.id!r}", list(step.outputs), True
        elif spec and step.kind is StepKind.ACTION:
            whose, fields = spec.name, list(spec.result.get("properties", {}))
            is_closed = spec.result.get("additionalProperties") is False
        else:
            return None
        if is_closed and rest[0] not in fields:
            return "unknown_name", f"{whose} gives no {rest[0]!r}{nearest(rest[0], fields)}"
        return None


def guards_in(names: Iterable[Name], steps: Mapping[str, Step]) -> frozenset[str]:
    """The steps whose status is asked for among these names."""
    aliased = with_aliases(steps)
    asked = (name[1] for name in names if name[:1] == ("steps",) and name[2:3] == ("status",))
    return frozenset(aliased[each].id for each in asked if each in aliased)
