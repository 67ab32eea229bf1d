"""Runs the patterns over a text and says what was found, in the order of the text.

The one entry is `lint_text`. The one thing to know: one place gives one finding (the strongest), and a sentence gives
at most one of each rule, so that a bad sentence is one thing to mend and not five.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from domain.blameless.agency import AGENCY
from domain.blameless.contempt import CONTEMPT
from domain.blameless.findings import BlamelessFinding, Level, lowered
from domain.blameless.idioms import IDIOMS
from domain.blameless.markdown import Directive, Reading, Sentence, read_markdown
from domain.blameless.patterns import PATTERNS, Pattern
from domain.blameless.people import MAYBE, mark_people, speaks_of_people
from domain.blameless.rhetoric import RHETORIC
from domain.blameless.rules import RULES
from domain.blameless.verdicts import VERDICTS

_EVERY_PATTERN = (*PATTERNS, *IDIOMS, *VERDICTS, *RHETORIC, *CONTEMPT, *AGENCY)
_regex = cache(re.compile)
_STRENGTH = {Level.INFO: 0, Level.WARNING: 1, Level.ERROR: 2}


@dataclass(frozen=True)
class _Hit:
    rule: str
    level: Level
    start: int
    end: int
    question: str
    block: int


def lint_text(text: str) -> tuple[BlamelessFinding, ...]:
    """Every finding in a Markdown or plain text, by place; the same text gives the same findings."""
    reading = read_markdown(text)
    hits = [hit for hit in _hits(reading) if not _is_suppressed(hit, reading)]
    hits.extend(_misspelt(reading.directives))
    lines = _line_starts(text)
    return tuple(_finding(text, hit, lines) for hit in sorted(hits, key=lambda hit: (hit.start, hit.rule)))


def _hits(reading: Reading) -> Iterable[_Hit]:
    people_before = True
    for sentence in reading.sentences:
        if sentence.is_first:
            # With nothing before it, a pronoun is read as people: nobody begins a paragraph with a machine's pronoun.
            people_before = True
        marked = mark_people(sentence.text, people_before=people_before)
        # Who is only perhaps a person is a word like any other to the patterns that do not ask for that.
        plain = "".join(was.lower() if mark == MAYBE else mark for was, mark in zip(sentence.text, marked, strict=True))
        yield from _of_sentence(sentence, marked, plain)
        people_before = speaks_of_people(marked)


def _of_sentence(sentence: Sentence, marked: str, plain: str) -> list[_Hit]:
    found: list[_Hit] = []
    for pattern in _EVERY_PATTERN:
        hit = _match(pattern, sentence, marked if MAYBE in pattern.match else plain)
        if hit:
            found.append(hit)
    found.sort(key=lambda hit: (-_STRENGTH[hit.level], hit.start))
    kept: list[_Hit] = []
    for hit in found:
        is_new = all(hit.rule != other.rule and (hit.end <= other.start or hit.start >= other.end) for other in kept)
        if is_new:
            kept.append(hit)
    return kept


def _match(pattern: Pattern, sentence: Sentence, marked: str) -> _Hit | None:
    if pattern.only_described and sentence.is_about_improvement:
        return None
    found = _regex(pattern.match).search(marked)
    if not found or (pattern.unless and _regex(pattern.unless).search(marked)):
        return None
    if pattern.unless_before and _regex(pattern.unless_before).search(marked, 0, found.start()):
        return None
    level = pattern.level or RULES[pattern.rule].level
    if sentence.is_about_improvement and pattern.rule != "sanction":
        level = lowered(level)
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    end = start + len(found[0].strip())
    question = pattern.question or RULES[pattern.rule].question
    return _Hit(pattern.rule, level, sentence.start + start, sentence.start + end, question, sentence.block)


def _is_suppressed(hit: _Hit, reading: Reading) -> bool:
    is_off = False
    for directive in reading.directives:
        if directive.rules and hit.rule not in directive.rules:
            continue
        if directive.verb == "disable-file":
            return True
        if directive.start > hit.start:
            continue
        if directive.verb == "disable-next":
            if _block_after(directive, reading) == hit.block:
                return True
        else:
            is_off = directive.verb == "disable"
    return is_off


def _block_after(directive: Directive, reading: Reading) -> int | None:
    return next((each.block for each in reading.sentences if each.start > directive.start), None)


def _misspelt(directives: Iterable[Directive]) -> Iterable[_Hit]:
    for directive in directives:
        for rule in directive.rules:
            if rule not in RULES:
                question = f"There is no rule {rule!r}. The rules are {', '.join(RULES)}."
                yield _Hit("suppression", Level.INFO, directive.start, directive.start + 4, question, -1)


def _line_starts(text: str) -> list[int]:
    return [0, *(place + 1 for place, character in enumerate(text) if character == "\n")]


def _finding(text: str, hit: _Hit, lines: list[int]) -> BlamelessFinding:
    rule = RULES[hit.rule]
    first, last = bisect_right(lines, hit.start) - 1, bisect_right(lines, max(hit.end - 1, hit.start)) - 1
    return BlamelessFinding(
        line=first + 1,
        column=hit.start - lines[first] + 1,
        end_line=last + 1,
        end_column=hit.end - lines[last] + 1,
        rule=hit.rule,
        level=hit.level,
        text=" ".join(text[hit.start : hit.end].split()),
        why=rule.why,
        question=hit.question,
        source=rule.source,
    )
