"""Runs the actions of runbook steps: each effect once, no secret in what comes back, no silence while it works.

Called by `RunbookRun` and `GameDay` through their method names. The one thing to know: an effect is claimed in the
ledger before it is done and settled after; who finds a claim that nobody settled asks the action's check, and where
nothing can be asked, a person.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field
from temporalio import activity

from activities.action import ActionRegistry, AnyAction, Call, Finding, document, read
from activities.errors import translated
from activities.heartbeat import heartbeating
from activities.output import Redactor, capped
from activities.ports import EffectLedger, SecretResolver
from domain.effect import Claim, ClaimStatus
from domain.errors import (
    HotwashError,
    Interrupted,
    NeedsHuman,
    Rejected,
    RejectionKind,
    TimedOut,
    Transient,
    UnknownOutcome,
)
from domain.model import Model
from domain.run import Effect, Idempotency

log = logging.getLogger(__name__)
T = TypeVar("T")

# Mitigation waits no longer than this for bookkeeping; SQLite's own busy timeout is 5 s.
LEDGER_SECONDS = 5.0
# An action gives up this much before the engine does, so that its outcome is known and not just overdue.
_MARGIN_SECONDS = 2.0
_MARGIN_SHARE = 0.2

UNLEDGERED = "unledgered: the record was away, so a second execution could not be ruled out"
UNSETTLED = "unsettled: it is done, but the record was away and does not know"


class StepRequest(Model):
    """One attempt at a step's action."""

    # Workflow id, `/`, step path: the same for every attempt.
    key: str
    action: str
    # As rendered; secrets are references.
    parameters: dict[str, Any]
    incident_id: str | None
    run_id: str | None = None
    drill: bool = False
    # From 1.
    attempt: int = 1
    # What one attempt may take; None: as long as the engine lets it.
    timeout_seconds: float | None = None
    # What the run holds, by resource, and the number of each grant: a higher one means a later holder.
    fencing: dict[str, int] = Field(default_factory=dict)
    # A person has decided that an earlier attempt of unknown outcome did not happen: do it, whatever the ledger says.
    confirmed_not_done: bool = False


class UndoRequest(StepRequest):
    """Bring back what was before a step; `key` is the step's key and `/undo`."""

    # What the step's action returned; None when it never did.
    output: dict[str, Any] | None = None


class StepResult(Model):
    """What became of a step's action."""

    output: dict[str, Any]
    # What was done, as a sentence, and any doubt about its bookkeeping.
    detail: str
    # Not done now: an earlier attempt had done it.
    already_done: bool = False


class CheckResult(Model):
    """What a check saw; `holds` None: it cannot be told."""

    holds: bool | None
    detail: str
    output: dict[str, Any]
    # Of an injector's capability: on which machine it was asked.
    machine: str = ""


@dataclass(frozen=True)
class _Job:
    """A request with all that is needed to carry it out."""

    request: StepRequest
    action: AnyAction
    parameters: Model
    call: Call
    redactor: Redactor
    # Whether doing it a second time does no harm.
    repeatable: bool

    def result(self, outcome: Model) -> StepResult:
        clean = self.redactor.clean(document(outcome))
        return StepResult(output=capped(clean), detail=self.redactor.text(self.action.sentence(outcome)))


class StepActivities:
    """What a run does to the world."""

    def __init__(self, registry: ActionRegistry, ledger: EffectLedger, secrets: SecretResolver) -> None:
        self._registry = registry
        self._ledger = ledger
        self._secrets = secrets

    @activity.defn(name="steps.perform")
    @translated
    async def perform(self, request: StepRequest) -> StepResult:
        """Do a step's action, once per key; a settled key returns what was recorded.

        Raises Rejected (nothing was done, mend the step), Transient (it failed; trying again is a new attempt) or
        UnknownOutcome (nobody knows; `check` or a person decides).
        """
        job = self._job(request)
        if job.action.effect is Effect.FAULT and not request.drill:
            raise Rejected(f"{request.action} does harm on purpose and runs in a drill only", RejectionKind.FORBIDDEN)

        async def effect() -> Model:
            outcome: Model = await job.action.perform(job.parameters, job.call)
            return outcome

        async with heartbeating():
            if job.action.reads_only(job.parameters):
                return job.result(await _guarded(job, effect))
            return await self._once(job, effect)

    @activity.defn(name="steps.undo")
    @translated
    async def undo(self, request: UndoRequest) -> StepResult:
        """Bring back what was before a step, once per key; may be repeated. Raises like `perform`."""
        job = self._job(request)
        model = job.action.result_model
        performed = None if request.output is None else read(model, request.output, f"the output of {request.action}")

        async def effect() -> Model:
            outcome: Model = await job.action.undo(job.parameters, performed, job.call)
            return outcome

        async with heartbeating():
            return await self._once(job, effect)

    @activity.defn(name="steps.check")
    @translated
    async def check(self, request: StepRequest) -> CheckResult:
        """Ask whether a step's effect is there, or whether what is read is as wanted. Changes nothing."""
        job = self._job(request)
        async with heartbeating():
            finding = await self._ask(job)
        return CheckResult(
            holds=finding.holds,
            detail=job.redactor.text(finding.detail),
            output=capped(job.redactor.clean(finding.output)),
        )

    def _job(self, request: StepRequest) -> _Job:
        action = self._registry.get(request.action)
        redactor = Redactor(self._secrets)
        limit = request.timeout_seconds
        call = Call(
            key=request.key,
            incident_id=request.incident_id,
            run_id=request.run_id,
            drill=request.drill,
            timeout_seconds=None if limit is None else limit - _margin(limit),
            secret=redactor.resolve,
            fencing=request.fencing,
        )
        parameters = read(action.parameters_model, request.parameters, request.action)
        # Undoing twice is undoing once: a law that every action keeps.
        undoing = isinstance(request, UndoRequest)
        repeatable = undoing or action.idempotency_of(parameters) is not Idempotency.AT_MOST_ONCE
        return _Job(request, action, parameters, call, redactor, repeatable)

    async def _once(self, job: _Job, effect: Callable[[], Awaitable[Model]]) -> StepResult:
        """Claim, do, settle; with an answer to each way in which the first and the last may fail."""
        claim = await self._claim(job)
        if claim is None:
            _refuse_blind_repetition(job)
        elif claim.status is ClaimStatus.SETTLED:
            return _recorded(claim)
        elif claim.status is ClaimStatus.UNSETTLED and not job.repeatable and not job.request.confirmed_not_done:
            found = await self._found_done(job)
            if found is not None:
                settled = await self._settle(job, found)
                return settled.model_copy(update={"already_done": True})
        try:
            result = job.result(await _guarded(job, effect))
        except (Rejected, Transient):
            if claim is not None:
                await self._release(job)
            raise
        if claim is None:
            result = _with_doubt(result, UNLEDGERED)
        # The record may be back by now: an outcome without a claim still keeps others from doing it again.
        return await self._settle(job, result)

    async def _found_done(self, job: _Job) -> StepResult | None:
        """What became of a claim that nobody settled: its result, None when it did not happen, UnknownOutcome else."""
        finding = await self._ask(job)
        if finding.holds is None:
            raise UnknownOutcome(
                f"{job.request.action} was begun before and nobody knows whether it took effect: "
                f"{job.redactor.text(finding.detail)}; look at the target and decide"
            )
        log.info("%s of %s was begun before; its check says done: %s", job.action.name, job.call.key, finding.holds)
        if not finding.holds:
            return None
        return StepResult(output=capped(job.redactor.clean(finding.output)), detail=job.redactor.text(finding.detail))

    async def _ask(self, job: _Job) -> Finding:
        async def ask() -> Finding:
            return await job.action.check(job.parameters, job.call)

        return await _guarded(job, ask, changes=False)

    async def _claim(self, job: _Job) -> Claim | None:
        """The ledger's answer; None when it is away."""
        kind = f"step:{job.request.action}"
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                return await self._ledger.claim(job.request.key, kind, job.request.incident_id)
        except (Transient, TimeoutError):
            log.warning("the effect ledger is away; %s of %s goes on without a claim", job.action.name, job.call.key)
            return None

    async def _settle(self, job: _Job, result: StepResult) -> StepResult:
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                await self._ledger.settle(job.request.key, result.model_dump(mode="json"))
        except (Transient, TimeoutError):
            log.warning("the effect ledger is away; %s of %s is done but not settled", job.action.name, job.call.key)
            return _with_doubt(result, UNSETTLED)
        return result

    async def _release(self, job: _Job) -> None:
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                await self._ledger.release(job.request.key)
        except (Transient, TimeoutError):
            # The next attempt will find the claim unsettled and ask: slower, never wrong.
            log.warning("the effect ledger is away; the claim of %s stays", job.call.key)


def _margin(limit: float) -> float:
    return min(_MARGIN_SECONDS, limit * _MARGIN_SHARE)


def _refuse_blind_repetition(job: _Job) -> None:
    # A first attempt cannot be a repetition; a later one can, and without the ledger nobody would know.
    if job.request.attempt > 1 and not job.repeatable and not job.request.confirmed_not_done:
        raise UnknownOutcome(
            f"{job.request.action} was tried before and the record that knows the outcome is away; "
            "look at the target and decide"
        )


def _recorded(claim: Claim) -> StepResult:
    recorded = StepResult.model_validate(claim.outcome or {"output": {}, "detail": ""})
    return recorded.model_copy(update={"already_done": True})


def _with_doubt(result: StepResult, doubt: str) -> StepResult:
    detail = f"{result.detail} ({doubt})" if result.detail else doubt
    return result.model_copy(update={"detail": detail})


async def _guarded(job: _Job, doing: Callable[[], Awaitable[T]], *, changes: bool = True) -> T:
    """Do it within its time; whatever goes wrong becomes one of the domain's errors, without secrets.

    The cause is left behind on purpose: the engine writes the causes of a failure into history.
    """
    limit = job.request.timeout_seconds
    # A call that may be repeated, or that changes nothing, leaves no doubt behind.
    in_doubt = UnknownOutcome if changes and not job.repeatable else Transient
    try:
        # Half a margin later than the action's own limit, half a margin before the engine's.
        async with asyncio.timeout(None if limit is None else limit - _margin(limit) / 2):
            return await doing()
    except asyncio.CancelledError:
        if _shutting_down():
            interrupted = in_doubt if in_doubt is UnknownOutcome else Interrupted
            raise interrupted(f"{job.action.name} was interrupted: its worker is being stopped") from None
        raise
    except TimeoutError:
        late = in_doubt if in_doubt is UnknownOutcome else TimedOut
        raise late(f"{job.action.name} did not end within {limit:g} s") from None
    except UnknownOutcome as error:
        raise in_doubt(job.redactor.text(error.sentence)) from None
    except HotwashError as error:
        raise _redacted(error, job.redactor) from None
    except Exception as error:  # noqa: BLE001 - a third party's action may raise anything; nothing may leak
        where = "".join(traceback.format_tb(error.__traceback__))
        text = job.redactor.text(f"{type(error).__name__}: {error}")
        # No `log.exception`: the last line of a traceback could hold a secret.
        log.error("%s of %s broke with %s\n%s", job.action.name, job.call.key, text, where)  # noqa: TRY400
        raise in_doubt(f"{job.action.name} broke with {text}") from None


def _shutting_down() -> bool:
    details = activity.cancellation_details() if activity.in_activity() else None
    return details is not None and details.worker_shutdown and not details.cancel_requested


def _redacted(error: HotwashError, redactor: Redactor) -> HotwashError:
    sentence = redactor.text(error.sentence)
    if isinstance(error, Rejected):
        return Rejected(sentence, error.kind)
    if isinstance(error, Transient):
        return Transient(sentence)
    return NeedsHuman(sentence)
