"""Whether a title begins with a verb: a list of what engineers are told to do, and how English builds the rest.

Called by `domain/action_item_quality.py`. Pure and small on purpose: no model, no dependency. The one thing to know:
where it is in doubt it says yes, because a wrong hint on a good title makes people stop reading hints.
"""

import re

from domain.imperative_words import BOTH, CLAUSES, DETERMINERS, HEADS, HYPHENATED, NO_VERBS, PARTICLES, VERBS

# A component or a ticket in front: `[checkout] Add …`, `payments: refuse …`, `OPS-12 Add …`.
_LABEL = re.compile(r"^\s*(?:\[[^\]]*\]|\([^)]*\)|[A-Z]{2,}-\d+|[\w./-]+:)\s*")
_WORD = re.compile(r"[^\W\d_][\w'./-]*|\d[\w.,%]*")
_POLITE = frozenset({"please", "also", "then", "and", "we", "let's"})
_NEGATIONS = ("don't", "do not", "never", "no longer")
_PREFIXES = ("re", "de", "un", "dis", "pre", "auto", "over", "under")
_VERB_ENDINGS = ("ize", "ise", "ify")
_NOUN_ENDINGS = ("tion", "sion", "ness", "ity", "ance", "ence", "ment", "ship", "age", "ing", "acy")
# `Log retention`, `alert routing for tests`: longer than this it has an object and is a verb.
_SHORT = 3


def words_of(title: str) -> list[str]:
    """The words in small letters, without a label and without politeness in front."""
    bare = _LABEL.sub("", title).replace("’", "'").lower()
    words = [word.rstrip(".,:;/-'") for word in _WORD.findall(bare)]
    while len(words) > 1 and words[0] in _POLITE:
        words = words[1:]
    return words


def begins_with_verb(title: str) -> bool:
    """Whether it says what is to be done; True where nobody can tell."""
    words = words_of(title)
    # Another language than English, or a clause in front of the verb.
    if not words or words[0] in CLAUSES or not all(word.isascii() for word in words):
        return True
    if " ".join(words[:2]).startswith(_NEGATIONS):
        return True
    first, rest = words[0], words[1:]
    if first.endswith("ly") and first not in VERBS and rest:
        first, rest = rest[0], rest[1:]
    if first in BOTH:
        return not _makes_a_noun(rest)
    # `Terraform the zone`: what stands before an article is hardly a noun.
    return _is_verb(first) or (bool(rest) and rest[0] in DETERMINERS and not first.endswith("ing"))


def asks_again(word: str, following: str) -> bool:
    """Whether a word after `and` asks for a second thing: `and remove the loop`, not `and alert for lag`."""
    return following in DETERMINERS if word in BOTH else _is_verb(word)


def _is_verb(word: str) -> bool:
    if word in VERBS or word in BOTH:
        return True
    before, hyphen, after = word.partition("-")
    if hyphen:
        return before in HYPHENATED and _is_verb(after)
    if word.endswith(_VERB_ENDINGS) and word not in NO_VERBS:
        return True
    return any(word.startswith(each) and word.removeprefix(each) in VERBS for each in _PREFIXES)


def _makes_a_noun(rest: list[str]) -> bool:
    """Whether what follows makes a noun of a word that can be both: `test coverage`, `page volume in October`."""
    if not rest:
        return True
    if rest[0] in DETERMINERS or rest[0] in PARTICLES:
        return False
    is_head = rest[0] in HEADS or rest[0].endswith(_NOUN_ENDINGS)
    return is_head and (len(rest) == 1 or (rest[1] in PARTICLES and len(rest) <= _SHORT))
