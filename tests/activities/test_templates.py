"""Every message has a template that takes what the workflows really send, and hostile text stays text."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.clients.templates import BUILT_IN, TemplateRenderer
from activities.messages import URGENT
from domain.comms import CloseComms, CommsStart, IncidentBrief, UpdateRequest
from domain.comms_decisions import begin, finish, publish, tick
from domain.configuration import AudiencePlan, Configuration, Destination, OnCall, OnCallLevel
from domain.errors import Rejected
from domain.escalation import page_text
from domain.message import Message, Template
from domain.page import EscalationStart, EscalationState, EscalationStatus
from domain.policy import Audience, Policy
from domain.run import ApprovalState, ApprovalStatus
from domain.severity import Severity
from domain.timeline import automation, person

T0 = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
INCIDENT = "inc-20261122-k7qd"
HOSTILE = "{{ ''.__class__ }} {% raw %} <script>alert(1)</script>"
ABOUT = {"id": INCIDENT, "title": f"Checkout fails {HOSTILE}", "severity": "SEV-1", "status": "investigating"}
REVIEW = {
    "incident": {"id": INCIDENT, "title": HOSTILE, "severity": "SEV-2"},
    "review": {"id": INCIDENT, "title": HOSTILE, "owner": None, "state": "in_review"},
    "due_at": "2026-11-25T14:00:00+00:00",
    "level": "overdue",
    "text": f"the review was due {HOSTILE}",
}
MEETING = {"at": "2026-11-26T11:00:00+00:00", "until": "2026-11-26T12:00:00+00:00", "cancelled": False}
ITEM = {
    "incident": {"id": INCIDENT, "severity": "SEV-2"},
    "item": {"id": "act-9x8y7z", "title": HOSTILE, "owner": "ann", "priority": "urgent", "done_when": "a probe alerts"},
    "due_at": None,
    "level": "assigned",
    "text": "the item is yours",
}
RUN = {"incident": ABOUT, "run": {"id": f"{INCIDENT}.roll-back.1", "title": "Roll back"}, "step": "approve"}


class Home:
    """`hotwash.yaml` without a word in it."""

    def __init__(self) -> None:
        self.configuration = Configuration(organization="Example Shop", base_url="https://hotwash.example.org/")

    def current(self) -> Configuration:
        """The configuration."""
        return self.configuration


@pytest.fixture
def renderer(tmp_path: Path) -> TemplateRenderer:
    """A house without templates of its own."""
    return TemplateRenderer(Home(), tmp_path)


def comms_messages() -> Iterator[Message]:
    """What the communication plan really sends."""
    brief = IncidentBrief(
        id=INCIDENT, title=f"5xx on web-7 {HOSTILE}", severity=Severity.SEV1, status="declared", services=("web",),
        public_services=("Shop",), commander="cam", summary=HOSTILE, impact="1 in 5 fails", declared_at=T0,
    )  # fmt: skip
    everywhere = AudiencePlan(destinations=(Destination(channel="hook"),), first_notice="automatic")
    start = CommsStart(incident=brief, policy=Policy(), audiences=dict.fromkeys(Audience, everywhere))
    outcome = begin(start, T0)
    yield from outcome.messages
    for audience in Audience:
        request = UpdateRequest(by=person("cam"), audience=audience, text=f"Still looking. {HOSTILE}")
        outcome = publish(start, outcome.state, request, T0 + timedelta(minutes=3))
        yield from outcome.messages
    for minute in (15, 18, 23, 38):
        outcome = tick(start, outcome.state, T0 + timedelta(minutes=minute))
        yield from outcome.messages
    yield from finish(
        start, outcome.state, CloseComms(by=person("cam"), summary=HOSTILE), T0 + timedelta(hours=1)
    ).messages


def other_messages() -> Iterator[Message]:
    """What the other workflows send, in their shapes."""
    page = EscalationStart(
        id="p", incident_id=INCIDENT, title=HOSTILE, severity=Severity.SEV1, reason="a new incident",
        on_call=OnCall(levels=(OnCallLevel(people=("ann",)),)), acknowledge_within_seconds=300,
        repeat_after_seconds=300,
    )  # fmt: skip
    state = EscalationState(
        id="p", incident_id=INCIDENT, status=EscalationStatus.PAGING, reason="a new incident", level=1, round=2
    )
    approval = ApprovalState(
        id=f"{INCIDENT}.roll-back.1:approve", run_id=f"{INCIDENT}.roll-back.1", step_id="approve", incident_id=INCIDENT,
        state=ApprovalStatus.PENDING, digest="0" * 64, shown={"steps": [{"path": "back", "with": {"target": HOSTILE}}]},
        message=HOSTILE, min_approvals=2, requested_by=automation("alerts"), requested_at=T0, expires_at=None,
    )  # fmt: skip
    game_day = {
        "id": "process-dies", "name": "process-dies", "title": "Process dies", "verdict": "passed", "restored": True,
        "injected_at": "2026-11-22T14:00:00+00:00", "incident_id": INCIDENT, "reason": "all met",
        "expectations": [
            {"expectation": "detect", "within_seconds": 30, "judgement": "met", "evidence": "x"}
            | {"observed_after_seconds": 3.2},
            {"expectation": "page", "within_seconds": 30, "judgement": "missed", "evidence": ""}
            | {"observed_after_seconds": None},
        ],
    }  # fmt: skip
    operations = {
        "title": "Operations review 2026-W48", "week": "2026-W48", "headlines": [f"Three incidents {HOSTILE}"],
        "markdown": f"# Operations review\n\n{HOSTILE}\n",
    }  # fmt: skip
    shapes: list[tuple[Template, dict[str, Any]]] = [
        (Template.PAGE, page_text(page, state)),
        (Template.PAGE, {"incident": ABOUT, "title": HOSTILE, "severity": "SEV-1", "reason": "runbook x did not run"}),
        (Template.APPROVAL_REQUEST, {**RUN, "approval": approval.model_dump(mode="json"), "title": "Roll back"}),
        (Template.MANUAL_STEP, {**RUN, "title": "Look", "instructions": f"Look at it {HOSTILE}"}),
        (Template.ROLE_OFFER, {"incident": ABOUT, "role": "communications lead", "by": "cam", "reason": HOSTILE}),
        *[
            (t, REVIEW)
            for t in (
                Template.REVIEW_ASSIGNED,
                Template.REVIEW_REMINDER,
                Template.REVIEW_OVERDUE,
                Template.REVIEW_INVITED,
            )
        ],
        *[
            (t, ITEM)
            for t in (Template.ACTION_ITEM_ASSIGNED, Template.ACTION_ITEM_REMINDER, Template.ACTION_ITEM_OVERDUE)
        ],
        *[(Template.REVIEW_ASSIGNED, {**REVIEW, "level": level}) for level in ("facilitator", "no_owner")],
        (Template.REVIEW_MEETING, {**REVIEW, "meeting": MEETING}),
        (Template.REVIEW_MEETING, {**REVIEW, "meeting": MEETING | {"cancelled": True}}),
        (Template.GAME_DAY_ANNOUNCEMENT, {"game_day": game_day, "text": HOSTILE}),
        (Template.TABLETOP_INJECT, {"title": HOSTILE, "sender": HOSTILE, "text": HOSTILE, "question": HOSTILE}),
        (Template.GAME_DAY_REPORT, {"game_day": game_day, "verdict": "passed", "reason": HOSTILE}),
        (Template.OPERATIONS_REVIEW, operations),
        (Template.INSIGHTS, {name: value for name, value in operations.items() if name != "week"}),
    ]
    for template, context in shapes:
        yield Message(key="k", template=template, context=context, incident_id=INCIDENT)


MESSAGES = [*comms_messages(), *other_messages()]


def test_every_template_is_tried_with_what_is_really_sent() -> None:
    """The list below leaves none out."""
    assert {message.template for message in MESSAGES} == set(Template)


@pytest.mark.parametrize(
    "message", MESSAGES, ids=lambda m: f"{m.template.value}-{m.variant}-{m.context.get('level', '')}"
)
def test_a_message_renders(renderer: TemplateRenderer, message: Message) -> None:
    """One line of subject, a text with an end, nothing evaluated, nothing of Python or Jinja in it."""
    rendered = renderer.render(message)
    assert rendered.subject == " ".join(rendered.subject.split()) != ""
    assert "Example Shop" in rendered.text
    said = rendered.subject + rendered.text
    assert "<class" not in said
    assert "None" not in said.replace("Nobody", "")
    assert re.search(r"\{%|\{\{|<script", said.replace(HOSTILE, "")) is None
    assert "\n\n\n\n" not in rendered.text


def test_who_facilitates_is_not_asked_to_write(renderer: TemplateRenderer) -> None:
    """The owner writes the review down; the facilitator asks; of a review without an owner the manager hears that."""
    said = {
        level: renderer.render(
            Message(
                key="k", template=Template.REVIEW_ASSIGNED, context={**REVIEW, "level": level}, incident_id=INCIDENT
            )
        )
        for level in ("assigned", "facilitator", "no_owner")
    }
    assert said["assigned"].subject.startswith("A review is to be written")
    assert said["facilitator"].subject.startswith("You facilitate a review")
    assert said["no_owner"].subject.startswith("A review has no owner")
    assert ["Write down" in each.text for each in said.values()] == [True, False, True]


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("variant", [None, "internal", "external", "executive"])
def test_a_template_needs_nothing_but_the_incident(
    renderer: TemplateRenderer, template: Template, variant: str | None
) -> None:
    """A sender that leaves everything out still gets a message through."""
    for context in ({}, {"incident": INCIDENT}):
        rendered = renderer.render(
            Message(key="k", template=template, variant=variant, context=context, incident_id=INCIDENT)
        )
        assert rendered.subject
        assert rendered.text.strip()


def test_hostile_text_is_inserted_as_it_is(renderer: TemplateRenderer) -> None:
    """Shown, not evaluated and not escaped: the text is plain."""
    message = Message(
        key="k", template=Template.UPDATE, variant="internal", context={"incident": ABOUT, "text": HOSTILE}
    )
    rendered = renderer.render(message)
    assert HOSTILE in rendered.text
    assert HOSTILE in rendered.subject


def test_customers_never_read_what_only_responders_know(renderer: TemplateRenderer) -> None:
    """Neither the title (it names a host), nor the incident's id, nor the console's address."""
    external = [m for m in MESSAGES if m.variant == "external"]
    assert len(external) == 3
    for message in external:
        rendered = renderer.render(message)
        for internal in ("web-7", INCIDENT, "hotwash.example.org", "cam", "1 in 5"):
            assert internal not in rendered.subject + rendered.text
    first, later, closing = [renderer.render(m) for m in external]
    assert "Shop" in first.subject
    assert "You will hear from us again by 2026-11-22 14:20 UTC." in first.text
    assert "You will hear from us again by 2026-11-22 14:23 UTC." in later.text
    assert "hear from us again" not in closing.text


def test_the_approval_request_shows_exactly_what_will_run(renderer: TemplateRenderer) -> None:
    """The rendered steps and their digest, as JSON."""
    (message,) = [m for m in MESSAGES if m.template is Template.APPROVAL_REQUEST]
    text = renderer.render(message).text
    assert '"path": "back"' in text
    assert f"Digest:    {'0' * 64}" in text
    assert "Approvals: 2 needed" in text


def test_the_teams_template_comes_first_and_an_edit_counts_at_once(renderer: TemplateRenderer, tmp_path: Path) -> None:
    """Of the same name; a general one does not replace the built-in text for customers."""
    own = tmp_path / "templates"
    own.mkdir()
    (own / "page.txt").write_text("Subject: ours\n\n{{ incident.title }}{% include '_foot.txt' %}\n")
    (own / "update.txt").write_text("Subject: ours\n\n{{ incident.title }}\n")
    page = Message(key="k", template=Template.PAGE, context={"incident": ABOUT})
    assert renderer.render(page).subject == "ours"
    assert renderer.render(page).text.startswith("Checkout fails")
    for_customers = Message(key="k", template=Template.UPDATE, variant="external", context={"incident": ABOUT})
    assert renderer.render(for_customers).subject != "ours"
    assert renderer.render(for_customers.model_copy(update={"variant": "partners"})).subject == "ours"
    (own / "page.txt").write_text("Subject: edited\n\nx\n")
    assert renderer.render(page).subject == "edited"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Subject: x\n\n\n{% if %}\n", r"page\.txt:4: "),
        ("Subject: x\n\n{{ ok }}\n", r"page\.txt:3: UndefinedError: 'ok' is undefined"),
        ("Subject: {{ nothing }}\n\nx\n", r"page\.txt:1: UndefinedError"),
        ("Hello\n", r"page\.txt:1: the first line of a template is 'Subject: '"),
        ("", r"page\.txt:1: the first line"),
        ("Subject: x\n\n{% include 'gone.txt' %}\n", r"page\.txt: it includes 'gone.txt'"),
        ("Subject: x\n\n{{ ''.__class__.__mro__ }}\n", r"page\.txt:3: SecurityError"),
        ("Subject: x\n\n{{ 1 / 0 }}\n", r"page\.txt:3: ZeroDivisionError"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    renderer: TemplateRenderer, tmp_path: Path, text: str, complaint: str
) -> None:
    """The sentence says which file and line, so that it can be mended at once."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.txt").write_text(text)
    with pytest.raises(Rejected, match=complaint):
        renderer.render(Message(key="k", template=Template.PAGE, context={}))


def test_endless_texts_are_cut(renderer: TemplateRenderer) -> None:
    """A five-megabyte annotation does not become a five-megabyte mail; the cut is said."""
    message = Message(
        key="k",
        template=Template.PAGE,
        context={"title": "t" * 5_000_000, "text": "x" * 5_000_000},
        incident_id=INCIDENT,
    )
    rendered = renderer.render(message)
    assert len(rendered.subject) == 200
    assert len(rendered.text) == 50_000
    assert rendered.text.endswith("in the console)")


def test_there_is_a_file_for_every_template_and_no_other() -> None:
    """A template without a file would fail in the night; a file without a template is a typing mistake."""
    names = {path.name.split(".")[0] for path in BUILT_IN.glob("*.txt")}
    assert names - {"_foot"} == {template.value for template in Template}
    assert {Template.PAGE, Template.APPROVAL_REQUEST} == URGENT


@pytest.mark.parametrize(
    ("template", "context", "level", "subject"),
    [
        (Template.REVIEW_REMINDER, REVIEW, "upcoming", "A review is due (by 2026-11-25 14:00 UTC): "),
        (Template.REVIEW_REMINDER, REVIEW, "comment", "A comment on the draft of a review: "),
        (Template.REVIEW_REMINDER, REVIEW, "published", "A review to read: "),
        (Template.ACTION_ITEM_REMINDER, ITEM, "upcoming", "An action item is due: "),
        (Template.ACTION_ITEM_REMINDER, ITEM, "extension_asked", "More time for an action item is asked for: "),
    ],
)
def test_a_subject_says_what_is_wanted(
    renderer: TemplateRenderer, template: Template, context: dict[str, Any], level: str, subject: str
) -> None:
    """Whoever reads only subjects knows whether something is due, or somebody waits for a word."""
    message = Message(key="k", template=template, context={**context, "level": level}, incident_id=INCIDENT)
    assert renderer.render(message).subject.startswith(subject)
