"""What helps a facilitator: the interview guide and the calibration document, from the timeline and who was in it.

Called by `api/routes/review_files.py`. Pure: Markdown comes out. The questions follow Etsy's facilitation guide (one
for each kind of statement: observation, judgement, decision, action, help), the interim document Howie's "calibrate":
participants comment before the meeting, so that the meeting is not spent on facts (rule P09).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.calendar import written
from domain.model import Model
from domain.policy import WorkingHours
from domain.review import CommentState
from domain.timeline import EntryKind

Document = Mapping[str, Any]
# Lines of one person in the guide; more is no conversation of half an hour.
_MOST_LINES = 12
_LONGEST = 160


class Statement(Model):
    """A kind of statement, and what to ask when somebody makes one."""

    name: str
    questions: tuple[str, ...]


OBSERVATION = Statement(
    name="observation",
    questions=("What did you see that told you so, and where?", "What did you expect to see instead?"),
)
JUDGEMENT = Statement(
    name="judgement",
    questions=("How did you come to see it that way?", "What else could it have been, with what you had then?"),
)
DECISION = Statement(
    name="decision",
    questions=("Which options did you see?", "What spoke for this one at that moment, and what pressed you?"),
)
ACTION = Statement(
    name="action",
    questions=("What were you trying to bring about?", "How did you know whether it worked?"),
)
HELP = Statement(
    name="asking for help",
    questions=("What made you call for somebody?", "How did you know whom to call, and what did they need to be told?"),
)
MESSAGE = Statement(
    name="message",
    questions=("What did you know and not know when you wrote it?", "What came back?"),
)
_KINDS = {
    EntryKind.NOTE.value: OBSERVATION,
    EntryKind.IMPACT.value: JUDGEMENT,
    EntryKind.SEVERITY.value: JUDGEMENT,
    EntryKind.DECISION.value: DECISION,
    EntryKind.STATUS.value: DECISION,
    EntryKind.RUN.value: ACTION,
    EntryKind.TASK.value: ACTION,
    EntryKind.UPDATE.value: MESSAGE,
    EntryKind.PAGE.value: HELP,
    EntryKind.ROLE.value: HELP,
}


def interview_guide(review: Document, timeline: Sequence[Document], hours: WorkingHours) -> str:
    """How to talk with each participant, with the moments that they were part of."""
    lines = [
        f"# Interview guide: {_text(review.get('title') or review.get('incident_id'))}",
        "",
        "Half an hour each, before the meeting. Ask what and how; leave who and why out. You talk least. Say first",
        "that nobody is looked for, and that they may strike out anything afterwards.",
        "",
        "To begin with: tell it as you lived it, from when you first heard of it. What was going on just before?",
        "",
    ]
    for each in review.get("participants") or ():
        name = _text(each.get("name"))
        lines += [f"## {name} ({_text(each.get('role')).replace('_', ' ')})", ""]
        view = next((v for v in review.get("perspectives") or () if v.get("name") == each.get("name")), None)
        if view:
            lines += ["Has answered already; begin from there:", ""]
            lines += [
                f"- {word}: {_text(view.get(word))}" for word in ("saw", "expected", "knew", "hard") if view.get(word)
            ]
            lines.append("")
        lines += _moments(name, timeline, hours)
    lines += [
        "## To end with",
        "",
        "- What would have made this easier for you?",
        "- What nearly happened?",
        "- Whom should I talk to as well? What did I not ask?",
        "",
    ]
    return "\n".join(lines)


def calibration_document(review: Document, timeline: Sequence[Document], hours: WorkingHours) -> str:
    """What is believed so far, for participants to correct before the meeting."""
    findings = [
        f"- {_text(f.get('text'))}" for f in review.get("findings") or () if f.get("kind") == "contributing_factor"
    ]
    questions = [f"- {_text(f.get('text'))}" for f in review.get("findings") or () if f.get("kind") == "open_question"]
    views = review.get("perspectives") or ()
    return "\n".join(
        [
            f"# Calibration: {_text(review.get('title') or review.get('incident_id'))}",
            "",
            "This is no result. It is what is believed so far. Please say before the meeting what is wrong, what is",
            "missing, and what you saw differently; differences are the most valuable part.",
            "",
            "## What is believed to have happened",
            "",
            *[f"- {_at(e, hours)} {_text(e.get('summary'))}" for e in _key_moments(timeline)],
            "",
            "## What is believed to have contributed",
            "",
            *(findings or ["_Nothing is written down yet._"]),
            "",
            "## Where views differ",
            "",
            *_side_by_side(views),
            "",
            "## Not understood yet",
            "",
            *(questions or ["_Nothing is written down yet. What do you not understand?_"]),
            "",
            "## Comments that wait for an answer",
            "",
            *_open_comments(review),
            "",
            "## For the meeting",
            "",
            "Choose two to five themes from the above. The first 35 to 40 minutes belong to the timeline; action items",
            "are decided later, by a small group, after some days of thinking.",
            "",
        ]
    )


def _open_comments(review: Document) -> list[str]:
    waiting = [each for each in review.get("comments") or () if each.get("state") == CommentState.OPEN.value]
    return [
        f"- {each.get('number')}. {_text((each.get('by') or {}).get('name'))}"
        + (f" on {_text(each.get('section'))}" if each.get("section") else "")
        + f": {_text(each.get('text'))}"
        for each in waiting
    ] or ["_None._"]


def _moments(name: str, timeline: Sequence[Document], hours: WorkingHours) -> list[str]:
    mine = [e for e in timeline if (e.get("actor") or {}).get("name") == name and e.get("kind") in _KINDS][:_MOST_LINES]
    if not mine:
        return ["- Where were you when you heard of it, and what did you look at first?", ""]
    lines: list[str] = []
    for entry in mine:
        kind = _KINDS[str(entry.get("kind"))]
        lines.append(f"- {_at(entry, hours)} ({kind.name}) {_text(entry.get('summary'))}")
        lines += [f"    - {question}" for question in kind.questions]
    return [*lines, ""]


def _key_moments(timeline: Sequence[Document]) -> list[Document]:
    wanted = {
        EntryKind.ALERT,
        EntryKind.DECLARED,
        EntryKind.STATUS,
        EntryKind.SEVERITY,
        EntryKind.DECISION,
        EntryKind.RUN,
    }
    named = {kind.value for kind in wanted}
    return [entry for entry in timeline if entry.get("kind") in named][:100]


def _side_by_side(views: Sequence[Document]) -> list[str]:
    if not views:
        return ["_Nobody has said yet how it was for them._"]
    rows = ["| Who | Saw | Expected | Knew | Hard |", "|---|---|---|---|---|"]
    words = ("name", "saw", "expected", "knew", "hard")
    rows += [f"| {' | '.join(_text(view.get(word)).replace('|', '/') for word in words)} |" for view in views]
    return rows


def _at(entry: Document, hours: WorkingHours) -> str:
    value = entry.get("at")
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return ""
    return written(moment, hours) if isinstance(moment, datetime) and moment.tzinfo else ""


def _text(value: object) -> str:
    """One line, short, and nothing that is Markdown to a reader of it."""
    line = " ".join(str(value or "").split())
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return "".join(f"\\{ch}" if ch in "\\`*[]<>#_~" else ch for ch in line)
