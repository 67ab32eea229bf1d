"""A small world for runs: steps that do, check and undo on a list, fail when told to, and keep the ledger's promise.

`World.effects` is what is there now, in order; a law compares it with the empty list. Register
`activities=world.activities()` on the steps queue.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.rendering import RenderActivities
from activities.steps import CheckResult, StepRequest, StepResult, UndoRequest
from domain.run import ActionSpec, Effect, Idempotency, RunbookReference
from domain.timeline import person
from runbooks.lint import lint
from runbooks.parse import parse_runbook
from runbooks.render import render
from runbooks.schema import NestedRunbook, PinnedRunbook, RunStart
from runbooks.source import read_yaml

_ANY = {"type": "object"}


def _spec(
    name: str, effect: Effect, idempotency: Idempotency, *, undo: bool = False, check: bool = False
) -> ActionSpec:
    return ActionSpec(
        name=name, summary=name, effect=effect, idempotency=idempotency, parameters=_ANY, result=_ANY,
        has_undo=undo, has_check=check,
    )  # fmt: skip


SPECS = {
    "look": _spec("look", Effect.READ_ONLY, Idempotency.IDEMPOTENT, check=True),
    "do": _spec("do", Effect.MUTATING, Idempotency.IDEMPOTENT, undo=True),
    "do.once": _spec("do.once", Effect.MUTATING, Idempotency.AT_MOST_ONCE, undo=True),
    "do.known": _spec("do.known", Effect.MUTATING, Idempotency.AT_MOST_ONCE, undo=True, check=True),
    "do.plain": _spec("do.plain", Effect.MUTATING, Idempotency.KEYED),
}


class World:
    """The target of all steps. Scripts are lists by step path: one error is raised per attempt, None lets it pass."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.log: list[str] = []
        self.requests: list[StepRequest] = []
        self.fails: dict[str, list[Exception | None]] = {}
        self.undo_fails: dict[str, list[Exception | None]] = {}
        # What checks answer, by path: one answer per question, the last one stays.
        self.answers: dict[str, list[bool | None]] = {}
        # Attempts that never end, by path: how many.
        self.hangs: dict[str, int] = {}
        self.gate: dict[str, asyncio.Event] = {}
        self.started: dict[str, asyncio.Event] = {}

    def activities(self) -> list[Callable[..., Any]]:
        """What the workers of both queues register."""
        return [self.perform, self.check, self.undo, RenderActivities(render).render]

    def paths(self, verb: str) -> list[str]:
        """The paths of all calls of one sort, in order."""
        return [line.split(" ", 1)[1] for line in self.log if line.startswith(f"{verb} ")]

    @activity.defn(name="steps.perform")
    async def perform(self, request: StepRequest) -> StepResult:
        """Do it, once per key."""
        path = _path(request)
        self.log.append(f"do {path}")
        self.requests.append(request)
        self.started.setdefault(path, asyncio.Event()).set()
        if self.hangs.get(path, 0) > 0:
            self.hangs[path] -= 1
            # Without a heartbeat this looks like a worker that is gone.
            await asyncio.Event().wait()
        if path in self.gate:
            await self._gated(path)
        _raise_next(self.fails, path)
        done = request.key in self.effects
        if not done and request.action != "look":
            self.effects.append(request.key)
        return StepResult(output={"path": path, **request.parameters}, detail=f"did {path}", already_done=done)

    async def _gated(self, path: str) -> None:
        while not self.gate[path].is_set():
            activity.heartbeat()
            await asyncio.sleep(0.02)

    @activity.defn(name="steps.check")
    async def check(self, request: StepRequest) -> CheckResult:
        """Answer as scripted, else truthfully."""
        path = _path(request)
        self.log.append(f"check {path}")
        answers = self.answers.get(path)
        if answers:
            holds = answers.pop(0) if len(answers) > 1 else answers[0]
        else:
            holds = request.action == "look" or request.key in self.effects
        return CheckResult(holds=holds, detail=f"{path} holds: {holds}", output={"checked": True})

    @activity.defn(name="steps.undo")
    async def undo(self, request: UndoRequest) -> StepResult:
        """Take it back; twice is once."""
        path = _path(request)
        self.log.append(f"undo {path}")
        self.requests.append(request)
        _raise_next(self.undo_fails, path)
        done = request.key.removesuffix("/undo")
        self.effects = [key for key in self.effects if key != done]
        return StepResult(output={}, detail=f"undid {path}")


def fault(sentence: str = "it broke", type_: str = "Rejected", *, retryable: bool = False) -> ApplicationError:
    """An error as `activities/errors.py` writes it."""
    return ApplicationError(sentence, type=type_, non_retryable=not retryable)


def pinned(text: str, *, fit: bool = True, others: Sequence[str] = ()) -> PinnedRunbook:
    """The runbook behind a YAML text without head; it must lint clean unless the test says otherwise.

    `others` are the whole texts of runbooks that it may nest.
    """
    head = "schema_version: 1\nname: mend\ntitle: Mend it\nowner: sre\n"
    inner = {each.name: each for each in (parse_runbook(read_yaml(other, "other.yaml")) for other in others)}
    linted = lint(head + text, "mend.yaml", SPECS, inner.__getitem__)
    assert linted.runbook is not None, linted.findings
    assert fit == (not linted.findings), [str(finding) for finding in linted.findings]
    nested = {name: NestedRunbook(reference=_reference(name), document=each) for name, each in inner.items()}
    return PinnedRunbook(reference=_reference("mend"), document=linted.runbook, nested=nested, actions=SPECS)


def _reference(name: str) -> RunbookReference:
    return RunbookReference(name=name, version="1", digest="sha256:0")


def start_of(text: str, *, fit: bool = True, others: Sequence[str] = (), **fields: Any) -> RunStart:
    """The input of a run of it, asked for by ann; bob and cleo are sre."""
    given: dict[str, Any] = {
        "id": "inc-20261122-k7qd.mend.1",
        "incident_id": "inc-20261122-k7qd",
        "requested_by": person("ann"),
        "groups": {"sre": ("ann", "bob", "cleo")},
        "commander": "cleo",
        **fields,
    }
    return RunStart(**{"runbook": pinned(text, fit=fit, others=others), **given})


def _path(request: StepRequest) -> str:
    # `run/<incident>/<runbook>/<n>/<path>[/again-n][/undo]`
    return request.key.split("/")[4]


def _raise_next(script: dict[str, list[Exception | None]], path: str) -> None:
    if script.get(path):
        error = script[path].pop(0)
        if error is not None:
            raise error
