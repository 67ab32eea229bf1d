"""What a new commander types in the trainer, as commands of the incident. Pure; used by `workers/training.py`.

The one thing to know: every line is a command of the real incident room, or moves the clock; nothing is guessed.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from domain.durations import parse_duration
from domain.errors import Rejected
from domain.incident import COMMANDS, IncidentStatus, Role
from domain.policy import Audience
from domain.severity import Severity

HELP: dict[str, str] = {
    "take": "take command",
    "offer ROLE PERSON [why]": "offer a role: communications_lead, technical_lead, scribe, deputy, …",
    "hand-over PERSON why": "offer command; it is theirs once they accept",
    "severity SEV-2 why": "change the severity",
    "impact [customers] [better|same|worse] text": "say what is known of the impact",
    'update internal|external|executive "text" [next 30m]': "publish an update and say when the next one comes",
    'task PERSON 10m "what"': "give one person something to do, with a time box",
    'decide "what" because "why"': "record a decision",
    'approve "why", reject "why"': "answer what was last proposed",
    "status investigating|identified|mitigating|monitoring why": "move along the lifecycle",
    "run RUNBOOK": "start a runbook (noted, nothing is run)",
    "note text": "a line for the timeline, such as the brief before a hand-over",
    "resolve text": "it is over, and how it ended",
    "wait 5m": "let time pass",
    "next": "skip to the next thing that happens",
    "end": "leave; the debrief follows",
}


@dataclass(frozen=True, slots=True)
class Doing:
    """A command of the incident room."""

    command: str
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Time passes; None: until something happens."""

    span: timedelta | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """The debrief, please."""


Line = Doing | Waiting | Leaving


def read_line(line: str, me: str, proposal: str = "") -> Line:
    """What a line means; Rejected with how it is written. `me` speaks, `proposal` is what was asked last."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Rejected(f"a quotation mark is missing its partner ({error})") from error
    if not words:
        raise Rejected("say what you do; 'help' lists everything")
    verb, rest = words[0].lower(), words[1:]
    reader = _READERS.get(verb)
    if reader is None:
        raise Rejected(f"there is no {verb!r} here; there are {', '.join(_READERS)}")
    try:
        found = reader(rest, me, proposal)
        if isinstance(found, Doing):
            COMMANDS[found.command].model_validate({"by": {"kind": "person", "name": me}, **found.body})
    except Rejected:
        raise
    except (ValueError, IndexError) as error:
        usage = next((each for each in HELP if each.split()[0].strip(",") == verb), verb)
        raise Rejected(f"write: {usage}") from error
    return found


def _take(_: list[str], me: str, __: str) -> Line:
    return Doing("offer_role", {"role": Role.COMMANDER.value, "person": me})


def _offer(words: list[str], _: str, __: str) -> Line:
    return Doing("offer_role", {"role": Role(words[0]).value, "person": words[1], "reason": " ".join(words[2:])})


def _hand_over(words: list[str], _: str, __: str) -> Line:
    return Doing("offer_role", {"role": Role.COMMANDER.value, "person": words[0], "reason": " ".join(words[1:])})


def _severity(words: list[str], _: str, __: str) -> Line:
    return Doing("change_severity", {"severity": Severity(words[0].upper()).value, "reason": " ".join(words[1:])})


def _impact(words: list[str], _: str, __: str) -> Line:
    body: dict[str, Any] = {}
    if words and words[0].isdigit():
        body["customers_affected"] = int(words.pop(0))
    if words and words[0] in {"better", "same", "worse"}:
        body["trend"] = words.pop(0)
    return Doing("change_impact", body | ({"summary": " ".join(words)} if words else {}))


def _update(words: list[str], _: str, __: str) -> Line:
    audience = Audience(words.pop(0)).value
    body: dict[str, Any] = {"audience": audience}
    if len(words) > 2 and words[-2] == "next":  # noqa: PLR2004 - text, `next`, time
        body["next_update_within"] = parse_duration(words[-1]).total_seconds()
        words = words[:-2]
    return Doing("post_update", body | {"text": " ".join(words)})


def _task(words: list[str], _: str, __: str) -> Line:
    box = parse_duration(words[1]).total_seconds()
    return Doing("add_task", {"assignee": words[0], "due_within": box, "title": " ".join(words[2:])})


def _decide(words: list[str], _: str, __: str) -> Line:
    if "because" not in words:
        return Doing("record_decision", {"text": " ".join(words)})
    at = words.index("because")
    return Doing("record_decision", {"text": " ".join(words[:at]), "rationale": " ".join(words[at + 1 :])})


def _answers(word: str) -> "Callable[[list[str], str, str], Line]":
    def read(words: list[str], _: str, proposal: str) -> Line:
        if not proposal:
            raise Rejected(f"nothing was proposed that could be {word.lower()}; use: decide")
        return Doing("record_decision", {"text": f"{word}: {proposal}", "rationale": " ".join(words)})

    return read


def _status(words: list[str], _: str, __: str) -> Line:
    return Doing("change_status", {"status": IncidentStatus(words[0]).value, "reason": " ".join(words[1:])})


_READERS: dict[str, Callable[[list[str], str, str], Line]] = {
    "take": _take,
    "offer": _offer,
    "hand-over": _hand_over,
    "severity": _severity,
    "impact": _impact,
    "update": _update,
    "task": _task,
    "decide": _decide,
    "approve": _answers("Approved"),
    "reject": _answers("Rejected"),
    "status": _status,
    "run": lambda words, _, __: Doing("start_run", {"runbook": words[0]}),
    "note": lambda words, _, __: Doing("add_note", {"text": " ".join(words)}),
    "resolve": lambda words, _, __: Doing("resolve", {"summary": " ".join(words)}),
    "wait": lambda words, _, __: Waiting(parse_duration(words[0])),
    "next": lambda _, __, ___: Waiting(None),
    "end": lambda _, __, ___: Leaving(),
}
