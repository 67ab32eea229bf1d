"""The way of a tabletop: injects at their times, what people made of them, what the game master says, and the end.

Called by `workflows/tabletop.py`; pure. The one thing to know: the scenario's clock is the wall's clock plus what was
skipped and less what it stood still, so an inject's moment is always worked out anew from that one number.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from domain.errors import Rejected, RejectionKind
from domain.game_day import GameDayPhase, GameDayState, GameDayVerdict, HaltGameDay
from domain.game_day_decisions import Outcome, changed
from domain.practice import Deed, Story, practised, score
from domain.tabletop import (
    MOST_WORDS,
    AddInject,
    AnswerQuestion,
    EndTabletop,
    InjectRun,
    MarkWish,
    NextInject,
    Outlook,
    Spoken,
    StartClock,
    StopClock,
    TabletopPart,
    Wanted,
    WantedRun,
    Wish,
)
from domain.timeline import ADMINISTRATOR, Actor, Entry, EntryKind, automation

ME = automation("tabletop")
# More deeds than this are no exercise; what comes later is still in the incident's timeline.
_MOST_DEEDS = 500
_MOST_INJECTS = 200


def part_of(state: GameDayState) -> TabletopPart:
    """What it knows as a tabletop."""
    if state.tabletop is None:
        raise Rejected(f"{state.id} is no tabletop", RejectionKind.CONFLICT)
    return state.tabletop


def next_inject(part: TabletopPart) -> InjectRun | None:
    """The one that comes next by the script."""
    waiting = [each for each in part.injects if each.delivered_at is None]
    return min(waiting, key=lambda each: each.at_seconds, default=None)


def due_at(state: GameDayState, inject: InjectRun) -> datetime | None:
    """When its time comes by the wall's clock; None while the scenario's clock stands still."""
    part = part_of(state)
    if part.paused_at is not None:
        return None
    return state.started_at + timedelta(seconds=inject.at_seconds - part.ahead_seconds)


def people_for(part: TabletopPart, inject: InjectRun, roles: dict[str, str]) -> tuple[str, ...]:
    """Whom an inject is sent to: players, one of the exercise's own roles, or whoever holds a role in the incident."""
    groups = {"players": part.players, "observers": part.observers}
    named = inject.to or ("players",)
    found: list[str] = []
    for name in named:
        if name in groups:
            found += groups[name]
        elif name in roles:
            found.append(roles[name])
        elif name in {*part.players, *part.observers}:
            found.append(name)
    # A role that nobody holds yet is everybody's.
    return tuple(dict.fromkeys(found or part.players))


# --- time ---


def deliver(state: GameDayState, inject: InjectRun, now: datetime, *, skipped: bool = False) -> Outcome:
    """Its time has come: it is in the timeline, and what is wanted after it is waited for."""
    part = part_of(state)
    told = inject.model_copy(update={"delivered_at": now, "was_skipped_to": skipped})
    injects = tuple(told if each.id == inject.id else each for each in part.injects)
    if told not in injects:
        injects = (*injects, told)
    asked = tuple(_wanted(part, told, number, wanted, now) for number, wanted in enumerate(told.wants, start=1))
    after = _with(state, injects=injects, wanted=(*part.wanted, *asked))
    return Outcome(after, (inject_line(told, now),))


def inject_line(inject: InjectRun, now: datetime) -> Entry:
    """What the players see in the incident room; nothing of what is wanted or lies behind it."""
    sender = f"{inject.sender}: " if inject.sender else ""
    asked = f" ({inject.question})" if inject.question else ""
    details = {"inject": inject.id, "to": list(inject.to), "question": inject.question}
    return Entry(
        at=now,
        kind=EntryKind.GAME_DAY,
        actor=ME,
        summary=f"Inject. {sender}{inject.text.strip()}{asked}",
        details={name: value for name, value in details.items() if value},
        links=inject.links,
    )


def _wanted(part: TabletopPart, inject: InjectRun, number: int, wanted: Wanted, now: datetime) -> WantedRun:
    run = WantedRun(
        key=f"{inject.id}/{number}", wanted=wanted, asked_at=now, due_at=now + wanted.within if wanted.within else None
    )
    last = part.deeds[-1] if part.deeds else None
    if not (_is_declared_so(part, wanted) if last is None else _holds_already(wanted, last)):
        return run
    return run.model_copy(update={"state": Outlook.MET, "observed_at": now, "evidence": "it was so already"})


def _is_declared_so(part: TabletopPart, wanted: Wanted) -> bool:
    return wanted.severity is not None and part.severity.is_at_least(wanted.severity)


def _holds_already(wanted: Wanted, last: Deed) -> bool:
    """Conditions may be true before anybody asks for them; deeds have to follow."""
    match wanted.expect:
        case Wish.COMMANDED:
            return "commander" in last.roles
        case Wish.ROLE:
            return wanted.role in last.roles
        case Wish.SEVERITY:
            return wanted.severity is not None and last.severity.is_at_least(wanted.severity)
        case Wish.STATUS:
            return last.status == wanted.status
        case _:
            return False


# --- what people did ---


def observe_deed(state: GameDayState, deed: Deed) -> Outcome:
    """The incident tells what somebody did: wishes are fulfilled by it, in time or late."""
    part = part_of(state)
    if state.phase is GameDayPhase.FINISHED:
        return Outcome(state)
    deeds = (*part.deeds, deed)[-_MOST_DEEDS:]
    wanted = tuple(_after(run, deed) for run in part.wanted)
    return Outcome(_with(state, deeds=deeds, wanted=wanted))


def _after(run: WantedRun, deed: Deed) -> WantedRun:
    if run.state is not Outlook.PENDING or deed.at < run.asked_at or not fulfils(run.wanted, deed):
        return run
    in_time = run.due_at is None or deed.at <= run.due_at
    said = deed.text or deed.body.get("title") or deed.body.get("runbook") or deed.command.replace("_", " ")
    return run.model_copy(
        update={
            "state": Outlook.MET if in_time else Outlook.LATE,
            "observed_at": deed.at,
            "evidence": f"{deed.by.name}: {str(said)[:200]}",
        }
    )


def fulfils(wanted: Wanted, deed: Deed) -> bool:
    """Whether a deed is what was wanted."""
    judge = _FULFILLED.get(wanted.expect)
    return judge is not None and judge(wanted, deed)


def _command_moved(_: Wanted, deed: Deed) -> bool:
    before, after = deed.roles_before.get("commander"), deed.roles.get("commander")
    return before is not None and after is not None and before != after


_FULFILLED: dict[Wish, Callable[[Wanted, Deed], bool]] = {
    Wish.ACKNOWLEDGED: lambda _, deed: deed.command == "acknowledge",
    Wish.COMMANDED: lambda _, deed: "commander" in deed.roles,
    Wish.ROLE: lambda wanted, deed: wanted.role in deed.roles,
    Wish.SEVERITY: lambda wanted, deed: wanted.severity is not None and deed.severity.is_at_least(wanted.severity),
    Wish.IMPACT: lambda _, deed: deed.command == "change_impact",
    Wish.STATUS: lambda wanted, deed: deed.status == wanted.status,
    Wish.UPDATE: lambda wanted, deed: deed.command == "post_update" and deed.body.get("audience") == wanted.audience,
    Wish.TASK: lambda _, deed: deed.command == "add_task" and bool(deed.body.get("assignee")),
    Wish.DECISION: lambda _, deed: deed.command == "record_decision",
    Wish.RUNBOOK: lambda wanted, deed: (
        deed.command == "start_run" and wanted.runbook in {None, deed.body.get("runbook")}
    ),
    Wish.HANDED_OVER: _command_moved,
    Wish.RESOLVED: lambda _, deed: deed.command == "resolve",
}


# --- what the game master says ---


def decide(state: GameDayState, command: Any, now: datetime) -> Outcome:
    """What a command brings about; Rejected when it is not possible now, or not for them."""
    if state.phase is GameDayPhase.FINISHED:
        raise Rejected(f"{state.id} is over; nothing more is played", RejectionKind.CONFLICT)
    part = part_of(state)
    if not isinstance(command, HaltGameDay):
        _require_game_master(part, state, command.by)
    outcome: Outcome = _RULES[type(command)](state, command, now)
    return outcome


def _require_game_master(part: TabletopPart, state: GameDayState, by: Actor) -> None:
    masters = {part.game_master or state.requested_by.name, ADMINISTRATOR}
    if by.name not in masters:
        who = part.game_master or state.requested_by.name
        raise Rejected(f"{who} is the game master here; ask them", RejectionKind.FORBIDDEN)


def _next(state: GameDayState, command: NextInject, now: datetime) -> Outcome:
    part = part_of(state)
    inject = next_inject(part)
    if inject is None:
        raise Rejected("every inject of the script is out; add one of your own, or end it", RejectionKind.CONFLICT)
    went_on = _start_clock(state, StartClock(by=command.by), now)
    state = went_on.state
    due = due_at(state, inject) or now
    skipped = max(0.0, (due - now).total_seconds())
    ahead = part_of(state).ahead_seconds + skipped
    delivered = deliver(_with(state, ahead_seconds=ahead), inject, now, skipped=skipped > 0)
    return Outcome(delivered.state, (*went_on.entries, *delivered.entries))


def _add(state: GameDayState, command: AddInject, now: datetime) -> Outcome:
    part = part_of(state)
    if len(part.injects) >= _MOST_INJECTS:
        raise Rejected(f"a tabletop has at most {_MOST_INJECTS} injects")
    number = sum(each.is_improvised for each in part.injects) + 1
    inject = InjectRun(
        id=f"improvised-{number}",
        at_seconds=round((now - state.started_at).total_seconds() + part.ahead_seconds, 3),
        sender=command.sender,
        to=command.to,
        text=command.text.strip(),
        question=command.question,
        is_improvised=True,
    )
    return deliver(state, inject, now)


def _answer(state: GameDayState, command: AnswerQuestion, now: datetime) -> Outcome:
    part = part_of(state)
    spoken = (*part.spoken, Spoken(by=command.by, at=now, text=command.text.strip()))[-MOST_WORDS:]
    line = Entry(at=now, kind=EntryKind.GAME_DAY, actor=command.by, summary=f"Game master: {command.text.strip()}")
    return Outcome(_with(state, spoken=spoken), (line,))


def _mark(state: GameDayState, command: MarkWish, now: datetime) -> Outcome:
    part = part_of(state)
    run = next((each for each in part.wanted if each.key == command.key), None)
    if run is None:
        known = ", ".join(each.key for each in part.wanted if each.wanted.expect is Wish.JUDGED) or "nothing yet"
        raise Rejected(f"there is no {command.key!r} to mark; there is {known}", RejectionKind.NOT_FOUND)
    if run.wanted.expect is not Wish.JUDGED:
        raise Rejected(f"{command.key} is measured on the incident, nobody marks it", RejectionKind.CONFLICT)
    reason = command.reason.strip()
    if not reason:
        raise Rejected("say why; a mark without a reason teaches nothing")
    told = run.model_copy(
        update={
            "state": Outlook.MET if command.is_met else Outlook.MISSED,
            "observed_at": now,
            "evidence": reason,
            "marked_by": command.by.name,
        }
    )
    wanted = tuple(told if each.key == command.key else each for each in part.wanted)
    return Outcome(_with(state, wanted=wanted))


def _stop_clock(state: GameDayState, command: StopClock, now: datetime) -> Outcome:
    if part_of(state).paused_at is not None:
        return Outcome(state)
    why = f": {command.reason}" if command.reason else ""
    line = Entry(at=now, kind=EntryKind.GAME_DAY, actor=command.by, summary=f"The exercise stands still{why}")
    return Outcome(_with(state, paused_at=now), (line,))


def _start_clock(state: GameDayState, command: StartClock, now: datetime) -> Outcome:
    part = part_of(state)
    if part.paused_at is None:
        return Outcome(state)
    stood = now - part.paused_at
    wanted = tuple(
        run.model_copy(update={"due_at": run.due_at + stood}) if run.state is Outlook.PENDING and run.due_at else run
        for run in part.wanted
    )
    after = _with(state, paused_at=None, ahead_seconds=part.ahead_seconds - stood.total_seconds(), wanted=wanted)
    return Outcome(after, (Entry(at=now, kind=EntryKind.GAME_DAY, actor=command.by, summary="The exercise goes on"),))


def _end(state: GameDayState, command: EndTabletop, now: datetime) -> Outcome:
    part = part_of(state)
    missing = [each for each in part.wanted if _is_unmarked(each)]
    if missing and not command.debrief.strip():
        keys = ", ".join(each.key for each in missing)
        message = f"{keys} not marked yet: mark them, or say in `debrief` why they are left open"
        raise Rejected(message, RejectionKind.CONFLICT)
    return conclude(_with(state, debrief=command.debrief.strip()), now)


def _halt(state: GameDayState, command: HaltGameDay, now: datetime) -> Outcome:
    halted = changed(state, halted=command)
    outcome = conclude(halted, now)
    reason = f"ended by {command.by.name}: {command.reason}"
    return Outcome(changed(outcome.state, verdict=GameDayVerdict.ABORTED, reason=reason), outcome.entries)


_RULES: dict[type, Callable[[GameDayState, Any, datetime], Outcome]] = {
    NextInject: _next,
    AddInject: _add,
    AnswerQuestion: _answer,
    MarkWish: _mark,
    StopClock: _stop_clock,
    StartClock: _start_clock,
    EndTabletop: _end,
    HaltGameDay: _halt,
}


# --- the end ---


def refuse(state: GameDayState, reason: str, now: datetime) -> Outcome:
    """It could not begin."""
    update = {"phase": GameDayPhase.FINISHED, "verdict": GameDayVerdict.REFUSED, "reason": reason, "finished_at": now}
    line = Entry(at=now, kind=EntryKind.TROUBLE, actor=ME, summary=f"The exercise could not begin: {reason}")
    return Outcome(changed(state, **update), (line,))


def conclude(state: GameDayState, now: datetime) -> Outcome:
    """Judge what is left: what did not happen was missed, what nobody marked is not judged, and the rules are read."""
    part = part_of(state)
    wanted = tuple(_closed(each) for each in part.wanted)
    declared = state.injected_at or state.started_at
    story = Story(
        deeds=part.deeds,
        declared_at=declared,
        ended_at=now,
        severity=part.severity,
        deserved=part.deserved,
        hurts_customers=part.hurts_customers,
    )
    rules = practised(story)
    verdict, reason = _verdict(wanted)
    after = changed(
        _with(state, wanted=wanted, practice=rules, practice_score=score(rules), paused_at=None),
        phase=GameDayPhase.FINISHED,
        verdict=verdict,
        reason=reason,
        finished_at=now,
    )
    line = Entry(at=now, kind=EntryKind.GAME_DAY, actor=ME, summary=f"The exercise is over: {reason}")
    return Outcome(after, (line,))


def _is_unmarked(run: WantedRun) -> bool:
    return run.wanted.expect is Wish.JUDGED and run.state is Outlook.PENDING


def _closed(run: WantedRun) -> WantedRun:
    if run.state is not Outlook.PENDING:
        return run
    state = Outlook.NOT_JUDGED if run.wanted.expect is Wish.JUDGED else Outlook.MISSED
    return run.model_copy(update={"state": state})


def _verdict(wanted: Iterable[WantedRun]) -> tuple[GameDayVerdict, str]:
    told = [each for each in wanted if each.state is not Outlook.NOT_JUDGED]
    if not told:
        return GameDayVerdict.INCONCLUSIVE, "nothing that was expected could be judged"
    met = sum(each.state is Outlook.MET for each in told)
    late = sum(each.state is Outlook.LATE for each in told)
    missed = len(told) - met - late
    said = f"{met} of {len(told)} expectations met, {late} late, {missed} missed"
    return (GameDayVerdict.PASSED if met == len(told) else GameDayVerdict.FAILED), said


def _with(state: GameDayState, **update: Any) -> GameDayState:
    return changed(state, tabletop=part_of(state).model_copy(update=update))
