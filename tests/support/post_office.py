"""Everything that a message passes on its way out, real but small: templates, channels, a ledger, `hotwash.yaml`."""

from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.clients.channels import ConfiguredChannels
from activities.clients.templates import TemplateRenderer
from activities.messages import MessageActivities
from domain.configuration import Channel, Configuration, Person, SmtpChannel, WebhookChannel
from domain.errors import Rejected, RejectionKind
from domain.message import Message, MessageReceipt, Template
from tests.support.ledger import Ledger
from tests.support.mailbox import Mailbox
from tests.support.receiver import Receiver

INCIDENT = "inc-20261122-k7qd"
# The specification's own example of a secret.
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "correct-horse-battery"


class Secrets:
    """References that resolve to known values."""

    def __init__(self) -> None:
        self.values = {"env:HOOK": SIGNING_SECRET, "env:MAIL": PASSWORD}

    def resolve(self, reference: str) -> str:
        """The value, or a refusal that names the reference."""
        if reference not in self.values:
            message = f"the secret {reference} is not set"
            raise Rejected(message, RejectionKind.NOT_FOUND)
        return self.values[reference]


class PostOffice:
    """`hotwash.yaml` with a mail server and a webhook as page channels, and three people."""

    def __init__(self, mailbox: Mailbox, receiver: Receiver, home: Path) -> None:
        self.ledger = Ledger()
        self.secrets = Secrets()
        self.home = home
        channels: dict[str, Channel] = {
            "mail": SmtpChannel(
                kind="smtp", host="127.0.0.1", port=mailbox.port, sender="Hotwash <hw@example.org>", encryption="none"
            ),
            "hook": WebhookChannel(kind="webhook", url=receiver.url, secret="env:HOOK"),
        }
        self.configuration = Configuration(
            organization="Example Shop",
            base_url="https://hotwash.example.org",
            people={
                "ann": Person(name="Ann", email="ann@example.org"),
                "bob": Person(name="Bob", email="bob@example.org"),
                "cyd": Person(name="Cyd"),
            },
            channels=channels,
            page_channels=("mail", "hook"),
        )
        self.channels = ConfiguredChannels(self, self.secrets)
        self.start_worker()

    def current(self) -> Configuration:
        """The office is its own ConfigurationSource."""
        return self.configuration

    def start_worker(self) -> None:
        """A new process: it knows nothing but what the ledger knows."""
        renderer = TemplateRenderer(self, self.home)
        self.activities = MessageActivities(renderer, self.channels, self.ledger, self)

    async def send(self, message: Message) -> MessageReceipt:
        """`messages.send` as the engine runs it."""
        return await ActivityEnvironment().run(self.activities.send, message)

    def change(self, **update: Any) -> None:
        """Edit `hotwash.yaml`."""
        self.configuration = self.configuration.model_copy(update=update)


def page(*people: str, key: str = "page/inc-20261122-k7qd/1/level-1", **context: Any) -> Message:
    """A page to some people."""
    about = {"id": INCIDENT, "title": "Checkout fails", "severity": "SEV-1"}
    return Message(
        key=key,
        template=Template.PAGE,
        context={"incident": about, "level": 1, "reason": "the service's on-call", **context},
        people=people,
        incident_id=INCIDENT,
    )
