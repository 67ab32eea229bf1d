"""The report of a game day as a document of its own: what Markdown, HTML and JSON are made from. Pure.

The one thing to know: nothing in here is judged again. It only puts in order what the game day has seen and decided,
and says what ought to be mended.
"""

from datetime import datetime
from enum import StrEnum

from domain.game_day import (
    Difference,
    ExpectationResult,
    GameDayState,
    GameDayVerdict,
    Judgement,
    PreflightCheck,
    Scores,
)
from domain.game_day_faults import EffectProof, FaultRun, FaultStage, UndoneBy, doubt_of, is_doubtful
from domain.game_day_probes import ProbeRun
from domain.model import Model
from domain.tabletop import TabletopPart
from domain.tabletop_report import lessons


class Topic(StrEnum):
    """What a finding is about; each is mended by somebody else."""

    DETECTION = "detection"
    RESPONSE = "response"
    RESILIENCE = "resilience"
    UNDO = "undo"
    EXERCISE = "exercise"


class ReportFinding(Model):
    """Something that ought to be mended; one click makes an action item of it."""

    # The same in the next report, so that an action item is not proposed twice.
    key: str
    topic: Topic
    sentence: str
    # When it counts as mended.
    done_when: str
    # The target may still be broken.
    is_urgent: bool = False


class ReportMoment(Model):
    """A line of the report's own timeline."""

    at: datetime
    what: str
    # Seconds after the fault; None: before it.
    after_seconds: float | None = None


class ReportProbe(Model):
    """How a probe went while the fault was there."""

    name: str
    mode: str
    weight: int
    asked: int
    held: int
    untold: int
    # From 0 to 1; None: never asked.
    share: float | None
    broke_at: datetime | None = None
    detail: str = ""


class GameDayReport(Model):
    """All that a reader wants to know, in the order in which it is asked for."""

    id: str
    name: str
    title: str
    version: str
    kind: str
    verdict: str
    reason: str
    hypothesis: str
    hypothesis_held: bool | None
    service: str | None
    environments: tuple[str, ...]
    targets: tuple[str, ...]
    roles: dict[str, tuple[str, ...]]
    requested_by: str
    approved_by: tuple[str, ...] = ()
    incident_id: str | None
    started_at: datetime
    finished_at: datetime | None
    scores: Scores
    expectations: tuple[ExpectationResult, ...]
    faults: tuple[FaultRun, ...]
    probes: tuple[ReportProbe, ...]
    preflight: tuple[PreflightCheck, ...]
    moments: tuple[ReportMoment, ...]
    rto_seconds: float | None
    rto_limit_seconds: float | None
    rpo: float | None
    rpo_limit: float | None
    rpo_unit: str
    difference: Difference
    findings: tuple[ReportFinding, ...]
    # Of a tabletop only: what was expected, and the rules of practice.
    tabletop: TabletopPart | None = None


def report(state: GameDayState) -> GameDayReport:
    """The report of a game day that has ended, or how it stands until now."""
    approval = state.approval
    return GameDayReport(
        id=state.id,
        name=state.name,
        title=state.title,
        version=state.version,
        kind=state.kind.value,
        verdict=state.verdict.value if state.verdict else "under way",
        reason=state.reason,
        hypothesis=state.hypothesis,
        hypothesis_held=state.hypothesis_held,
        service=state.service,
        environments=state.targets.environments(),
        targets=tuple(each.name for each in state.targets.all()),
        roles=state.roles,
        requested_by=state.requested_by.name,
        approved_by=tuple(vote.by.name for vote in approval.votes) if approval else (),
        incident_id=state.incident_id,
        started_at=state.started_at,
        finished_at=state.finished_at,
        scores=state.scores,
        expectations=state.expectations,
        faults=state.faults,
        probes=tuple(_probe(each) for each in state.probes),
        preflight=state.preflight,
        moments=_moments(state),
        rto_seconds=state.rto_seconds,
        rto_limit_seconds=state.rto_limit_seconds,
        rpo=state.rpo,
        rpo_limit=state.rpo_limit,
        rpo_unit=state.rpo_unit,
        difference=state.difference,
        findings=findings(state),
        tabletop=state.tabletop,
    )


def findings(state: GameDayState) -> tuple[ReportFinding, ...]:
    """What ought to be mended, the most urgent first; of a refused one, what kept it from being held."""
    if state.verdict in {None, GameDayVerdict.PREVIEWED}:
        return ()
    if state.verdict is GameDayVerdict.REFUSED:
        return tuple(_of_check(state, each) for each in state.preflight if _has_to_be_mended(each))
    if state.tabletop is not None:
        return tuple(_finding(state, each.key, Topic.RESPONSE, each.sentence) for each in lessons(state.tabletop))
    found = [finding for run in state.faults for finding in _of_fault(state, run)]
    keys = _expectation_keys(state)
    judged = zip(keys, state.expectations, strict=True)
    found += [_of_expectation(state, key, each) for key, each in judged if _is_bad(state, each)]
    found += [_of_probe(state, each) for each in state.probes if each.mode == "during_fault" and each.broke_at]
    limit = state.rto_limit_seconds
    if limit is not None and state.rto_seconds is not None and state.rto_seconds > limit:
        sentence = f"The recovery took {state.rto_seconds:.0f} s; the objective is {limit:g} s"
        found.append(_finding(state, "rto", Topic.RESILIENCE, sentence))
    if state.rpo_limit is not None and state.rpo is not None and state.rpo > state.rpo_limit:
        lost = f"{state.rpo:g} {state.rpo_unit}".strip()
        sentence = f"{lost} were lost; the objective is {state.rpo_limit:g}"
        found.append(_finding(state, "rpo", Topic.RESILIENCE, sentence))
    return tuple(sorted(found, key=lambda each: not each.is_urgent))


def _has_to_be_mended(check: PreflightCheck) -> bool:
    # A freeze, a window, a lever and a real incident pass; nobody has to mend them.
    return check.holds is not True and check.name not in {"calendar", "surroundings"}


def _of_check(state: GameDayState, check: PreflightCheck) -> ReportFinding:
    why = check.detail or ("it cannot be told" if check.holds is None else "it is not as it should be")
    return _finding(state, f"preflight/{check.name}", Topic.EXERCISE, f"Not held because of {check.name}: {why}")


def _expectation_keys(state: GameDayState) -> list[str]:
    """One for each, in their order: by what it expects, and from the second one of a kind on by its number as well."""
    kinds = [each.expectation.value for each in state.expectations]
    numbers = [kinds[:place].count(kind) + 1 for place, kind in enumerate(kinds)]
    return [kind if number == 1 else f"{kind}/{number}" for kind, number in zip(kinds, numbers, strict=True)]


def _of_fault(state: GameDayState, run: FaultRun) -> list[ReportFinding]:
    if run.state is FaultStage.UNDO_FAILED or run.clean is False:
        why = run.undo_problem or run.clean_detail or "nobody knows whether it is gone"
        sentence = f"The fault {run.name} could not be undone: {why}"
        return [_finding(state, f"undo/{run.key}", Topic.UNDO, sentence, is_urgent=True)]
    if is_doubtful(run):
        return [_finding(state, f"undo/{run.key}", Topic.UNDO, f"The fault {doubt_of(run)}", is_urgent=True)]
    if run.ended_early and run.undone_by in {UndoneBy.LEASE, UndoneBy.SWEEP}:
        sentence = f"The fault {run.name} was ended by the second way back ({run.undone_by}): nobody was there"
        return [_finding(state, f"lease/{run.key}", Topic.UNDO, sentence)]
    if run.effect in {EffectProof.MISMATCH, EffectProof.INCONCLUSIVE}:
        why = run.problem or run.effect_detail or "nothing showed"
        sentence = f"The fault {run.name} was not shown to take effect: {why}"
        return [_finding(state, f"effect/{run.key}", Topic.EXERCISE, sentence)]
    return []


def _is_bad(state: GameDayState, result: ExpectationResult) -> bool:
    # What nobody could see in a game day that was cut short is no shortcoming of the response.
    if result.judgement in {Judgement.LATE, Judgement.MISSED}:
        return True
    cut_short = state.halted is not None or state.stopped is not None or state.took_effect_at is None
    return result.judgement is Judgement.NOT_OBSERVABLE and not cut_short


def _of_expectation(state: GameDayState, key: str, result: ExpectationResult) -> ReportFinding:
    name = result.expectation.value.replace("_", " ")
    limit = f" (expected within {result.within_seconds:g} s)" if result.within_seconds else ""
    why = f": {result.evidence}" if result.evidence else ""
    if result.judgement is Judgement.LATE:
        sentence = f"{name} came after {result.observed_after_seconds:.0f} s{limit}"
    else:
        sentence = f"{name} was {result.judgement.value.replace('_', ' ')}{limit}{why}"
    topics = {"detect": Topic.DETECTION, "no_other_alerts": Topic.DETECTION, "recover": Topic.RESILIENCE}
    topic = topics.get(result.expectation.value, Topic.RESPONSE)
    return _finding(state, key, topic, sentence[:1].upper() + sentence[1:])


def _of_probe(state: GameDayState, probe: ProbeRun) -> ReportFinding:
    sentence = f"{probe.title or probe.name} stopped holding while the fault was there: {probe.detail}"
    return _finding(state, f"probe/{probe.key}", Topic.RESILIENCE, sentence)


def _finding(state: GameDayState, key: str, topic: Topic, sentence: str, *, is_urgent: bool = False) -> ReportFinding:
    done_when = f"The game day {state.name!r} passes again"
    return ReportFinding(
        key=f"{state.name}/{key}", topic=topic, sentence=sentence, done_when=done_when, is_urgent=is_urgent
    )


def _probe(probe: ProbeRun) -> ReportProbe:
    return ReportProbe(
        name=probe.title or probe.name,
        mode=probe.mode,
        weight=probe.weight,
        asked=probe.asked,
        held=probe.held,
        untold=probe.untold,
        share=probe.held / probe.asked if probe.asked else None,
        broke_at=probe.broke_at,
        detail=probe.detail,
    )


def _moments(state: GameDayState) -> tuple[ReportMoment, ...]:
    pairs: list[tuple[datetime | None, str]] = [
        (state.started_at, "begun"),
        (state.announced_at, f"announced to {', '.join(state.announced_to)}"),
        (state.broke_at, "the steady state stopped holding"),
        (state.recovered_at, "the steady state holds again"),
        (state.watched_until, "the watching ended"),
        (state.restored_at, "the target is right again"),
        (state.finished_at, f"ended: {state.verdict.value if state.verdict else ''}"),
    ]
    if state.approval is not None:
        pairs.append((state.approval.decided_at, f"targets {state.approval.state.value}"))
    if state.stopped is not None:
        pairs.append((state.stopped.at, f"stopped by {state.stopped.condition}"))
    for run in state.faults:
        pairs.append((run.injected_at, f"{run.name} is there"))
        pairs.append((run.undone_at, f"{run.name} is gone, by {run.undone_by.value if run.undone_by else 'nobody'}"))
    for each in state.expectations:
        pairs.append((each.alert_started_at, "the alert began, as its sender says"))
        pairs.append((each.observed_at, f"{each.expectation.value.replace('_', ' ')}: {each.evidence}"))
    known = sorted({(at, what) for at, what in pairs if at is not None})
    return tuple(ReportMoment(at=at, what=what, after_seconds=_after(state, at)) for at, what in known)


def _after(state: GameDayState, at: datetime) -> float | None:
    if state.injected_at is None or at < state.injected_at:
        return None
    return (at - state.injected_at).total_seconds()
