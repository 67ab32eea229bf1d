"""The end: the target shows that it is right again, what was lost is measured, everybody is told.

The one thing to know: nothing of it can fail the undo any more; whatever cannot be told or delivered is a line.
"""

import asyncio
import math
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from domain import game_day_decisions as decisions
from domain.game_day import GameDayKind, GameDayPhase, GameDayVerdict
from domain.game_day_score import difference
from domain.ids import incident_workflow_id
from domain.incident import ObserveDrillEnd
from domain.message import DeliveryStatus, Message, MessageReceipt, Template
from domain.timeline import EntryKind
from domain.tolerance import at_path
from runbooks.game_day_parts import AFTER
from workflows.game_days import locking, preflight
from workflows.game_days.desk import DrillDesk, sentence_of
from workflows.options import ASK_BRIEFLY, BOOKKEEPING_TIMEOUT, KEEP_TRYING, QUESTION_TIMEOUT

with workflow.unsafe.imports_passed_through():
    from activities.drill_surroundings import LastRun, SurroundingsActivities
    from activities.drills import DrillActivities, DrillOutcome

# A mail server may be away for longer, but the next game day of this name waits until this one has ended.
_REPORT_WITHIN = timedelta(hours=1)
# The fault does not wait for a mail server that is away; whoever was not told is in the timeline.
_ANNOUNCED_WITHIN = timedelta(seconds=30)
_LOST = frozenset({DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.NO_ADDRESS})


async def announce(desk: DrillDesk) -> None:
    """ANNOUNCING: take the targets, tell who has to know, give them their time, and begin."""
    document = desk.start.document
    taken = await locking.take(desk)
    if taken is not None:
        desk.adopt(decisions.refuse(desk.state, taken, workflow.now(), check="targets"))
        return
    audience = () if document.kind is GameDayKind.UNANNOUNCED else document.announce.audience
    people = tuple(dict.fromkeys((*document.roles.informed(), *audience)))
    if people and desk.state.announced_at is None:
        context = {"game_day": desk.state.model_dump(mode="json"), "text": document.announce.message}
        desk.tell(Template.GAME_DAY_ANNOUNCEMENT, "announcement", people, context, drill=True)
        update = {"announced_at": workflow.now(), "announced_to": people}
        desk.adopt(decisions.Outcome(decisions.changed(desk.state, **update)))
        desk.note(EntryKind.GAME_DAY, f"Announced to {', '.join(people)}")
        try:
            await asyncio.wait_for(desk.courier.drain(), _ANNOUNCED_WITHIN.total_seconds())
        except TimeoutError:
            desk.note(EntryKind.TROUBLE, "The announcement is not delivered yet; the game day begins all the same")
    if people and document.announce.ahead:
        ends_at = (desk.state.announced_at or workflow.now()) + document.announce.ahead
        await desk.wait_until(ends_at, lambda: desk.state.halted is not None)
        if desk.state.halted is None:
            await preflight.check_again(desk)
        if desk.state.phase is not GameDayPhase.ANNOUNCING:
            return
    desk.adopt(decisions.begin(desk.state, workflow.now()))


async def verify(desk: DrillDesk) -> None:
    """VERIFYING: one look at the target; the verdict once it is right or a person has to come."""
    seen = await desk.ask_probes(*(mode.value for mode in AFTER))
    desk.adopt(decisions.judge_restore(desk.state, seen, workflow.now()))
    if desk.state.restored is None:
        await desk.wait_until(workflow.now() + desk.start.document.probe_every, lambda: False)
        return
    await _measure_loss(desk)
    desk.adopt(decisions.conclude(desk.state, workflow.now()))


async def tell(desk: DrillDesk) -> None:
    """The report, the action items that wait, and the record; nothing of it is waited for by anybody."""
    await _call_people_back(desk)
    await _compare(desk)
    desk.place_entries()
    people = decisions.listeners(desk.state, desk.start.audience, desk.start.answerable)
    if people:
        context: dict[str, Any] = {
            "game_day": desk.state.model_dump(mode="json"),
            "verdict": desk.state.verdict,
            "reason": desk.state.reason,
        }
        # A target that is still broken is no exercise any more.
        desk.tell(Template.GAME_DAY_REPORT, "report", people, context, drill=desk.state.restored is not False)
    elif desk.state.restored is False:
        desk.note(EntryKind.TROUBLE, "Nobody could be told: add an audience to this game day in hotwash.yaml")
    if desk.state.verdict in decisions.CONCLUSIVE:
        await _tell_waiting_items(desk)
    try:
        await asyncio.wait_for(desk.courier.drain(), _REPORT_WITHIN.total_seconds())
    except TimeoutError:
        desk.note(EntryKind.TROUBLE, "The report could not be delivered and is given up")


def note_receipt(desk: DrillDesk, message: Message, receipt: MessageReceipt | None, problem: str) -> None:
    """What became of a message; only what went wrong is told."""
    what = {
        Template.GAME_DAY_REPORT: "report",
        Template.GAME_DAY_ANNOUNCEMENT: "announcement",
        Template.APPROVAL_REQUEST: "request for approval",
    }.get(message.template, "message")
    if receipt is None:
        desk.note(EntryKind.TROUBLE, f"The {what} {message.key} could not be sent: {problem}")
        return
    for each in receipt.deliveries:
        if each.status in _LOST:
            detail = each.detail or each.status.value
            desk.note(EntryKind.TROUBLE, f"The {what} did not reach {each.to}: {detail}")


async def _call_people_back(desk: DrillDesk) -> None:
    """Whoever was declared unavailable may act again in what is left of the drill's incident."""
    if not desk.start.document.roles.unavailable or desk.state.incident_id is None:
        return
    incident = workflow.get_external_workflow_handle(incident_workflow_id(desk.state.incident_id))
    # An incident that has ended needs nobody.
    with suppress(FailureError):
        await incident.signal("observe_drill_end", ObserveDrillEnd(by=decisions.ME))


async def _measure_loss(desk: DrillDesk) -> None:
    rpo = desk.start.document.recovery.rpo
    if rpo is None or desk.state.restored is not True or desk.state.injected_at is None:
        return
    answer = await desk.check("rpo", "rpo")
    found, value = at_path(answer.output, rpo.path)
    # No number is not-a-number, too: it is never more than what may be lost.
    is_number = found and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    detail = answer.detail if is_number else f"its answer has no number at {rpo.path}: {answer.detail}"
    desk.adopt(decisions.Outcome(decisions.measured_rpo(desk.state, float(value) if is_number else None, detail)))


async def _compare(desk: DrillDesk) -> None:
    if desk.state.verdict in {GameDayVerdict.REFUSED, GameDayVerdict.PREVIEWED}:
        return
    try:
        last = await workflow.execute_activity_method(
            SurroundingsActivities.last_run,
            LastRun(name=desk.state.name, besides=desk.state.id),
            start_to_close_timeout=QUESTION_TIMEOUT,
            retry_policy=ASK_BRIEFLY,
        )
    except ActivityError as error:
        compared = desk.state.difference.model_copy(update={"problem": f"the record is away: {sentence_of(error)}"})
    else:
        compared = difference(desk.state, last)
    desk.adopt(decisions.Outcome(decisions.changed(desk.state, difference=compared)))


async def _tell_waiting_items(desk: DrillDesk) -> None:
    passed = desk.state.verdict is GameDayVerdict.PASSED
    try:
        informed = await workflow.execute_activity_method(
            DrillActivities.tell_waiting_items,
            DrillOutcome(game_day=desk.state.name, game_day_id=desk.state.id, passed=passed),
            start_to_close_timeout=BOOKKEEPING_TIMEOUT,
            retry_policy=KEEP_TRYING,
        )
    except ActivityError as error:
        said = f"Action items that wait for this game day could not be told: {sentence_of(error)}"
        desk.note(EntryKind.TROUBLE, said)
        return
    desk.adopt(decisions.Outcome(decisions.changed(desk.state, informs=tuple(informed))))
