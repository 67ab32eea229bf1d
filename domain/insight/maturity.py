"""The maturity scorecard: reactive, responsive, proactive, automated, predictive, from the team's own record. Pure.

Each level asks for shares that the record can show; a team stands at the highest level of which everything, and
everything below, holds. What too few cases can show is said to be so and holds nobody back. The thresholds are ours:
the guides name the steps (mission.md, lesson 13) and no numbers.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from domain.insight.evidence import Evidence, Subject, Which
from domain.insight.report import Grade, Insight, Number, share
from domain.insight.words import Dimension, Window
from domain.model import Model

# With fewer cases a share says nothing.
ENOUGH = 5


class Level(StrEnum):
    """The steps, from the first."""

    REACTIVE = "reactive"
    RESPONSIVE = "responsive"
    PROACTIVE = "proactive"
    AUTOMATED = "automated"
    PREDICTIVE = "predictive"


class Requirement(Model):
    """A share that a level asks for."""

    level: Level
    name: str
    at_least: float
    part: Evidence
    whole: Evidence


def requirements(window: Window) -> tuple[Requirement, ...]:
    """All that is asked for, by level."""
    incidents, reviews = Evidence.within(window, Subject.INCIDENT), Evidence.within(window, Subject.REVIEW)
    items, promises = Evidence.within(window, Subject.ACTION_ITEM), Evidence.within(window, Subject.PROMISE)
    alerts, drills = Evidence.within(window, Subject.ALERT), Evidence.within(window, Subject.DRILL)
    # What was imported says nothing about how this house works.
    handled = incidents.but(which=Which.HANDLED_HERE)
    on_time, decided = reviews.but(which=Which.ON_TIME), reviews.but(which=Which.DECIDED)

    def ask(level: Level, name: str, at_least: float, part: Evidence, whole: Evidence) -> Requirement:
        return Requirement(level=level, name=name, at_least=at_least, part=part, whole=whole)

    return (
        ask(Level.RESPONSIVE, "incidents that somebody acknowledged", 0.8, incidents.but(which=Which.ACKNOWLEDGED),
            handled),
        ask(Level.RESPONSIVE, "reviews on time", 0.5, on_time, decided),
        ask(Level.PROACTIVE, "incidents found by alerts, not by people", 0.7,
            incidents.but(which=Which.DETECTED_BY_AUTOMATION), handled),
        ask(Level.PROACTIVE, "promised updates kept", 0.8, promises.but(which=Which.KEPT), promises),
        ask(Level.PROACTIVE, "reviews on time", 0.8, on_time, decided),
        ask(Level.PROACTIVE, "finished action items on time", 0.7, items.but(which=Which.FINISHED_ON_TIME),
            items.but(which=Which.FINISHED)),
        ask(Level.AUTOMATED, "incidents in which a runbook ran", 0.5, incidents.but(dimension=Dimension.RUNBOOK),
            handled),
        ask(Level.AUTOMATED, "alerts that mattered", 0.5, alerts.but(which=Which.MATTERED), alerts),
        ask(Level.PREDICTIVE, "drills for each incident", 0.5, drills, handled),
        ask(Level.PREDICTIVE, "alerts that mattered", 0.8, alerts.but(which=Which.MATTERED), alerts),
    )  # fmt: skip


def scorecard(asked: Sequence[Requirement], counts: Mapping[str, int]) -> Insight:
    """The grades and where they put the team; `counts` has the number of each evidence by its query."""
    grades = tuple(_grade(each, counts[each.part.query()], counts[each.whole.query()]) for each in asked)
    level = reached(grades)
    missing = [grade for grade in grades if grade.holds is False]
    unknown = sum(grade.holds is None for grade in grades)
    if level is None:
        sentence = f"The record is too short to grade: fewer than {ENOUGH} cases of everything that is asked for."
    elif missing:
        first = missing[0]
        sentence = f"The record shows a {level.value} team; next is: {first.name}, {first.found}, {first.asked} asked."
    else:
        sentence = f"The record shows a {level.value} team, and nothing that is asked for is missing."
    return Insight(
        name="maturity",
        title="Maturity",
        sentence=sentence,
        grades=grades,
        caveats=(
            (
                "A level is reached when all it asks for holds, and all below. Grades are for the team to look at, not "
                f"for comparing teams. {unknown} of {len(grades)} cannot be told from fewer than {ENOUGH} cases. "
                "Imported incidents are in none."
            ),
        ),
    )


def reached(grades: Sequence[Grade]) -> Level | None:
    """The highest level up to which nothing fails; None when nothing can be told."""
    if all(grade.holds is None for grade in grades):
        return None
    level = Level.REACTIVE
    for step in list(Level)[1:]:
        of_step = [grade for grade in grades if grade.level == step.value]
        if any(grade.holds is False for grade in of_step) or all(grade.holds is None for grade in of_step):
            break
        level = step
    return level


def _grade(asked: Requirement, part: int, whole: int) -> Grade:
    holds = None if whole < ENOUGH else part >= asked.at_least * whole
    return Grade(
        level=asked.level.value,
        name=asked.name,
        asked=f"{round(100 * asked.at_least)} %",
        found=share(part, whole),
        holds=holds,
        part=Number(value=part, evidence=asked.part),
        whole=Number(value=whole, evidence=asked.whole),
    )
