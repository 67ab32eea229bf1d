"""What people may type into a search box, and the line of a result. Pure; called by `store/searching.py` and pages.

The language is small and cannot be got wrong: plain words, "a phrase", begin* and -not. Whatever else is typed is taken
as words. The one thing to know: text is indexed and asked for in the same form, `words_of`, so both databases and all
punctuation (`disk_full`, `db1.example.com`, `100%`) are found alike.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from domain.model import Model

# A word longer than this is a hash or a trace; PostgreSQL keeps none over 2,046 bytes, and nobody types them.
_LONGEST_WORD = 80
# Nobody types more; an alert's whole text pasted into the box still finds something.
_MOST_TERMS = 32
_SNIPPET = 180
_SHORTEST_PREFIX = 2

_WORD = re.compile(r"[^\W_]+")
_TERM = re.compile(r'(-)?(?:"([^"]*)"?|([^\s"]+))')
# Endings that stemming takes off; only for finding the place that a snippet shows.
_STEM_SLACK = 3


class Found(StrEnum):
    """What a search looks through."""

    INCIDENT = "incident"
    ENTRY = "entry"
    REVIEW = "review"
    ACTION_ITEM = "action_item"
    RUNBOOK = "runbook"
    LESSON = "lesson"


class Term(Model):
    """Words that must stand next to each other, or must not."""

    words: tuple[str, ...]
    is_prefix: bool = False
    is_excluded: bool = False


class SearchQuery(Model):
    """What is looked for: every term, and none of the excluded ones."""

    terms: tuple[Term, ...] = ()

    @property
    def wanted(self) -> tuple[Term, ...]:
        """The terms that must be there; without any nothing is found."""
        return tuple(term for term in self.terms if not term.is_excluded)

    @property
    def unwanted(self) -> tuple[Term, ...]:
        """The terms that must not."""
        return tuple(term for term in self.terms if term.is_excluded)


class Hit(Model):
    """One result; `url` is its place in the console and stays valid."""

    kind: Found
    id: str
    incident_id: str | None
    title: str
    snippet: str
    at: datetime | None
    url: str
    # Comparable within one answer only.
    score: float


def words_of(text: str) -> list[str]:
    """The words as they are indexed: folded, without punctuation, in order."""
    return [word[:_LONGEST_WORD] for word in _WORD.findall(text.casefold())]


def parse_query(text: str, *, as_typed: bool = False) -> SearchQuery:
    """Read what was typed; never fails. `as_typed`: plain words are looked for as beginnings, for filters of lists."""
    terms = [term for term in _terms(text, as_typed=as_typed) if term.words]
    return SearchQuery(terms=tuple(terms[:_MOST_TERMS]))


def snippet(body: str, query: SearchQuery) -> str:
    """The part of a text that shows why it was found; its beginning when the words stand in the title."""
    flat = " ".join(body.split())
    if len(flat) <= _SNIPPET:
        return flat
    starts = [word for term in query.wanted for word in term.words]
    place = _place(flat.casefold(), starts)
    begin = max(0, place - _SNIPPET // 3)
    begin = flat.rfind(" ", 0, begin) + 1 if begin else 0
    shown = flat[begin : begin + _SNIPPET].rsplit(" ", 1)[0]
    return f"{'… ' if begin else ''}{shown}{' …' if begin + len(shown) < len(flat) else ''}"


def marked(text: str, query: SearchQuery) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is one of the words looked for; pages mark those."""
    starts = [_start(word) for term in query.wanted for word in term.words]
    pieces: list[tuple[str, bool]] = []
    last = 0
    for found in _WORD.finditer(text):
        if any(found.group().casefold().startswith(start) for start in starts):
            pieces += [(text[last : found.start()], False), (found.group(), True)]
            last = found.end()
    pieces.append((text[last:], False))
    return [piece for piece in pieces if piece[0]]


def url_of(kind: Found, id_: str, incident_id: str | None) -> str:
    """The permalink in the console."""
    match kind:
        case Found.INCIDENT:
            return f"/incidents/{id_}"
        case Found.ENTRY:
            return f"/incidents/{incident_id}?all=1#e{id_.rpartition('#')[2]}"
        case Found.REVIEW:
            return f"/reviews/{id_}"
        case Found.ACTION_ITEM:
            return f"/action-items/{id_}"
        case Found.RUNBOOK:
            return f"/search/runbooks/{id_}"
        case Found.LESSON:
            return f"/patterns/{id_}"


def _terms(text: str, *, as_typed: bool) -> Iterator[Term]:
    for minus, phrase, plain in _TERM.findall(text):
        words = words_of(phrase or plain)
        # One word of several parts (`disk_full`, `10.0.0.1`) is a phrase: that is how it was written.
        wants_prefix = bool(plain) and (plain.endswith("*") or as_typed)
        is_prefix = wants_prefix and bool(words) and len(words[-1]) >= _SHORTEST_PREFIX
        # A lone dash is punctuation; `-word` excludes.
        yield Term(words=tuple(words), is_prefix=is_prefix, is_excluded=bool(minus))


def _place(text: str, words: Sequence[str]) -> int:
    places = [place for word in words if (place := text.find(_start(word))) >= 0]
    return min(places, default=0)


def _start(word: str) -> str:
    return word[: max(_STEM_SLACK, len(word) - _STEM_SLACK)]
