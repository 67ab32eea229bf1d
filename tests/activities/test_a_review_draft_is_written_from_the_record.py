"""The review draft: the record's facts as Markdown, hostile text shown as text, blanks marked as blanks."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.clients.review_template import ReviewTemplate, escape
from activities.review_draft import DraftRequest, ReviewDraftActivities
from domain.policy import WorkingHours
from domain.review import Finding, FindingKind

GOLDEN = Path(__file__).parent / "golden"
BERLIN = WorkingHours(time_zone="Europe/Berlin")
MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")

Document = dict[str, Any]


class Archive:
    """The record of one incident, in memory."""

    def __init__(self, incident: Document | None, timeline: Sequence[Document] = ()) -> None:
        self._incident = incident
        self._timeline = list(timeline)

    async def incident(self, incident_id: str) -> Document | None:
        """The incident, if it is this one."""
        return self._incident if self._incident and self._incident["id"] == incident_id else None

    async def timeline(self, incident_id: str) -> list[Document]:
        """The entries."""
        assert self._incident is not None
        assert incident_id == self._incident["id"]
        return self._timeline


def entry(seq: int, at: str, kind: str, who: str, summary: str, **details: object) -> Document:
    """A timeline entry as the store keeps it."""
    kinds = {"triage": "automation", "comms": "automation", "escalation": "automation", "runbook": "automation"}
    return {
        "seq": seq,
        "incident_id": "inc-20261122-k7qd",
        "at": f"2026-11-22T{at}Z",
        "kind": kind,
        "actor": {"kind": kinds.get(who, "person"), "name": who},
        "summary": summary,
        "details": details,
        "links": [],
    }


INCIDENT: Document = {
    "id": "inc-20261122-k7qd",
    "title": "Checkout answers 500",
    "status": "resolved",
    "severity": "SEV-1",
    "type": "deployment",
    "services": ["checkout", "cart"],
    "summary": "Release v2 was rolled back",
    "impact": {"customers_affected": 1200, "trend": "better", "summary": "Orders failed for one in three customers"},
    "roles": {"commander": "alice"},
    "impact_started_at": "2026-11-22T10:00:00Z",
    "detected_at": "2026-11-22T10:02:30Z",
    "declared_at": "2026-11-22T10:03:00Z",
    "acknowledged_at": "2026-11-22T10:04:10Z",
    "mitigated_at": "2026-11-22T10:21:00Z",
    "resolved_at": "2026-11-22T10:40:00Z",
    "drill": False,
    "runs": [
        {"id": "inc-20261122-k7qd.roll-back-release.1", "runbook": "roll-back-release", "status": "succeeded"},
        {"id": "inc-20261122-k7qd.restart.1", "runbook": "restart", "status": "waiting", "waiting_for": "bob"},
    ],
    "action_items": [{"id": "act-7k2m9q", "title": "Probe the checkout before a release", "state": "open"}],
}
TIMELINE = [
    entry(3, "10:04:10", "acknowledged", "alice", "alice acknowledged"),
    entry(1, "10:02:30", "alert", "triage", "alerts: CheckoutErrors on shop-1", firing=True),
    entry(2, "10:03:00", "declared", "triage", "declared SEV-1: Checkout answers 500"),
    entry(4, "10:08:00", "update", "alice", "to internal: we are looking at release v2"),
    entry(5, "10:13:00", "reminder", "comms", "external: no update since 10:03", reason="update_late"),
    entry(
        6, "10:14:00", "run", "alice", "alice started roll-back-release", run="inc-20261122-k7qd.roll-back-release.1"
    ),
    entry(7, "10:21:00", "status", "alice", "mitigating → monitoring"),
    entry(8, "10:40:00", "status", "alice", "resolved: Release v2 was rolled back"),
    entry(9, "10:40:01", "review", "review", "Review opened for alice"),
]
HOSTILE = (
    "a | b `c` <script>alert(1)</script>\n\n# Owned\n- [x](javascript:alert(1)) ![i](http://e/x.png) **bold** \\| &lt;"
)


def request(*findings: Finding) -> DraftRequest:
    """What the review asks for."""
    return DraftRequest(
        incident_id="inc-20261122-k7qd",
        owner="alice",
        due_at=datetime(2026, 11, 23, 10, 40, tzinfo=UTC),
        findings=findings,
        calendar=BERLIN,
    )


async def draft(archive: Archive, asked: DraftRequest) -> str:
    """The draft as the activity makes it."""
    activities = ReviewDraftActivities(archive, ReviewTemplate())
    return (await ActivityEnvironment().run(activities.draft, asked)).markdown


def hostile(value: Any) -> Any:
    """The same document with every free text replaced."""
    free = {"title", "summary", "name", "runbook", "waiting_for", "commander"}
    if isinstance(value, dict):
        return {key: HOSTILE if key in free and isinstance(each, str) else hostile(each) for key, each in value.items()}
    return [hostile(each) for each in value] if isinstance(value, list) else value


def check_golden(name: str, text: str) -> None:
    """Compare with the file that a reviewer has read; delete the file to write it anew."""
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text)
        pytest.fail(f"{name} was missing and has been written; read it and run again")
    assert text == path.read_text()


def flat(tokens: Sequence[Token]) -> list[Token]:
    """All tokens, also those inside lines."""
    return [token for outer in tokens for token in (outer, *(outer.children or ()))]


async def test_a_draft_says_what_the_record_knows():
    """Impact in numbers, the timeline from the impact on in local time, runs, updates sent and missed, gaps marked."""
    findings = (
        Finding(kind=FindingKind.CONTRIBUTING_FACTOR, text="No probe covered the checkout"),
        Finding(kind=FindingKind.HELPED, text="The rollback was one click"),
    )
    check_golden("review.md", await draft(Archive(INCIDENT, TIMELINE), request(*findings)))


async def test_an_empty_record_makes_a_draft_of_blanks():
    """A record that knows nothing but the incident's id is no error; every gap is marked."""
    check_golden("review-of-nothing.md", await draft(Archive({"id": "inc-20261122-k7qd"}), request()))


async def test_hostile_text_stays_text():
    """Pipes, backticks, HTML, newlines, links and headings from outside change nothing of the structure."""
    kind = FindingKind.HINDERED
    plain = await draft(Archive(INCIDENT, TIMELINE), request(Finding(kind=kind, text="slow")))
    attacked = await draft(Archive(hostile(INCIDENT), hostile(TIMELINE)), request(Finding(kind=kind, text=HOSTILE)))
    check_golden("review-hostile.md", attacked)
    shapes = [[token.type for token in MARKDOWN.parse(text) if token.type != "inline"] for text in (plain, attacked)]
    assert shapes[0] == shapes[1]
    tokens = flat(MARKDOWN.parse(attacked))
    assert not {"image", "html_inline", "html_block", "code_inline", "fence"} & {token.type for token in tokens}
    # The only links are ours, to the lines of the incident's own timeline.
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert links
    assert all(link.startswith("/incidents/inc-20261122-k7qd#e") for link in links)


@given(st.text(max_size=60))
@example(HOSTILE)
@example("1. one")
@example("--- ===")
@example("snake_case __init__ _a_ ~~~")
def test_escaped_text_reads_as_it_was(text: str):
    """Whatever was written, its reader sees the same words, as one line of plain text, in a list and in a table."""
    line = escape(text)
    seen = " ".join("".join(ch for ch in text if ch.isspace() or _is_shown(ch)).split())
    documents = {"- x {}": "x ", "| a |\n|---|\n| x {} |": "ax ", "- {}": "", "{}": ""}
    for form, before in documents.items():
        tokens = MARKDOWN.parse(form.replace("{}", line))
        children = [child for token in tokens if token.type == "inline" for child in token.children or ()]
        assert {child.type for child in children} <= {"text", "text_special"}
        assert "".join(child.content for child in children).strip() == (before + seen).strip()


def _is_shown(character: str) -> bool:
    return escape(character) != ""


async def test_a_draft_waits_for_the_record():
    """An incident that the store does not hold yet is worth another try."""
    with pytest.raises(ApplicationError) as refused:
        await draft(Archive(None), request())
    assert refused.value.type == "Transient"
    assert not refused.value.non_retryable


async def test_a_broken_template_is_named_with_its_line(tmp_path: Path):
    """A team's own template that does not fit is refused for good, with file and line."""
    (tmp_path / "review.md.j2").write_text("# {{ facts.title }}\n{% if %}\n")
    activities = ReviewDraftActivities(Archive(INCIDENT, TIMELINE), ReviewTemplate(tmp_path))
    with pytest.raises(ApplicationError, match=r"review\.md\.j2, line 2") as refused:
        await ActivityEnvironment().run(activities.draft, request())
    assert refused.value.non_retryable


async def test_the_reviews_own_mails_are_no_part_of_the_incident():
    """Its reminders, and a mail of it that bounced, change nothing in its draft; a person of that name speaks."""
    own = [
        entry(901, "11:00:00", "reminder", "review", "Reminder to alice: the review is due"),
        entry(902, "11:00:05", "trouble", "action-item", "The reminder for alice could not be sent"),
    ]
    for each in own:
        each["actor"]["kind"] = "automation"
    before = await draft(Archive(INCIDENT, TIMELINE), request())
    assert await draft(Archive(INCIDENT, [*TIMELINE, *own]), request()) == before
    said = entry(903, "10:12:00", "note", "review", "It helped to look twice")
    assert "It helped to look twice" in await draft(Archive(INCIDENT, [*TIMELINE, said]), request())


async def test_an_address_in_a_persons_line_is_its_evidence():
    """Whoever writes down where it can be seen is not asked for it again; without one it is a recollection."""
    linked = entry(904, "10:12:00", "note", "alice", "The hit rate fell, see https://graphs.example/d/7?from=1.")
    told = entry(905, "10:13:00", "note", "alice", "It fell (http://)")
    text = await draft(Archive(INCIDENT, [*TIMELINE, linked, told]), request())
    lines = {name: line for line in text.splitlines() for name in ("see https", "It fell (") if name in line}
    assert "https://graphs.example/d/7?from=1>" in lines["see https"].rpartition("|")[0].rpartition("|")[2]
    assert "recollection" in lines["It fell ("]


async def test_a_long_timeline_is_cut_and_says_so():
    """A storm of entries leaves a draft of bounded size."""
    storm = [entry(n, "10:05:00", "alert", "triage", "x" * 5000) for n in range(1, 3000)]
    text = await draft(Archive(INCIDENT, storm), request())
    assert len(text) < 150_000
    assert "2700 later entries are in the incident's own timeline." in text
