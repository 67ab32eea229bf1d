"""Messages leave the house once per address, over a real mail server and a real webhook, whatever goes wrong."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from temporalio.exceptions import ApplicationError

from domain.configuration import Destination, SmtpChannel
from domain.message import Delivery, DeliveryStatus, Invitation, Message, MessageReceipt, Template
from tests.support.mailbox import Mailbox
from tests.support.post_office import INCIDENT, PASSWORD, SIGNING_SECRET, PostOffice, page
from tests.support.receiver import Receiver

DELIVERED, PENDING = DeliveryStatus.DELIVERED, DeliveryStatus.PENDING
FAILED, UNKNOWN = DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that works."""
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver that works."""
    with Receiver(SIGNING_SECRET) as receiver:
        yield receiver


@pytest.fixture
async def office(mailbox: Mailbox, receiver: Receiver, tmp_path: Path) -> AsyncIterator[PostOffice]:
    """The way out, with both channels."""
    office = PostOffice(mailbox, receiver, tmp_path)
    yield office
    await office.channels.close()


def update(key: str = "comms/inc-20261122-k7qd/update-1", **fields: object) -> Message:
    """An update for two mail addresses and the webhook."""
    about = {"id": INCIDENT, "title": "Checkout fails", "severity": "SEV-1", "status": "investigating"}
    message = Message(
        key=key,
        template=Template.UPDATE,
        variant="internal",
        context={"incident": about, "text": "We are looking into it.", "number": 1},
        destinations=(
            Destination(channel="mail", to=("all@example.org", "ops@example.org")),
            Destination(channel="hook"),
        ),
        incident_id=INCIDENT,
    )
    return message.model_copy(update=fields)


def outcomes(receipt: MessageReceipt) -> list[tuple[str, str, DeliveryStatus]]:
    """Channel, addressee and status of each delivery."""
    return [(each.channel, each.to, each.status) for each in receipt.deliveries]


def details(receipt: MessageReceipt) -> str:
    """All that was said about the deliveries."""
    return " | ".join(each.detail for each in receipt.deliveries)


async def test_a_page_reaches_each_person_over_each_channel_once(
    office: PostOffice, mailbox: Mailbox, receiver: Receiver
) -> None:
    """Two people, two channels, four deliveries; asked again with the same key, none more."""
    receipt = await office.send(page("ann", "bob"))
    assert outcomes(receipt) == [
        ("mail", "ann", DELIVERED),
        ("hook", "ann", DELIVERED),
        ("mail", "bob", DELIVERED),
        ("hook", "bob", DELIVERED),
    ]
    again = await office.send(page("ann", "bob"))
    assert again == receipt
    assert sorted(mailbox.recipients) == ["ann@example.org", "bob@example.org"]
    assert sorted(body["recipient"] for body in receiver.accepted) == ["ann", "bob"]
    assert (len(receiver.requests), receiver.replays, receiver.forgeries) == (2, 0, 0)


async def test_a_mail_says_what_it_is(office: PostOffice, mailbox: Mailbox) -> None:
    """Subject, text, and the headers by which mail programs and people recognise it."""
    await office.send(page("ann", title="Kasse fällt aus: 5 € fehlen"))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[SEV-1] Kasse fällt aus: 5 € fehlen"
    assert mail["From"] == "Hotwash <hw@example.org>"
    assert mail["To"] == "ann@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Hotwash-Incident"] == INCIDENT
    assert mail["X-Hotwash-Key"].startswith("page/inc-20261122-k7qd/1/level-1/mail/")
    assert mail["Message-ID"].endswith("@example.org>")
    assert "What:     Kasse fällt aus: 5 € fehlen" in mailbox.texts()[0]
    assert "https://hotwash.example.org/incidents/inc-20261122-k7qd" in mailbox.texts()[0]


def invitation(**fields: object) -> Message:
    """To a meeting, for two people; every text tries to break out of the appointment."""
    meeting = Invitation(
        uid=f"review-{INCIDENT}@hotwash", sequence=0, title="Review: 5 €; a,b\r\nATTENDEE:mailto:eve@example.org",
        starts_at=datetime(2026, 11, 26, 11, tzinfo=UTC), ends_at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    ).model_copy(update=fields)  # fmt: skip
    times = {"at": str(meeting.starts_at), "until": str(meeting.ends_at), "cancelled": meeting.cancelled}
    return Message(
        key=f"review/{INCIDENT}/review_meeting/{meeting.sequence}",
        template=Template.REVIEW_MEETING,
        context={"incident": {"id": INCIDENT}, "text": "You are invited.\nBEGIN:VEVENT", "meeting": times},
        people=("ann", "bob"),
        incident_id=INCIDENT,
        invitation=meeting,
    )


def appointments(mail: EmailMessage) -> list[Any]:
    """The events in a mail's calendar part; the attached file holds the same."""
    parts = [part for part in mail.walk() if part.get_content_type() in {"text/calendar", "application/ics"}]
    shown, attached = (Calendar.from_ical(part.get_payload(decode=True)) for part in parts)
    assert shown == attached
    assert {part.get_param("method") for part in parts} == {str(shown["METHOD"])}
    assert parts[1].get_filename() == "invite.ics"
    return list(shown.events)


async def test_an_invitation_comes_as_an_appointment_and_a_later_one_replaces_it(
    office: PostOffice, mailbox: Mailbox, receiver: Receiver
) -> None:
    """Each gets their own, from the house's address; another date has the same name and a higher number."""
    await office.send(invitation())
    await office.send(invitation(sequence=1, cancelled=True))
    mails = {(mail["To"], mail["Subject"].startswith("CANCELLED")): mail for mail in mailbox.mails}
    (event,) = appointments(mails["ann@example.org", False])
    assert (event.uid, event.sequence) == (f"review-{INCIDENT}@hotwash", 0)
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert (event.start, event.end) == (noon - timedelta(hours=1), noon)
    assert event["SUMMARY"] == "Review: 5 €; a,b ATTENDEE:mailto:eve@example.org"
    assert [str(each) for each in event.attendees] == ["mailto:ann@example.org"]
    assert str(event.organizer) == "mailto:hw@example.org"
    assert "You are invited." in event["DESCRIPTION"]
    assert "You are invited." in mails["bob@example.org", False].get_body(("plain",)).get_content()
    (gone,) = appointments(mails["bob@example.org", True])
    assert (gone.uid, gone.sequence, gone.status) == (event.uid, 1, "CANCELLED")
    assert {body["invitation"]["uid"] for body in receiver.accepted} == {event.uid}


async def test_a_webhook_is_signed_and_says_what_it_is(office: PostOffice, receiver: Receiver) -> None:
    """The receiver verifies the signature; the body is readable by machines and has the text for people."""
    await office.send(update())
    (body,) = receiver.accepted
    assert body["id"] == receiver.requests[0]["webhook-id"]
    assert (body["type"], body["variant"], body["incident_id"]) == ("hotwash.update", "internal", INCIDENT)
    assert (body["recipient"], body["drill"]) == (None, False)
    assert body["subject"] == "[SEV-1] Checkout fails: update 1"
    assert "We are looking into it." in body["text"]
    assert body["context"]["number"] == 1


async def test_fixed_destinations_get_one_mail_per_address(office: PostOffice, mailbox: Mailbox) -> None:
    """No address sees another; naming one twice is once."""
    destinations = (Destination(channel="mail", to=("all@example.org", "ops@example.org", "all@example.org")),)
    receipt = await office.send(update(destinations=destinations))
    assert sorted(mail["To"] for mail in mailbox.mails) == ["all@example.org", "ops@example.org"]
    assert [each.to for each in receipt.deliveries] == ["all@example.org", "ops@example.org"]


async def test_a_mail_server_that_is_away_leaves_mails_pending_and_gets_each_once_later(
    receiver: Receiver, tmp_path: Path
) -> None:
    """The webhook is not held up; when the server is back, the mails go out and the webhook does not go again."""
    mailbox = Mailbox()
    office = PostOffice(mailbox, receiver, tmp_path)
    first = await office.send(update())
    assert outcomes(first) == [
        ("mail", "all@example.org", PENDING),
        ("mail", "ops@example.org", PENDING),
        ("hook", "hook", DELIVERED),
    ]
    assert "connection refused" in first.deliveries[0].detail
    with mailbox:
        second = await office.send(update())
        third = await office.send(update())
    await office.channels.close()
    assert {status for _, _, status in outcomes(second)} == {DELIVERED}
    assert third == second
    assert sorted(mailbox.recipients) == ["all@example.org", "ops@example.org"]
    assert len(receiver.requests) == 1


async def test_a_connection_cut_before_the_body_is_tried_again(office: PostOffice, mailbox: Mailbox) -> None:
    """Nothing was sent, so nothing is in doubt."""
    mailbox.cut = "RCPT"
    first = await office.send(page("ann"))
    assert outcomes(first)[0] == ("mail", "ann", PENDING)
    mailbox.cut = None
    assert outcomes(await office.send(page("ann")))[0] == ("mail", "ann", DELIVERED)
    assert mailbox.recipients == ["ann@example.org"]


async def test_a_connection_cut_after_the_body_is_unknown_and_never_repeated(
    office: PostOffice, mailbox: Mailbox
) -> None:
    """The server has the mail and could not say so: a second one might be the second, so it is not sent."""
    mailbox.cut = "DATA"
    first = await office.send(page("ann"))
    assert outcomes(first)[0] == ("mail", "ann", UNKNOWN)
    assert "may have been delivered" in first.deliveries[0].detail
    mailbox.cut = None
    assert await office.send(page("ann")) == first
    assert mailbox.recipients == ["ann@example.org"]


async def test_a_worker_that_died_in_the_middle_leaves_mail_unknown_and_webhooks_repeated(
    office: PostOffice, mailbox: Mailbox, receiver: Receiver
) -> None:
    """The ledger knows of attempts, not of their outcome: only the target that knows our key is asked again."""
    receipt = await office.send(page("ann"))
    for key in office.ledger.outcomes:
        office.ledger.outcomes[key] = None
    office.start_worker()
    second = await office.send(page("ann"))
    assert outcomes(second) == [("mail", "ann", UNKNOWN), ("hook", "ann", DELIVERED)]
    assert await office.send(page("ann")) == second
    assert len(mailbox.mails) == 1
    assert (len(receiver.requests), len(receiver.accepted), receiver.replays) == (2, 1, 1)
    assert receipt.subject == second.subject


async def test_a_worker_that_died_before_the_point_of_no_return_leaves_no_doubt(
    office: PostOffice, mailbox: Mailbox
) -> None:
    """The ledger knows of an attempt that was never on the point of sending: the mail is sent, once."""
    await office.send(page("ann"))
    office.ledger.outcomes = {key: None for key in office.ledger.outcomes if not key.endswith("/begun")}
    office.start_worker()
    assert {status for _, _, status in outcomes(await office.send(page("ann")))} == {DELIVERED}
    office.start_worker()
    assert {status for _, _, status in outcomes(await office.send(page("ann")))} == {DELIVERED}
    assert len(mailbox.mails) == 2


async def test_pages_go_out_without_the_ledger_and_other_messages_wait(
    office: PostOffice, mailbox: Mailbox, receiver: Receiver
) -> None:
    """Twice is better than never for a page, and the doubt is said; an update can wait for the store."""
    office.ledger.is_down = True
    paged = await office.send(page("ann"))
    waiting = await office.send(update())
    assert {status for _, _, status in outcomes(paged)} == {DELIVERED}
    assert all("unledgered: may repeat" in each.detail for each in paged.deliveries)
    assert {status for _, _, status in outcomes(waiting)} == {PENDING}
    assert await office.send(page("ann")) == paged, "the same process remembers what it sent"
    office.ledger.is_down = False
    assert await office.send(page("ann")) == paged
    assert {status for _, _, status in outcomes(await office.send(update()))} == {DELIVERED}
    assert sorted(mailbox.recipients) == ["all@example.org", "ann@example.org", "ops@example.org"]
    assert receiver.replays == 0
    office.start_worker()
    assert await office.send(page("ann")) == paged, "the ledger has caught up"


async def test_people_without_an_address_are_shown(office: PostOffice, receiver: Receiver) -> None:
    """Nobody is silently left out: no mail address, not in hotwash.yaml, no channel at all."""
    receipt = await office.send(page("cyd", "zoe"))
    assert outcomes(receipt) == [
        ("mail", "cyd", DeliveryStatus.NO_ADDRESS),
        ("hook", "cyd", DELIVERED),
        ("", "zoe", DeliveryStatus.NO_ADDRESS),
    ]
    assert [body["recipient"] for body in receiver.accepted] == ["cyd"]
    office.change(page_channels=())
    receipt = await office.send(page("ann", key="another"))
    assert outcomes(receipt) == [("", "ann", DeliveryStatus.NO_ADDRESS)]
    assert "page_channels" in details(receipt)


async def test_a_drill_is_marked_and_never_leaves_the_team(
    office: PostOffice, mailbox: Mailbox, receiver: Receiver
) -> None:
    """Pages and internal notices say [DRILL]; customers and executives hear nothing, and the receipt says so."""
    await office.send(page("ann").model_copy(update={"drill": True}))
    assert mailbox.mails[0]["Subject"].startswith("[DRILL] ")
    assert mailbox.texts()[0].startswith("[DRILL] This is a drill")
    assert receiver.accepted[0]["drill"] is True
    for variant in ("external", "executive"):
        receipt = await office.send(update(key=variant, variant=variant, drill=True))
        assert {status for _, _, status in outcomes(receipt)} == {DeliveryStatus.WITHHELD}
        assert "drill" in details(receipt)
    assert (len(mailbox.mails), len(receiver.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, DELIVERED), (202, DELIVERED), (204, DELIVERED),
        (301, FAILED), (307, FAILED), (400, FAILED), (401, FAILED), (404, FAILED), (410, FAILED), (422, FAILED),
        (408, PENDING), (425, PENDING), (429, PENDING), (500, PENDING), (502, PENDING), (503, PENDING),
    ],
)  # fmt: skip
async def test_a_receivers_answer_decides(
    office: PostOffice, receiver: Receiver, status: int, expected: DeliveryStatus
) -> None:
    """What may pass is tried again, every other refusal is final, and redirects are not followed."""
    receiver.status = status
    receiver.headers = {"Location": receiver.url, "Retry-After": "120"}
    receipt = await office.send(update(destinations=(Destination(channel="hook"),)))
    assert outcomes(receipt) == [("hook", "hook", expected)]
    assert expected is DELIVERED or str(status) in details(receipt)
    assert "120" in details(receipt) or expected is not PENDING
    receiver.status = 200
    again = await office.send(update(destinations=(Destination(channel="hook"),)))
    assert len(receiver.requests) == (2 if expected is PENDING else 1)
    assert outcomes(again) == [("hook", "hook", DELIVERED if expected is PENDING else expected)]


@pytest.mark.parametrize(("reply", "expected"), [("550 5.1.1 no such user", FAILED), ("451 4.7.1 greylisted", PENDING)])
async def test_a_mail_servers_answer_decides(
    office: PostOffice, mailbox: Mailbox, reply: str, expected: DeliveryStatus
) -> None:
    """5xx is final, 4xx is tried again; the server's words are shown."""
    mailbox.answers["ann@example.org"] = reply
    receipt = await office.send(page("ann"))
    assert outcomes(receipt)[0] == ("mail", "ann", expected)
    assert reply.split(" ", 1)[1] in receipt.deliveries[0].detail


async def test_a_changed_channel_counts_at_once(office: PostOffice, receiver: Receiver) -> None:
    """A channel that is gone fails with its name; one with a new address is used from then on."""
    office.change(channels={"hook": office.configuration.channels["hook"]}, page_channels=("hook",))
    gone = await office.send(update(destinations=(Destination(channel="mail", to=("all@example.org",)),)))
    assert outcomes(gone) == [("mail", "all@example.org", FAILED)]
    assert "no channel 'mail'" in details(gone)
    with Receiver(SIGNING_SECRET) as other:
        moved = office.configuration.channels["hook"].model_copy(update={"url": other.url})
        office.change(channels={"hook": moved})
        await office.send(page("ann"))
        assert len(other.accepted) == 1
    assert receiver.requests == []


async def test_deliveries_do_not_wait_for_each_other(office: PostOffice, mailbox: Mailbox, receiver: Receiver) -> None:
    """The receiver answers only after the mail has arrived: one after the other could never end."""
    arrived = threading.Event()
    mailbox.on_mail = lambda _: arrived.set()
    waited: list[bool] = []
    receiver.before = lambda: waited.append(arrived.wait(timeout=10))
    destinations = (Destination(channel="hook"), Destination(channel="mail", to=("all@example.org",)))
    receipt = await office.send(update(destinations=destinations))
    assert waited == [True]
    assert {status for _, _, status in outcomes(receipt)} == {DELIVERED}


async def test_a_mail_server_that_wants_a_login_gets_it(receiver: Receiver, tmp_path: Path) -> None:
    """The password is read where it is used."""
    with Mailbox(login=("hotwash", PASSWORD)) as mailbox:
        office = with_login(PostOffice(mailbox, receiver, tmp_path))
        receipt = await office.send(page("ann"))
        await office.channels.close()
    assert outcomes(receipt)[0] == ("mail", "ann", DELIVERED)


async def test_no_secret_is_in_errors_or_logs(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a server that repeats a wrong password, not a refused webhook, not a broken secret tells what it is."""
    told: list[str] = []
    with Mailbox(login=("hotwash", "another")) as mailbox:
        office = with_login(PostOffice(mailbox, receiver, tmp_path))
        receiver.status = 400
        told.append((await office.send(page("ann"))).model_dump_json())
        office.secrets.values = {"env:HOOK": "whsec_not-base64-but-$ecret"}
        receiver.status = 200
        told.append((await office.send(page("ann", key="second"))).model_dump_json())
        office.secrets.values = {"env:HOOK": SIGNING_SECRET}
        office.change(
            channels={"hook": office.configuration.channels["hook"].model_copy(update={"url": "http://[bad"})}
        )
        told.append((await office.send(update(destinations=(Destination(channel="hook"),)))).model_dump_json())
        await office.channels.close()
    said = " ".join([*told, caplog.text])
    assert said.count('"failed"') == 5
    for secret in (PASSWORD, SIGNING_SECRET, SIGNING_SECRET.removeprefix("whsec_"), "$ecret", "path-that-is-a-secret"):
        assert secret not in said


def with_login(office: PostOffice) -> PostOffice:
    """The mail server wants a user name and a password."""
    channels = office.configuration.channels
    mail = channels["mail"].model_copy(update={"username": "hotwash", "password": "env:MAIL"})
    assert isinstance(mail, SmtpChannel)
    office.change(channels={**channels, "mail": mail})
    return office


async def test_hostile_text_adds_no_header_and_is_not_evaluated(office: PostOffice, mailbox: Mailbox) -> None:
    """Line breaks in a title, dots on lines of their own, half a surrogate, template code: shown, nothing else."""
    title = "Down\r\nBcc: victim@example.org\r\n\r\nhello {{ ''.__class__ }} <script>\u2028\x00"
    receipt = await office.send(page("ann", title=title, text=".\n..\nQUIT\n.\r\n\ud800 end"))
    assert outcomes(receipt)[0] == ("mail", "ann", DELIVERED)
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    # A long subject is folded, and the fold is a blank to who reads it.
    assert mail["Subject"].strip() == "[SEV-1] Down Bcc: victim@example.org hello {{ ''.__class__ }} <script>"
    assert mailbox.recipients == ["ann@example.org"]
    assert ".\n..\nQUIT\n.\n" in mailbox.texts()[0].replace("\r\n", "\n")


@pytest.mark.parametrize("address", ["", "nobody", "a b@example.org", "a@b\r\nRCPT TO:<x@example.org>", "<a@b>, <c@d>"])
async def test_an_address_that_is_none_is_refused(office: PostOffice, mailbox: Mailbox, address: str) -> None:
    """It is said, and nothing reaches the server."""
    receipt = await office.send(update(destinations=(Destination(channel="mail", to=(address,)),)))
    assert outcomes(receipt) == [("mail", address, FAILED)]
    assert mailbox.attempts == 0


async def test_a_broken_template_stops_an_update_but_never_a_page(
    office: PostOffice, mailbox: Mailbox, tmp_path: Path
) -> None:
    """An update is refused with file and line; a page goes out in plain words that say what is broken."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "update.internal.txt").write_text("Subject: x\n\n{{ text }}\n{{ nowhere }}\n")
    (folder / "page.txt").write_text("Subject: {{ title \n")
    with pytest.raises(ApplicationError, match=r"update\.internal\.txt:4: .*nowhere") as refused:
        await office.send(update())
    assert refused.value.non_retryable
    receipt = await office.send(page("ann"))
    assert outcomes(receipt)[0] == ("mail", "ann", DELIVERED)
    assert mailbox.mails[0]["Subject"] == f"page: Checkout fails ({INCIDENT})"
    assert "page.txt:1:" in mailbox.texts()[0]
    assert "the service's on-call" in mailbox.texts()[0]


async def test_two_calls_at_once_deliver_once(office: PostOffice, mailbox: Mailbox) -> None:
    """A retry that overtakes its first attempt finds the claim and does not send."""
    receipts = await asyncio.gather(office.send(update()), office.send(update()))
    assert sorted(mailbox.recipients) == ["all@example.org", "ops@example.org"]
    mail: list[Delivery] = [each for receipt in receipts for each in receipt.deliveries if each.channel == "mail"]
    assert DELIVERED in {each.status for each in mail}
