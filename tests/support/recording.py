"""In-memory stand-ins for the activities through which workflows reach the store, people and the configuration.

Each is a small fake with the promise of the real thing: the record takes each entry once, the post delivers each key
once. Register their bound methods with the worker: `activities=[record.save, post.send]`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity

from activities.errors import translated
from domain.alike import AlikeIncident
from domain.errors import Rejected, RejectionKind, Transient
from domain.incident import IncidentContext
from domain.message import Delivery, DeliveryStatus, Message, MessageReceipt, Template
from domain.record import NumberedEntry, ProjectionKind, RecordBatch
from domain.timeline import Entry, EntryKind
from runbooks.schema import PinnedRunbook


class Record:
    """The store: entries once by (origin, number), pictures by rising version. `is_down` makes every save fail."""

    def __init__(self) -> None:
        self.batches: list[RecordBatch] = []
        self.is_down = False
        self.refused = 0
        self._seen: set[tuple[str, int]] = set()
        self._entries: list[NumberedEntry] = []
        self._pictures: dict[tuple[ProjectionKind, str], tuple[int, dict[str, Any]]] = {}

    @activity.defn(name="record.save")
    @translated
    async def save(self, batch: RecordBatch) -> None:
        """Save a batch, like the store does."""
        if self.is_down:
            self.refused += 1
            message = "the store is away"
            raise Transient(message)
        self.batches.append(batch)
        for numbered in batch.entries:
            if (batch.origin, numbered.number) not in self._seen:
                self._seen.add((batch.origin, numbered.number))
                self._entries.append(numbered)
        for picture in batch.projections:
            version, _ = self._pictures.get((picture.kind, picture.id), (-1, {}))
            if picture.version > version:
                self._pictures[(picture.kind, picture.id)] = (picture.version, picture.document)

    def timeline(self, incident_id: str | None = None, kind: EntryKind | None = None) -> list[Entry]:
        """The entries in the order in which they arrived, of one incident and of one kind if asked."""
        return [
            numbered.entry
            for numbered in self._entries
            if incident_id in {None, numbered.incident_id} and kind in {None, numbered.entry.kind}
        ]

    def sentences(self, incident_id: str | None = None, kind: EntryKind | None = None) -> list[str]:
        """The summaries of the timeline."""
        return [entry.summary for entry in self.timeline(incident_id, kind)]

    def document(self, kind: ProjectionKind, id_: str) -> dict[str, Any] | None:
        """The newest picture of a thing."""
        found = self._pictures.get((kind, id_))
        return found[1] if found else None

    def documents(self, kind: ProjectionKind) -> dict[str, dict[str, Any]]:
        """The newest pictures of all things of a kind, by id."""
        return {id_: document for (of, id_), (_, document) in self._pictures.items() if of is kind}


class Past:
    """Earlier incidents like a new one: `found` is the answer, `asked` the questions. `is_down` makes each fail."""

    def __init__(self) -> None:
        self.found: list[AlikeIncident] = []
        self.asked: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        self.is_down = False

    async def alike(
        self, incident_id: str, *, title: str = "", services: Sequence[str] = (), rules: Sequence[str] = ()
    ) -> list[AlikeIncident]:
        """Answer, and remember the question."""
        self.asked.append((incident_id, title, tuple(services), tuple(rules)))
        if self.is_down:
            message = "the store is away"
            raise Transient(message)
        return self.found


def delivered(message: Message) -> DeliveryStatus:  # noqa: ARG001 - the shape of Post.answer
    """The usual answer."""
    return DeliveryStatus.DELIVERED


class Post:
    """Messages to people: `messages` holds each delivered one once, in order; `calls` counts every attempt.

    Set `answer` to decide per message what becomes of it: `pending` is asked for again by the Courier.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.calls: list[Message] = []
        self.answer: Callable[[Message], DeliveryStatus] = delivered
        self._keys: set[str] = set()

    @activity.defn(name="messages.send")
    @translated
    async def send(self, message: Message) -> MessageReceipt:
        """Deliver to everybody named, once per key."""
        self.calls.append(message)
        status = self.answer(message)
        if status is DeliveryStatus.DELIVERED and message.key not in self._keys:
            self._keys.add(message.key)
            self.messages.append(message)
        addressees = [("mail", who) for who in message.people]
        addressees += [(d.channel, to) for d in message.destinations for to in (d.to or (d.channel,))]
        return MessageReceipt(
            subject=f"{message.template}",
            text=str(message.context),
            deliveries=tuple(Delivery(channel=channel, to=to, status=status) for channel, to in addressees),
        )

    def of(self, template: Template) -> list[Message]:
        """The delivered messages of one template."""
        return [message for message in self.messages if message.template is template]


class Directory:
    """`hotwash.yaml` as workflows ask for it."""

    def __init__(self, context: IncidentContext | None = None) -> None:
        self.context = context or IncidentContext()
        self.requests: list[dict[str, Any]] = []

    @activity.defn(name="directory.incident_context")
    @translated
    async def incident_context(self, request: dict[str, Any]) -> IncidentContext:
        """The same context for every request, which is kept for looking at."""
        self.requests.append(request)
        return self.context


class Runbooks:
    """The catalogue: the pinned runbooks it was given, by name."""

    def __init__(self, *pinned: PinnedRunbook) -> None:
        self._pinned = {each.reference.name: each for each in pinned}

    @activity.defn(name="runbooks.pin")
    @translated
    async def pin(self, request: dict[str, Any]) -> PinnedRunbook:
        """The runbook of that name; Rejected when there is none."""
        name = request["name"]
        if name not in self._pinned:
            message = f"there is no runbook {name!r}"
            raise Rejected(message, RejectionKind.NOT_FOUND)
        return self._pinned[name]


class Drills:
    """Running game days: the one drill it was given, or none."""

    def __init__(self, drill: dict[str, Any] | None = None) -> None:
        self.drill = drill
        self.requests: list[dict[str, Any]] = []

    @activity.defn(name="drills.find")
    @translated
    async def find(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The drill that would explain these labels."""
        self.requests.append(request)
        return self.drill
