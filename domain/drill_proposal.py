"""An incident becomes a drill: a game day that recreates its failure and demands what went wrong the last time. Pure.

Called by `api/drill_proposals.py`; `runbooks/drill_proposals.py` writes it as a file. The one thing to know: what is
not known is a parameter without a default, so the proposal is a whole game day that cannot be held before a person has
filled in its blanks, and each blank is said.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from domain.drill_recreation import Recreation, Said, Source, candidates, recreate
from domain.drill_targets import DrillTarget, GameDayPolicy, problem
from domain.durations import format_duration
from domain.game_day import Expectation
from domain.ids import drill_of_incident
from domain.model import Model
from domain.policy import Audience, Policy
from domain.severity import IncidentType, Severity

# A drill in which nobody notices anything for longer than this has shown what it can: it is the pace of one level of
# pages (PagerDuty's guide: 5 minutes).
DETECT_WITHIN = timedelta(minutes=5)
# A person needs some time; and a drill of more than half an hour keeps its target broken for longer than people bear.
SHORTEST_MITIGATION = timedelta(minutes=2)
LONGEST_MITIGATION = timedelta(minutes=30)
# Between the mitigation and the probes that see it.
RECOVERY_ROOM = timedelta(minutes=1)
# Labels that name one machine or one moment; a drill happens on another one.
_PASSING = frozenset({"instance", "pod", "container", "node", "host", "hostname", "replica", "uid", "endpoint", "ip"})
_ENVIRONMENTS = frozenset({"environment", "env", "stage"})
# Where a target says how its health is asked about, the best first.
_HEALTH = ("health_url", "url")
_MOST_TEXT = 4000
# Faults that end by themselves only where a supervisor restarts what they killed, and the key that says how else.
_NEED_RESTART = frozenset({"process.kill"})
_RELEASE = "release_target"


class IncidentFacts(Model):
    """What is known of an incident that was reviewed."""

    id: str
    title: str
    summary: str = ""
    type: IncidentType
    severity: Severity
    services: tuple[str, ...] = ()
    impact_started_at: datetime | None = None
    detected_at: datetime | None = None
    declared_at: datetime
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    # The labels and the titles of its alerts.
    alerts: tuple[dict[str, str], ...] = ()
    alert_titles: tuple[str, ...] = ()
    # Contributing factors, and what hindered.
    factors: tuple[str, ...] = ()
    # When people inside first heard, and whether an update was ever late.
    first_internal_at: datetime | None = None
    update_was_missed: bool = False
    # Runbooks that ran to a good end, in their order.
    runbooks: tuple[str, ...] = ()
    # Who answers for the drill: the review's owner, else the commander.
    owner: str
    # Who gets its report.
    audience: tuple[str, ...] = ()


class House(Model):
    """What of `hotwash.yaml` a proposal needs."""

    targets: dict[str, DrillTarget] = Field(default_factory=dict)
    game_day_policy: GameDayPolicy = GameDayPolicy()
    policy: Policy = Policy()


class Demand(Model):
    """One expectation, and why it is demanded."""

    expect: Expectation
    within: timedelta
    because: str
    # It went wrong the last time.
    went_wrong: bool = False


class Blank(Model):
    """Something that a person has to fill in."""

    # The parameter of the game day; empty: something else.
    parameter: str = ""
    sentence: str


class DrillProposal(Model):
    """A game day in the making."""

    incident_id: str
    name: str
    fault: Recreation
    target: str | None
    demands: tuple[Demand, ...]
    blanks: tuple[Blank, ...]
    # What a reader should know besides.
    notes: tuple[str, ...] = ()
    # As its file says it, and as `game_days` of hotwash.yaml schedules it.
    document: dict[str, Any]
    schedule: dict[str, Any]


def propose(facts: IncidentFacts, house: House, *, asked: str | None = None) -> DrillProposal | str:
    """The game day that recreates an incident; a sentence where nothing says how."""
    mine = {name: target for name, target in house.targets.items() if target.service in facts.services}
    able = {name: each for name, each in mine.items() if problem(name, mine, house.game_day_policy, None) is None}
    fault = recreate(_said(facts), facts.type, able, asked=asked)
    if isinstance(fault, str):
        return fault
    return _Writer(facts, house, fault, mine, able).proposal()


def demands(facts: IncidentFacts, policy: Policy) -> tuple[Demand, ...]:
    """What must go better, or at least as well, the next time."""
    found = [_detect(facts)]
    rule = policy.of(facts.severity)
    if rule.acknowledge_within is not None and not rule.page_in_working_hours:
        found.append(_acknowledge(facts, rule.acknowledge_within))
    mitigate = _mitigate(facts)
    found.append(mitigate)
    cadence = rule.cadence.get(Audience.INTERNAL)
    if cadence is not None and (late := _communicate(facts, cadence.first)) is not None:
        found.append(late)
    recover = Demand(
        expect=Expectation.RECOVER, within=mitigate.within + RECOVERY_ROOM,
        because="the response itself puts the service right",
    )  # fmt: skip
    return (*found, recover)


def schedule_of(policy: GameDayPolicy) -> str:
    """How often, so that the last pass is never stale: at ten, in the calendar's time zone."""
    if policy.fresh_for >= timedelta(days=31):
        return "0 10 1 * *"
    # The longest gap between the 1st and the 15th is 17 days.
    return "0 10 1,15 * *" if policy.fresh_for >= timedelta(days=17) else "0 10 * * 2"


def match_of(alerts: Sequence[Mapping[str, str]], environment: str | None) -> dict[str, str]:
    """The labels that all alerts of the incident shared and the drill's alerts will carry, too."""
    if not alerts:
        return {}
    shared = set(alerts[0].items()).intersection(*(each.items() for each in alerts[1:]))
    kept = {name: value for name, value in sorted(shared) if name.lower() not in _PASSING}
    if environment is not None:
        # What was production's alert is the environment's of the target this time.
        kept |= {name: environment for name in kept if name.lower() in _ENVIRONMENTS}
    return kept


class _Writer:
    """Puts one proposal together, noting blanks on the way."""

    def __init__(
        self,
        facts: IncidentFacts,
        house: House,
        fault: Recreation,
        mine: Mapping[str, DrillTarget],
        able: Mapping[str, DrillTarget],
    ) -> None:
        self._facts = facts
        self._house = house
        self._fault = fault
        self._mine = mine
        self._able = able
        self._parameters: dict[str, Any] = {}
        self._blanks: list[Blank] = []

    def proposal(self) -> DrillProposal:
        facts = self._facts
        name = drill_of_incident(facts.id)
        demanded = demands(facts, self._house.policy)
        target = self._target()
        document = self._document(name, target, demanded)
        parameters = {each.parameter: f"FILL IN: {each.sentence}" for each in self._blanks if each.parameter}
        schedule: dict[str, Any] = {"cron": schedule_of(self._house.game_day_policy)}
        if facts.audience:
            schedule["audience"] = list(facts.audience)
        return DrillProposal(
            incident_id=facts.id,
            name=name,
            fault=self._fault,
            target=target,
            demands=demanded,
            blanks=tuple(self._blanks),
            notes=tuple(self._notes()),
            document=document,
            schedule={name: schedule | ({"parameters": parameters} if parameters else {})},
        )

    def _document(self, name: str, target: str | None, demanded: Sequence[Demand]) -> dict[str, Any]:
        facts, chosen = self._facts, self._able.get(target or "")
        lasts = max(each.within for each in demanded) + RECOVERY_ROOM
        fault = self._written_fault(chosen, lasts)
        probe = self._probe(chosen)
        match = match_of(facts.alerts, chosen.environment if chosen else None)
        if not match:
            match = {"drillable": "yes"}
            self._blank(
                "", f"{facts.id} had no alert: say in `match` which labels the alert of this failure will carry"
            )
        head = {
            "schema_version": 1,
            "name": name,
            "title": _plain(f"Again: {facts.title}"),
            "owner": facts.owner,
            "hypothesis": _plain(self._hypothesis(demanded)),
            **({"service": facts.services[0]} if len(facts.services) == 1 else {}),
        }
        return {
            **head,
            **({"parameters": self._parameters} if self._parameters else {}),
            "match": match,
            "targets": {"broken": {"names": [target if target is not None else "{{ params.target }}"]}},
            "steady_state": [probe],
            "faults": [fault],
            "expectations": [
                {"expect": each.expect.value, "within": format_duration(each.within)} for each in demanded
            ],
            "duration": format_duration(lasts + RECOVERY_ROOM),
        }

    def _target(self) -> str | None:
        """The one that says all that the fault reads, where nobody has to approve it if there is such a one."""
        fit = [each.name for each in candidates(self._fault, self._able) if not each.missing]
        guarded = self._house.game_day_policy.environments_needing_approval
        fit.sort(key=lambda name: self._able[name].environment in guarded)
        if fit:
            return fit[0]
        more = (_RELEASE,) if self._fault.action in _NEED_RESTART else ()
        keys = ", ".join(f"`{key}`" for key in (*self._fault.reads.values(), *more))
        if self._able:
            # A target of the service; what it does not say is asked for.
            name = candidates(self._fault, self._able)[0].name
            self._blank("", f"{name} says no {keys} under drill_targets.{name}.with, which {self._fault.action} reads")
            return name
        services = ", ".join(self._facts.services) or "the service"
        refused = [problem(name, self._mine, self._house.game_day_policy, None) for name in sorted(self._mine)]
        why = "; ".join(each for each in refused if each) or f"hotwash.yaml has no drill target of {services}"
        self._parameter("target", f"A drill target of {services} with {keys} in its `with`", why)
        return None

    def _written_fault(self, chosen: DrillTarget | None, lasts: timedelta) -> dict[str, Any]:
        recreation, given = self._fault, dict[str, Any](self._fault.fixed)
        for parameter, key in recreation.reads.items():
            if chosen is not None and key not in chosen.with_:
                self._parameter(key, f"What {recreation.action} is told as {parameter!r}", "no target says it")
                given[parameter] = f"{{{{ params.{key} }}}}"
            else:
                given[parameter] = f"{{{{ target.{key} }}}}"
        for parameter, description in recreation.asks.items():
            self._parameter(parameter, description, "the record does not say it")
            given[parameter] = f"{{{{ params.{parameter} }}}}"
        written: dict[str, Any] = {
            "id": "failure", "title": _plain(f"What failed in {self._facts.id}"), "action": recreation.action,
            "targets": "broken", "with": given, "duration": format_duration(lasts),
        }  # fmt: skip
        if recreation.action in _NEED_RESTART:
            written["undo"] = {"action": "release.restart", "with": {"target": self._restart(chosen)}}
        return written

    def _restart(self, chosen: DrillTarget | None) -> str:
        """What starts a process again that nothing else brings back."""
        if chosen is None or _RELEASE in chosen.with_:
            return f"{{{{ target.{_RELEASE} }}}}"
        self._parameter(_RELEASE, "A name of actions.releases, which starts the process again", "no target says it")
        return f"{{{{ params.{_RELEASE} }}}}"

    def _probe(self, chosen: DrillTarget | None) -> dict[str, Any]:
        known = next((key for key in _HEALTH if chosen is not None and key in chosen.with_), None)
        probe: dict[str, Any] = {"id": "well", "title": "The service is well", "action": "check.http"}
        if known is not None:
            return {**probe, "targets": "broken", "with": {"url": f"{{{{ target.{known} }}}}"}}
        self._parameter(
            "health_url", "A URL that answers 200 while the service is well", "no target says how its health is seen"
        )
        return {**probe, "with": {"url": "{{ params.health_url }}"}}

    def _hypothesis(self, demanded: Sequence[Demand]) -> str:
        facts = self._facts
        wrong = [each.expect.value for each in demanded if each.went_wrong]
        better = f" This time {' and '.join(wrong)} in time." if wrong else ""
        how = f" with {facts.runbooks[-1]}" if facts.runbooks else ""
        return f"What was learnt from {facts.id} holds: the same failure is noticed and mitigated{how}.{better}"

    def _notes(self) -> list[str]:
        facts, found = self._facts, []
        if facts.runbooks:
            found.append(f"mitigated then with the runbook {facts.runbooks[-1]}; see that it starts, or is suggested")
        if not facts.alerts:
            found.append("people noticed it before any alert: this drill fails until there is one")
        if self._fault.source in {Source.TYPE, Source.INCIDENT}:
            found.append("the choice of the fault rests on little; `--fault NAME` chooses another one")
        return found

    def _parameter(self, name: str, description: str, why: str) -> None:
        self._parameters[name] = {"description": description}
        self._blank(name, f"{description} ({why})")

    def _blank(self, parameter: str, sentence: str) -> None:
        self._blanks.append(Blank(parameter=parameter, sentence=sentence))


def _said(facts: IncidentFacts) -> list[Said]:
    said = [Said(Source.FACTOR, text) for text in facts.factors]
    said += [Said(Source.ALERT, text) for text in facts.alert_titles]
    said += [Said(Source.ALERT, labels["alertname"]) for labels in facts.alerts if "alertname" in labels]
    said += [Said(Source.INCIDENT, text) for text in (facts.title, facts.summary)]
    return [Said(each.source, each.text[:_MOST_TEXT]) for each in said]


def _detect(facts: IncidentFacts) -> Demand:
    took = _between(facts.impact_started_at, facts.detected_at)
    if not facts.alerts:
        because = "no alert told of it, people did"
        return Demand(expect=Expectation.DETECT, within=DETECT_WITHIN, because=because, went_wrong=True)
    if took is None:
        return Demand(expect=Expectation.DETECT, within=DETECT_WITHIN, because="when it began is not known")
    because = f"it was detected {_time(took)} after customers were hurt"
    late = took > DETECT_WITHIN
    return Demand(expect=Expectation.DETECT, within=DETECT_WITHIN, because=because, went_wrong=late)


def _acknowledge(facts: IncidentFacts, limit: timedelta) -> Demand:
    took = _between(facts.declared_at, facts.acknowledged_at)
    # The page goes out once the alert was noticed.
    within = DETECT_WITHIN + limit
    because = "nobody acknowledged it" if took is None else f"it was acknowledged after {_time(took)}"
    late = took is None or took > limit
    return Demand(expect=Expectation.ACKNOWLEDGE, within=within, because=because, went_wrong=late)


def _mitigate(facts: IncidentFacts) -> Demand:
    took = _between(facts.detected_at or facts.declared_at, facts.mitigated_at or facts.resolved_at)
    if took is None:
        return Demand(
            expect=Expectation.MITIGATE, within=LONGEST_MITIGATION, because="when it was mitigated is not known"
        )
    minutes = timedelta(minutes=-(-took // timedelta(minutes=1)))
    within = DETECT_WITHIN + min(max(minutes, SHORTEST_MITIGATION), LONGEST_MITIGATION)
    return Demand(
        expect=Expectation.MITIGATE, within=within, went_wrong=took > LONGEST_MITIGATION,
        because=f"it was mitigated {_time(took)} after it was detected",
    )  # fmt: skip


def _communicate(facts: IncidentFacts, first: timedelta) -> Demand | None:
    """Only where it went wrong: an update in every drill would teach people to post empty ones."""
    took = _between(facts.declared_at, facts.first_internal_at)
    if took is not None and took <= first and not facts.update_was_missed:
        return None
    heard = "nobody inside was told" if took is None else f"people inside first heard after {_time(took)}"
    because = f"{heard}, and an update was missed" if facts.update_was_missed else heard
    return Demand(expect=Expectation.COMMUNICATE, within=DETECT_WITHIN + first, because=because, went_wrong=True)


def _between(begin: datetime | None, end: datetime | None) -> timedelta | None:
    return None if begin is None or end is None else max(end - begin, timedelta())


def _time(took: timedelta) -> str:
    return format_duration(timedelta(seconds=round(took.total_seconds())))


def _plain(text: str) -> str:
    """One line; braces would be an expression."""
    line = " ".join(text.split())
    return line.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")
