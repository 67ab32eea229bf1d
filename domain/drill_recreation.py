"""Which fault recreates the failure of an incident: found in what is written about it, with the reason. Pure.

Called by `domain/drill_proposal.py`. The one thing to know: it reads words, and words mislead; so every choice says
what it rests on, a person reads it before anything is held, and where nothing fits it says so instead of guessing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from domain.drill_targets import DrillTarget
from domain.model import Model
from domain.severity import IncidentType


class Source(StrEnum):
    """What a choice rests on, the most trusted first."""

    # Somebody asked for this very fault.
    ASKED = "asked"
    # A contributing factor of the review.
    FACTOR = "factor"
    ALERT = "alert"
    # Title and summary, which were written before anybody knew.
    INCIDENT = "incident"
    # Only the type of the incident.
    TYPE = "type"


class Said(NamedTuple):
    """Something that is written about the incident."""

    source: Source
    text: str


class FaultKind(NamedTuple):
    """A fault of the house, the words that point to it, and what it reads of its target."""

    action: str
    words: str
    # Parameter of the action → key of the target's `with`.
    reads: Mapping[str, str]
    # Parameters that are the same everywhere.
    fixed: Mapping[str, str | int] = {}
    # Parameters that nobody can know from here.
    asks: Mapping[str, str] = {}


# The most particular first: "connection pool exhausted on the primary" is about the pool.
KINDS: tuple[FaultKind, ...] = (
    FaultKind("certificate.expire", r"certificates?|tls handshake|x509", {"certificate": "certificate"}),
    FaultKind("dns.fail", r"dns|name resolution|resolver|nxdomain", {"resolver": "resolver"}),
    FaultKind("clock.shift", r"clock|ntp|time skew", {"clock": "clock"}, {"shift_seconds": 3600}),
    FaultKind("disk.fill", r"disks?|file ?systems?|enospc|no space left", {"disk": "disk"}),
    FaultKind(
        "postgres.exhaust_connections",
        r"connection pool|pool exhausted|max_connections|too many (?:connections|clients)|connections? exhaust\w*",
        {"cluster": "cluster"},
    ),
    FaultKind(
        "postgres.lock",
        r"dead ?locks?|lock (?:wait|timeout)s?|locked tables?|table locks?|waiting for (?:a )?locks?",
        {"cluster": "cluster"},
        asks={"table": "The table that is locked; the cluster has to allow it in hotwash.yaml"},
    ),
    FaultKind("postgres.slow_query", r"slow quer(?:y|ies)|long.running quer(?:y|ies)", {"cluster": "cluster"}),
    FaultKind("postgres.cut_replication", r"replication|replicas?|standbys?", {"cluster": "cluster"}),
    FaultKind(
        "postgres.kill_primary",
        r"fail ?over|postgres(?:ql)?down"
        r"|(?:database|postgres(?:ql)?|db|primary)(?: primary)? (?:\w+ )?(?:died|dies|down|crash\w*|lost|gone)",
        {"cluster": "cluster"},
    ),
    FaultKind("redis.pause", r"redis|cache (?:stampede|server|down|gone|lost)", {"target": "redis"}),
    FaultKind(
        "haproxy.server_down",
        r"haproxy|load.?balancer|backend (?:server )?down",
        {"target": "haproxy", "backend": "backend", "server": "server"},
    ),
    FaultKind(
        "process.memory",
        r"out of memory|oom(?:.?kill\w*)?|memory (?:leak|pressure|exhaust\w*)",
        {"process": "process"},
    ),
    FaultKind("process.cpu", r"cpu|processors?|throttl\w+", {"process": "process"}),
    FaultKind(
        "dependency.outage",
        r"upstream|third.part(?:y|ies)|vendor|provider|dependenc(?:y|ies)",
        {"proxy": "proxy"},
    ),
    FaultKind(
        "network.delay",
        r"jitter|network (?:latency|delays?|slowness)|slow network",
        {"network": "network"},
        {"latency": "200ms"},
    ),
    FaultKind("network.drop", r"packet loss|packets?|network partition|unreachable|no route", {"network": "network"}),
    FaultKind(
        "http.latency",
        r"latency|slow(?:ly|ness|er)?|time ?outs?|timed out",
        {"proxy": "proxy"},
        {"latency": "2s"},
    ),
    FaultKind("http.error", r"5xx|50[0234]|error rates?|http errors?|internal server errors?", {"proxy": "proxy"}),
    FaultKind(
        "process.kill",
        r"process(?:es)?|crash\w*|seg(?:mentation )?fault|panic\w*|killed|died|dies|exited|instances? down|\w+down",
        {"process": "process"},
    ),
)
_PATTERNS = {kind.action: re.compile(rf"(?<![a-z0-9])(?:{kind.words})(?![a-z0-9])") for kind in KINDS}
_BY_ACTION = {kind.action: kind for kind in KINDS}
# Where only the type is known.
_BY_TYPE: Mapping[IncidentType, str] = {
    IncidentType.OUTAGE: "process.kill",
    IncidentType.PERFORMANCE: "http.latency",
    IncidentType.THIRD_PARTY: "dependency.outage",
}
# What no fault recreates, and what a team does instead.
_NO_FAULT: Mapping[IncidentType, str] = {
    IncidentType.DEPLOYMENT: (
        "a bad release is recreated by releasing one: rehearse the rollback (`hotwash runbook rehearse`), and propose "
        "a drill for what the release broke with `--fault`"
    ),
    IncidentType.DATA: "damaged data is not made on purpose: restore a backup as an exercise, or hold a tabletop",
    IncidentType.SECURITY: "a breach is not made on purpose: hold a tabletop",
    IncidentType.ENVIRONMENTAL: "no power, heat or water is made on purpose: hold a tabletop",
    IncidentType.INFRASTRUCTURE: (
        "write a contributing factor that says what of the infrastructure failed (a disk, the network, DNS, a "
        "certificate, a process), or name a fault with `--fault`"
    ),
}


class Recreation(Model):
    """The fault that recreates the failure, and why this one."""

    action: str
    source: Source
    # A sentence.
    because: str
    # Parameter → key of the target's `with`.
    reads: dict[str, str]
    fixed: dict[str, str | int] = Field(default_factory=dict)
    asks: dict[str, str] = Field(default_factory=dict)


class Candidate(NamedTuple):
    """A target, and which of what a fault reads it does not say."""

    name: str
    missing: tuple[str, ...]


def recreate(
    said: Sequence[Said], type_: IncidentType, targets: Mapping[str, DrillTarget], *, asked: str | None = None
) -> Recreation | str:
    """The fault that fits what is written and, among those, one that a target can bear; else why there is none."""
    if asked is not None:
        if asked not in _BY_ACTION:
            known = ", ".join(sorted(_BY_ACTION))
            return f"no drill is proposed with {asked!r}; there are {known}"
        return _chosen(_BY_ACTION[asked], Source.ASKED, "it was asked for")
    found = list(_found(said))
    if type_ in _BY_TYPE:
        because = f"nothing says what failed, and this is what breaks a service whose incident is of type {type_.value}"
        found.append(_chosen(_BY_ACTION[_BY_TYPE[type_]], Source.TYPE, because))
    for each in found:
        if any(not candidate.missing for candidate in candidates(each, targets)):
            return each
    if found:
        return found[0]
    return f"nothing that is written says which fault would recreate it; {_NO_FAULT[type_]}"


def candidates(recreation: Recreation, targets: Mapping[str, DrillTarget]) -> list[Candidate]:
    """The targets, those that say most of what the fault reads first."""
    found = [
        Candidate(name, tuple(key for key in recreation.reads.values() if key not in target.with_))
        for name, target in targets.items()
    ]
    return sorted(found, key=lambda each: (len(each.missing), each.name))


def _found(said: Iterable[Said]) -> Iterable[Recreation]:
    for source in (Source.FACTOR, Source.ALERT, Source.INCIDENT):
        texts = [each.text for each in said if each.source is source]
        for kind in KINDS:
            for text in texts:
                word = _PATTERNS[kind.action].search(text.lower())
                if word is not None:
                    yield _chosen(kind, source, _WORDS[source](_short(text), word[0]))


_WORDS: Mapping[Source, Callable[[str, str], str]] = {
    Source.FACTOR: lambda text, word: f"a contributing factor says {word!r}: {text}",
    Source.ALERT: lambda text, word: f"an alert says {word!r}: {text}",
    Source.INCIDENT: lambda text, word: f"the incident says {word!r}: {text}",
}


def _chosen(kind: FaultKind, source: Source, because: str) -> Recreation:
    return Recreation(
        action=kind.action, source=source, because=because, reads=dict(kind.reads), fixed=dict(kind.fixed),
        asks=dict(kind.asks),
    )  # fmt: skip


def _short(text: str) -> str:
    line = " ".join(text.split())
    # A line of the file's head.
    return line if len(line) <= 80 else f"{line[:79]}…"  # noqa: PLR2004 - said above
