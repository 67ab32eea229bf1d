"""From jumps to conditions: steps that lead to any later step become steps in their order, each with its condition.

Used by the importers of tools whose steps jump. A runbook has no jumps: it is read from top to bottom, and so it can be
checked, drawn and taken back. Only jumps forward can be written so; the others are refused to the caller.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# A condition of more alternatives than this is read by nobody.
_MOST_ALTERNATIVES = 8
# The number of a step and of the way taken out of it.
Choice = tuple[int, int]
Alternative = frozenset[Choice]


@dataclass(frozen=True)
class Way:
    """One way out of a step: taken when its condition holds and that of no way before it does."""

    # Without braces; None: always.
    condition: str | None
    # The number of the step it leads to; None: the run ends.
    target: int | None


@dataclass(frozen=True)
class Reached:
    """When a step is reached."""

    is_reachable: bool
    # Without braces; None: always.
    condition: str | None = None
    # There are too many ways to it to write them down.
    is_unclear: bool = False


def reached(steps: Sequence[Sequence[Way]]) -> list[Reached]:
    """For each step when it is reached; the first one always is. Every way leads forward, or out."""
    arriving: list[set[Alternative]] = [set() for _ in steps]
    if steps:
        arriving[0].add(frozenset())
    unclear: set[int] = set()
    found = []
    for number, ways in enumerate(steps):
        alternatives = _simplified(arriving[number], steps)
        is_unclear = number in unclear or len(alternatives) > _MOST_ALTERNATIVES
        for index, way in enumerate(ways):
            if way.target is None:
                continue
            if is_unclear and alternatives:
                unclear.add(way.target)
            own = {(number, index)} if len(ways) > 1 else set()
            arriving[way.target] |= {alternative | own for alternative in list(alternatives)[:_MOST_ALTERNATIVES]}
        condition = None if is_unclear else _written(alternatives, steps)
        found.append(Reached(bool(alternatives), condition, is_unclear))
    return found


def _simplified(alternatives: set[Alternative], steps: Sequence[Sequence[Way]]) -> set[Alternative]:
    """Fewer alternatives that say the same: where all ways out of a step lead here, which one was taken is all one."""
    found = set(alternatives)
    while merged := next(_merged(found, steps), None):
        whole, parts = merged
        found = (found - parts) | {whole}
    return {each for each in found if not any(other < each for other in found)}


def _merged(
    alternatives: set[Alternative], steps: Sequence[Sequence[Way]]
) -> Iterator[tuple[Alternative, set[Alternative]]]:
    for alternative in alternatives:
        for choice in alternative:
            rest = alternative - {choice}
            parts = {rest | {(choice[0], way)} for way in range(len(steps[choice[0]]))}
            if parts <= alternatives:
                yield rest, parts


def _written(alternatives: set[Alternative], steps: Sequence[Sequence[Way]]) -> str | None:
    if not alternatives or frozenset() in alternatives:
        return None
    texts = sorted(_conjunction(alternative, steps) for alternative in alternatives)
    return texts[0] if len(texts) == 1 else " or ".join(f"({text})" for text in texts)


def _conjunction(alternative: Alternative, steps: Sequence[Sequence[Way]]) -> str:
    parts = []
    for number, index in sorted(alternative):
        ways = steps[number]
        before = [f"not ({way.condition})" for way in ways[:index] if way.condition is not None]
        own = ways[index].condition
        # The first condition of a step needs no word about the others; a later one is not taken while those hold.
        parts += [*before, f"({own})" if own is not None and (" or " in own or " and " in own) else own or ""]
    return " and ".join(part for part in parts if part)
