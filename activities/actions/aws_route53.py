"""`aws.route53.set_weight` and `aws.route53.fail_over`: move traffic by DNS.

The one thing to know: a change is done when all of Route 53's servers answer with it (INSYNC, about a minute); clients
follow when the TTL of what they have runs out.
"""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.aws import AwsParameters, OnAws
from activities.transition import Moved
from domain.errors import Rejected, RejectionKind, Transient
from domain.model import Model

Weight = Annotated[int, Field(ge=0, le=255)]
_SHOWN_OF_A_COMMENT = 256
# All that a record answers with, and the health check that watches over it.
_ANSWER = ("TTL", "ResourceRecords", "AliasTarget", "HealthCheckId")


class RecordParameters(AwsParameters):
    """Which records."""

    # The hosted zone's id, without `/hostedzone/`.
    zone: str = Field(pattern=r"^[A-Z0-9]{1,32}$")
    name: str
    type: Literal["A", "AAAA", "CNAME"] = "A"

    @property
    def resource(self) -> str:
        """As `resources` of the target name it: `route53/ZONE/NAME` (no dot at the end)."""
        return f"route53/{self.zone}/{_plain(self.name)}"


class WeightParameters(RecordParameters):
    """Which of the records of one name get how much."""

    # Set identifier to weight. Records that are not named keep theirs.
    weights: dict[str, Weight] = Field(min_length=1)


class FailOverParameters(RecordParameters):
    """Which answer is to be the primary one."""

    # The address or alias name that the secondary record answers with now.
    primary: str


class RecordWeights(Model):
    """The weight of each record, by set identifier."""

    weights: dict[str, int]


class FailoverPair(Model):
    """What each of the two records answers with."""

    primary: str
    secondary: str


P = TypeVar("P", bound=RecordParameters)
S = TypeVar("S", bound=Model)


class _OnRecords(OnAws[P, S], Generic[P, S]):
    """One change batch for all records of a name: Route 53 does all of it or nothing."""

    service = "route53"

    @abstractmethod
    def routed(self, record: dict[str, Any]) -> bool:
        """Whether the record is one of those that share the traffic."""

    @abstractmethod
    def changed(self, records: list[dict[str, Any]], change: Moved[S]) -> list[dict[str, Any]]:
        """The records as they are to be, whole; those that stay as they are may be left out."""

    @override
    async def move(self, parameters: P, call: Call, change: Moved[S]) -> None:
        records = self.changed(await self._records(parameters, call), change)
        await self._in_sync(parameters, call, await self._write(parameters, call, records))

    @override
    async def resume(self, parameters: P, call: Call, change: Moved[S]) -> None:
        """Wait for the change of an attempt whose worker died before Route 53 was in sync."""
        if change.previous == change.current:
            return
        change_id = await self._noted(call.key)
        if change_id is None:
            # Its answer was lost. The same records written once more change nothing, and their change is in sync no
            # earlier than the first.
            records = [one for one in await self._records(parameters, call) if self.routed(one)]
            change_id = await self._write(parameters, call, records)
        await self._in_sync(parameters, call, change_id)

    @override
    async def pending(self, parameters: P, call: Call, change: Moved[S]) -> str | None:
        """Half a sentence from the change that was noted; without a note what the records say counts."""
        change_id = await self._noted(call.key)
        return None if change_id is None else await self._on_its_way(parameters, call, change_id)

    async def _write(self, parameters: P, call: Call, records: list[dict[str, Any]]) -> str:
        """The id of the change, noted in the ledger."""
        batch = {
            "Comment": f"hotwash {call.key}"[:_SHOWN_OF_A_COMMENT],
            "Changes": [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records],
        }
        done = await self.door.tell(
            parameters,
            call,
            parameters.resource,
            "ChangeResourceRecordSets",
            HostedZoneId=parameters.zone,
            ChangeBatch=batch,
        )
        change_id = str(done["ChangeInfo"]["Id"])
        await self.plans.remember(_note(call.key), {"change_id": change_id})
        return change_id

    async def _noted(self, key: str) -> str | None:
        try:
            note = await self.plans.recall(_note(key))
        except Transient:
            return None
        return None if note is None else note["change_id"]

    async def _in_sync(self, parameters: P, call: Call, change_id: str) -> None:
        async def look() -> str | None:
            return await self._on_its_way(parameters, call, change_id)

        await self.until_there(call, look, self.called(parameters))

    async def _on_its_way(self, parameters: P, call: Call, change_id: str) -> str | None:
        status = (await self.door.ask(parameters, call, "GetChange", Id=change_id))["ChangeInfo"]["Status"]
        return None if status == "INSYNC" else f"the change is {status}"

    @override
    def called(self, parameters: P) -> str:
        return f"{parameters.type} {_plain(parameters.name)}"

    async def _records(self, parameters: P, call: Call) -> list[dict[str, Any]]:
        """All records of that name and type."""
        records: list[dict[str, Any]] = []
        more: dict[str, Any] = {"StartRecordName": parameters.name, "StartRecordType": parameters.type}
        while True:
            page = await self.door.ask(parameters, call, "ListResourceRecordSets", HostedZoneId=parameters.zone, **more)
            found = [one for one in page["ResourceRecordSets"] if _is_of(one, parameters)]
            records += found
            # Records are listed in order: a page that ends with another name has shown all of ours.
            if not page.get("IsTruncated") or len(found) < len(page["ResourceRecordSets"]):
                return records
            more = {
                "StartRecordName": page["NextRecordName"],
                "StartRecordType": page["NextRecordType"],
                "StartRecordIdentifier": page.get("NextRecordIdentifier"),
            }


class Route53SetWeight(_OnRecords[WeightParameters, RecordWeights]):
    """Weights of weighted records."""

    name = "aws.route53.set_weight"
    summary = "Set the weights of a name's weighted records in one change, and wait until Route 53 is in sync."
    parameters_model = WeightParameters
    result_model = Moved[RecordWeights]
    example: ClassVar = {
        "target": "shop-eu",
        "zone": "Z08154711EXAMPLE",
        "name": "shop.example",
        "weights": {"eu": 0, "us": 100},
    }

    @override
    async def look(self, parameters: WeightParameters, call: Call) -> RecordWeights:
        records = await self._records(parameters, call)
        return RecordWeights(weights={one["SetIdentifier"]: one["Weight"] for one in records if "Weight" in one})

    @override
    async def wanted(self, parameters: WeightParameters, call: Call, now: RecordWeights) -> RecordWeights:
        missing = sorted(set(parameters.weights) - set(now.weights))
        if missing:
            raise Rejected(f"{self.called(parameters)} has no weighted record {missing[0]!r}", RejectionKind.NOT_FOUND)
        weights = now.weights | parameters.weights
        if not any(weights.values()):
            raise Rejected(
                f"all weights of {self.called(parameters)} would be 0; Route 53 would then send traffic to all of them"
            )
        return RecordWeights(weights=weights)

    @override
    def changed(self, records: list[dict[str, Any]], change: Moved[RecordWeights]) -> list[dict[str, Any]]:
        before, after = change.previous.weights, change.current.weights
        return [
            {**one, "Weight": after[one["SetIdentifier"]]}
            for one in records
            if after.get(one.get("SetIdentifier", "")) != before.get(one.get("SetIdentifier", ""))
        ]

    @override
    def routed(self, record: dict[str, Any]) -> bool:
        return "Weight" in record

    @override
    def shown(self, state: RecordWeights) -> str:
        return ", ".join(f"{name} {weight}" for name, weight in sorted(state.weights.items()))


class Route53FailOver(_OnRecords[FailOverParameters, FailoverPair]):
    """The two records of a failover pair answer with each other's addresses; health checks go along."""

    name = "aws.route53.fail_over"
    summary = "Let the primary and the secondary record of a failover pair change places, and wait until in sync."
    parameters_model = FailOverParameters
    result_model = Moved[FailoverPair]
    example: ClassVar = {
        "target": "shop-eu",
        "zone": "Z08154711EXAMPLE",
        "name": "shop.example",
        "primary": "198.51.100.7",
    }

    @override
    async def look(self, parameters: FailOverParameters, call: Call) -> FailoverPair:
        pair = _pair(await self._records(parameters, call))
        if set(pair) != {"PRIMARY", "SECONDARY"}:
            raise Rejected(f"{self.called(parameters)} is no pair of failover records", RejectionKind.NOT_FOUND)
        return FailoverPair(primary=_answer(pair["PRIMARY"]), secondary=_answer(pair["SECONDARY"]))

    @override
    async def wanted(self, parameters: FailOverParameters, call: Call, now: FailoverPair) -> FailoverPair:
        if parameters.primary == now.primary:
            return now
        if parameters.primary != now.secondary:
            raise Rejected(
                f"{self.called(parameters)} answers with {now.primary}, else {now.secondary}; "
                f"{parameters.primary} is neither",
                RejectionKind.CONFLICT,
            )
        return FailoverPair(primary=now.secondary, secondary=now.primary)

    @override
    def routed(self, record: dict[str, Any]) -> bool:
        return "Failover" in record

    @override
    def changed(self, records: list[dict[str, Any]], change: Moved[FailoverPair]) -> list[dict[str, Any]]:
        pair = _pair(records)
        # Their identifiers and roles stay: a batch that changed roles would hold two primaries in between.
        return [_with_answer_of(pair[role], pair[other]) for role, other in _ROLES]


_ROLES = (("PRIMARY", "SECONDARY"), ("SECONDARY", "PRIMARY"))


def _pair(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["Failover"]: one for one in records if "Failover" in one}


def _with_answer_of(record: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in record.items() if name not in _ANSWER}
    return kept | {name: other[name] for name in _ANSWER if name in other}


def _answer(record: dict[str, Any]) -> str:
    if "AliasTarget" in record:
        return _plain(record["AliasTarget"]["DNSName"])
    return ",".join(sorted(one["Value"] for one in record.get("ResourceRecords", [])))


def _is_of(record: dict[str, Any], parameters: RecordParameters) -> bool:
    return _plain(record["Name"]) == _plain(parameters.name) and record["Type"] == parameters.type


def _note(key: str) -> str:
    return f"{key}/change"


def _plain(name: str) -> str:
    # Route 53 answers with a dot at the end, in small letters, and with a star as an escape.
    return name.rstrip(".").lower().replace("\\052", "*")
