"""Mail through an SMTP server. Built by `activities/clients/channels.py`, used by `activities/messages.py`.

The one thing to know: a mail server does not recognise our key. Until its answer to DATA (354) nothing has been sent
and a failure may be repeated; from then on a lost connection leaves a doubt that no retry may resolve.
"""

import asyncio
import hashlib
import re
import ssl
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from http import HTTPStatus

import aiosmtplib

from activities.clients.invitations import calendar_of, method_of
from activities.ports import Begin, OutgoingMessage, SecretResolver
from domain.configuration import SmtpChannel
from domain.errors import Rejected, Transient, UnknownOutcome
from domain.message import Invitation

# Of the 60 s that one round over all channels has (workflows/options.py), the ledger may take 12: 25 to hand the
# envelope over, 20 for the server to take the body.
_ENVELOPE_SECONDS = 25.0
_BODY_SECONDS = 20.0
_COMMAND_SECONDS = 10.0
# Postfix takes 50 connections from one client by default; a page to a whole company stays well below that.
_CONNECTIONS = 8
_START_INPUT = 354
_ACCEPTED = 250
_QUOTE_CHARACTERS = 200


class SmtpSender:
    """One configured mail server."""

    honours_key = False

    def __init__(self, channel: SmtpChannel, secrets: SecretResolver) -> None:
        self._channel = channel
        self._secrets = secrets
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._place = f"mail server {channel.host}:{channel.port}"

    async def send(self, message: OutgoingMessage, begin: Begin | None = None) -> str:
        """Hand one mail over. Transient until the server has begun to take it, UnknownOutcome after that."""
        mail = compose(message, self._channel.sender)
        content = _on_the_wire(mail)
        password = self._secrets.resolve(self._channel.password) if self._channel.password else None
        async with self._slots:
            client = aiosmtplib.SMTP(
                hostname=self._channel.host,
                port=self._channel.port,
                use_tls=self._channel.encryption == "tls",
                start_tls=self._channel.encryption == "starttls",
                timeout=_COMMAND_SECONDS,
            )
            try:
                await self._hand_over_envelope(client, mail, password, begin)
                said = await self._hand_over_body(client, content)
            finally:
                await _hang_up(client)
        return f"accepted by {self._channel.host}: {_quote(said)}"

    async def _hand_over_envelope(
        self, client: aiosmtplib.SMTP, mail: EmailMessage, password: str | None, begin: Begin | None
    ) -> None:
        """Everything up to the server's 354; whatever fails here, nothing has been sent."""
        sender, recipient = parseaddr(mail["From"])[1], parseaddr(mail["To"])[1]
        try:
            async with asyncio.timeout(_ENVELOPE_SECONDS):
                await client.connect()
                if self._channel.username is not None:
                    await client.login(self._channel.username, password or "")
                options = [] if (sender + recipient).isascii() else ["SMTPUTF8"]
                encoding = "utf-8" if options else "ascii"
                await client.mail(sender, options=options, encoding=encoding)
                await client.rcpt(recipient, encoding=encoding)
                if begin is not None:
                    # The last moment at which it is cheap to stop: the envelope is in place, no word has been sent.
                    await begin()
                answer = await client.execute_command(b"DATA")
        except aiosmtplib.SMTPAuthenticationError as error:
            # The server's words are left out: some repeat what they were given.
            raise self._refusal(error.code, "refused the user name or password") from None
        except aiosmtplib.SMTPConnectResponseError as error:
            raise Transient(f"{self._place} does not want to talk now ({error.code})") from None
        except aiosmtplib.SMTPResponseException as error:
            raise self._refusal(error.code, _quote(error.message, password)) from None
        except aiosmtplib.SMTPNotSupported as error:
            raise Rejected(f"{self._place} lacks something needed: {_quote(error.message, password)}") from None
        except (aiosmtplib.SMTPException, TimeoutError, OSError, ssl.SSLError) as error:
            raise Transient(f"{self._place} is away: {_reason(error)}") from None
        if answer.code != _START_INPUT:
            raise self._refusal(answer.code, _quote(answer.message, password))

    async def _hand_over_body(self, client: aiosmtplib.SMTP, content: bytes) -> str:
        """The body and the server's word on it; without its word nobody knows."""
        doubt = f"{self._place} took the message and went away before it answered: it may have been delivered"
        protocol = client.protocol
        if protocol is None:
            raise Transient(f"{self._place} hung up before it was given the message")
        try:
            protocol.write(content)
            answer = await protocol.read_response(timeout=_BODY_SECONDS)
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as error:
            raise UnknownOutcome(f"{doubt} ({_reason(error)})") from None
        if answer.code != _ACCEPTED:
            raise self._refusal(answer.code, _quote(answer.message))
        return answer.message

    def _refusal(self, code: int, words: str) -> Transient | Rejected:
        sentence = f"{self._place}: {code} {words}"
        # RFC 5321 §4.2.1: 4yz may be tried again, 5yz may not.
        return Rejected(sentence) if code >= HTTPStatus.INTERNAL_SERVER_ERROR else Transient(sentence)


def compose(message: OutgoingMessage, sender: str) -> EmailMessage:
    """The mail itself; hostile text in a subject cannot add a header. Rejected for an address that is none."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = sender
    mail["To"] = _address(message.to)
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(message.sent_at)
    # The same for each attempt, so that a reader's mail program can fold a doubtful second copy into the first.
    digest = hashlib.sha256(message.key.encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{parseaddr(sender)[1].rpartition('@')[2] or 'hotwash.invalid'}>"
    # RFC 3834: keeps holiday replies from answering a machine.
    mail["Auto-Submitted"] = "auto-generated"
    if incident := message.payload.get("incident_id"):
        mail["X-Hotwash-Incident"] = _ascii(str(incident))
    mail["X-Hotwash-Key"] = _ascii(message.key)
    mail.set_content(_encodable(message.text), charset="utf-8", cte="quoted-printable")
    if message.html is not None:
        mail.add_alternative(_encodable(message.html), subtype="html", charset="utf-8", cte="quoted-printable")
    if message.invitation is not None:
        _add_invitation(mail, message, message.invitation)
    return mail


def _add_invitation(mail: EmailMessage, message: OutgoingMessage, invitation: Invitation) -> None:
    """As an alternative, which mail programs offer to accept, and as a file for those that do not."""
    content = calendar_of(
        invitation,
        organizer=parseaddr(mail["From"])[1],
        attendee=parseaddr(mail["To"])[1],
        description=_encodable(message.text),
        sent_at=message.sent_at,
    )
    method = method_of(invitation)
    mail.add_alternative(content, subtype="calendar", charset="utf-8", cte="base64", params={"method": method})
    mail.add_attachment(
        content.encode(), maintype="application", subtype="ics", filename="invite.ics", params={"method": method}
    )


def _address(to: str | None) -> Address:
    try:
        return Address(addr_spec=(to or "").strip())
    except Exception as error:
        # The standard library's parser raises ValueError, IndexError or its own HeaderParseError for hostile ones.
        raise Rejected(f"{to!r} is not a mail address") from error


def _on_the_wire(mail: EmailMessage) -> bytes:
    """RFC 5321 §4.5.2: CRLF line ends, a dot in front of each leading dot, a lone dot at the end."""
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", mail.as_bytes())
    content = re.sub(rb"(?m)^\.", b"..", content)
    return content + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _one_line(text: str) -> str:
    return " ".join(_encodable("".join(c if c.isprintable() else " " for c in text)).split())


def _ascii(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


def _encodable(text: str) -> str:
    # JSON may carry half a surrogate pair, which no mail can.
    return text.encode("utf-8", "replace").decode("utf-8")


def _reason(error: BaseException) -> str:
    # The type says enough, and the text of a library's error is not ours to vouch for.
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ConnectionRefusedError) or isinstance(error.__cause__, ConnectionRefusedError):
        return "connection refused"
    return "timed out" if isinstance(error, TimeoutError) else type(error).__name__


def _quote(words: str, password: str | None = None) -> str:
    text = " ".join(words.split())
    if password:
        text = text.replace(password, "***")
    return text[:_QUOTE_CHARACTERS]


async def _hang_up(client: aiosmtplib.SMTP) -> None:
    """Say good-bye; the mail's fate is decided already, so nothing that goes wrong here matters."""
    try:
        await client.quit(timeout=1)
    except (aiosmtplib.SMTPException, OSError):
        pass
    finally:
        client.close()
