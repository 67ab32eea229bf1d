"""A real SMTP server in a thread, which keeps what it was given and can be told to misbehave."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.ports import a_free_port


class Mailbox:
    """`mails` in the order in which they were accepted; `attempts` counts recipients that were offered.

    `cut` names the command at which the connection is cut (`RCPT`, or `DATA`: after the body, before the answer);
    `answers` may map a recipient to the reply that it gets; `login` is the only pair that is let in.
    """

    def __init__(self, port: int | None = None, login: tuple[str, str] | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.attempts = 0
        self.cut: str | None = None
        self.answers: dict[str, str] = {}
        self.on_recipient: Callable[[str], None] = lambda _: None
        self.on_mail: Callable[[EmailMessage], None] = lambda _: None
        self.port = port or a_free_port()
        self._login = login
        self._controller: Controller | None = None

    def open(self) -> None:
        """Listen; again after `close`, on the same port and with the mails of before."""
        # A name of its own, or each connection asks the resolver for one; and its five seconds to start are short on a
        # busy machine.
        options: dict[str, Any] = {"server_hostname": "mail.test", "ready_timeout": 30}
        if self._login:
            options |= {"auth_require_tls": False, "authenticator": self._authenticate}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()

    def close(self) -> None:
        """Listen no more: connections are refused."""
        if self._controller is not None:
            self._controller.stop()
        self._controller = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def texts(self) -> list[str]:
        """The texts of the accepted mails."""
        return [mail.get_content().replace("\r\n", "\n") for mail in self.mails]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, refuse it, or hang up."""
        del options
        if self._login and not session.authenticated:
            return "530 5.7.0 log in first"
        self.attempts += 1
        self.on_recipient(address)
        if self.cut == "RCPT":
            server.transport.abort()
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail; with `cut`, keep it and hang up before saying so: the sender cannot know."""
        del session
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients += envelope.rcpt_tos
        self.on_mail(mail)
        if self.cut == "DATA":
            server.transport.abort()
        return "250 kept"

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        pair = (given.login.decode(), given.password.decode())
        if pair == self._login:
            return AuthResult(success=True)
        # A server that repeats what it was given, as some do: none of it may get into our errors.
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 no such login: {pair}")
