"""How the response itself went: times, promises to audiences, alert noise, reviews. Pure; people are in `load.py`."""

from collections.abc import Mapping, Sequence

from domain.insight.evidence import Evidence, Subject, Which
from domain.insight.report import Insight, Number, Row, Spread, Table, plural, share, span
from domain.insight.statistics import SMALL, Counted, distribution, histogram
from domain.insight.words import DEFINITIONS, Measure, Window
from domain.model import Model

# Upper edges of the classes in which durations are drawn.
_EDGES = (60, 300, 900, 1_800, 3_600, 14_400, 86_400)
_CLASSES = ("under 1m", "under 5m", "under 15m", "under 30m", "under 1h", "under 4h", "under 1d", "1d and more")
_MEASURE_NAMES = {
    Measure.DETECT: "Detection",
    Measure.ACKNOWLEDGE: "Acknowledgement",
    Measure.MITIGATE: "Mitigation",
    Measure.RESOLVE: "Resolution",
    Measure.IMPACT: "Impact",
}


class RuleCount(Model):
    """How often a rule fired, and how often that was an incident."""

    rule: str
    episodes: int
    mattered: int


def times(window: Window, values: Mapping[Measure, Counted]) -> Insight:
    """Distributions of the times between milestones."""
    spreads = tuple(
        Spread(
            name=_MEASURE_NAMES[measure],
            definition=DEFINITIONS[measure],
            distribution=distribution(counted),
            evidence=Evidence.within(window, Subject.INCIDENT).but(measure=measure),
            classes=tuple(zip(_CLASSES, histogram(counted, _EDGES), strict=True)),
        )
        for measure, counted in values.items()
    )
    mitigated = next((each.distribution for each in spreads if each.name == "Mitigation"), None)
    if mitigated is None or not mitigated.n:
        sentence = f"No incident was mitigated in {plural(window.days, 'day')}."
    else:
        sentence = (
            f"Half of {plural(mitigated.n, 'incident')} were mitigated within {span(mitigated.median)}, "
            f"9 in 10 within {span(mitigated.p90)}."
        )
    return Insight(
        name="times",
        title="How long things take",
        sentence=sentence,
        spreads=spreads,
        caveats=(
            (
                "No mean is shown and no target should be set on these: durations are few, skewed, and say little "
                "about how well people did. Only incidents for which both times are known are counted."
            ),
        ),
    )


def communication(window: Window, kept: Mapping[str, int], broken: Mapping[str, int], late: int) -> Insight:
    """Promises of a next update, and whether the update came."""
    promises = Evidence.within(window, Subject.PROMISE)
    total_kept, total_broken = sum(kept.values()), sum(broken.values())
    whole = total_kept + total_broken
    sentence = (
        f"{share(total_kept, whole)} promised updates came in time; {total_broken} did not."
        if whole
        else f"No update was promised in {plural(window.days, 'day')}."
    )
    rows = [
        Row(
            name=audience,
            numbers=(
                Number(value=kept.get(audience, 0), evidence=promises.but(values=(audience,), which=Which.KEPT)),
                Number(value=broken.get(audience, 0), evidence=promises.but(values=(audience,), which=Which.BROKEN)),
            ),
        )
        for audience in sorted({*kept, *broken})
    ]
    never = total_broken - late
    words = f"Of those broken, {late} came late and {never} never came." if total_broken else ""
    definition = "A promise is the 'next update by' of an update; it is kept when the next one to that audience came."
    return Insight(
        name="communication",
        title="Communication kept and broken",
        sentence=sentence,
        tables=(
            Table(title="By audience", columns=("kept", "broken"), rows=tuple(rows), drawn_as="bars"),
            Table(
                title="Broken promises",
                columns=("late",),
                rows=(Row(name="came late", numbers=(_late(promises, late),)),) if total_broken else (),
            ),
        ),
        caveats=tuple(each for each in (definition, words, _few(whole, "promises")) if each),
    )


def _late(promises: Evidence, late: int) -> Number:
    return Number(value=late, evidence=promises.but(which=Which.BROKEN_LATE))


def _often(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _mattered(count: int) -> str:
    return f"mattered {_often(count)}" if count else "never mattered"


def alert_noise(window: Window, episodes: int, mattered: int, rules: Sequence[RuleCount]) -> Insight:
    """Per rule, how often it mattered: the noise league."""
    alerts = Evidence.within(window, Subject.ALERT)
    if not episodes:
        sentence = f"No alert in {plural(window.days, 'day')}."
    else:
        sentence = f"{share(episodes - mattered, episodes)} alerts needed nobody"
        noisy = [each for each in rules if each.episodes > each.mattered]
        if noisy:
            top = noisy[0]
            sentence += f"; {top.rule} fired {_often(top.episodes)} and {_mattered(top.mattered)}"
        sentence += "."
    league = [
        Row(
            name=each.rule,
            numbers=(
                Number(value=each.episodes, evidence=alerts.but(values=(each.rule,))),
                Number(value=each.mattered, evidence=alerts.but(values=(each.rule,), which=Which.MATTERED)),
                Number(
                    value=each.episodes - each.mattered,
                    evidence=alerts.but(values=(each.rule,), which=Which.IGNORED),
                ),
            ),
        )
        for each in rules
    ]
    total = Row(
        name="all rules",
        numbers=(
            Number(value=episodes, evidence=alerts),
            Number(value=mattered, evidence=alerts.but(which=Which.MATTERED)),
            Number(value=episodes - mattered, evidence=alerts.but(which=Which.IGNORED)),
        ),
    )
    columns = ("fired", "mattered", "needed nobody")
    definition = (
        "An alert fired once from its first firing until its group cleared, however often it was delivered. It "
        "mattered when it belonged to an incident that was not declined or cancelled. Game days and suppressed routes "
        "are left out."
    )
    return Insight(
        name="alert-noise",
        title="Alert noise, rule by rule",
        sentence=sentence,
        tables=(
            Table(title="The noise league", columns=columns, rows=tuple(league), drawn_as="bars"),
            Table(title="Altogether", columns=columns, rows=(total,)),
        ),
        caveats=tuple(each for each in (definition, _few(episodes, "alerts")) if each),
    )


REVIEW_ROWS = (
    (Which.ON_TIME, "on time"),
    (Which.EXTENDED, "within an extension"),
    (Which.LATE, "late"),
    (Which.WAIVED, "waived"),
    (Which.OWED, "past the first deadline and not done"),
)


def reviews(window: Window, counts: Mapping[Which, int]) -> Insight:
    """Whether reviews kept the deadline that was set first."""
    due = Evidence.within(window, Subject.REVIEW)
    whole = sum(counts.get(which, 0) for which, _ in REVIEW_ROWS if which is not Which.WAIVED)
    on_time = counts.get(Which.ON_TIME, 0)
    owed = counts.get(Which.OWED, 0)
    sentence = (
        f"{share(on_time, whole)} reviews that fell due were done on time; "
        f"{owed} {'is' if owed == 1 else 'are'} still owed."
        if whole
        else f"No review fell due in {plural(window.days, 'day')}."
    )
    rows = tuple(
        Row(name=name, numbers=(Number(value=counts.get(which, 0), evidence=due.but(which=which)),))
        for which, name in REVIEW_ROWS
    )
    return Insight(
        name="reviews",
        title="Reviews on time",
        sentence=sentence,
        tables=(Table(title="Reviews by outcome", columns=("reviews",), rows=rows, drawn_as="bars"),),
        caveats=tuple(
            each
            for each in (
                "Counted are reviews whose first deadline lies in the window. Done is signed off.",
                _few(whole, "reviews"),
            )
            if each
        ),
    )


def _few(n: int, noun: str) -> str:
    return f"{n} {noun} are fewer than {SMALL}: take them as examples." if 0 < n < SMALL else ""
