"""Who is spoken of: marks the people in a sentence, so that patterns can ask for a person in front of a verb.

Called by `lint.py`. Each head of a noun phrase that is a person is overwritten with a mark of the same length; which
mark says whether it can be the subject. No model and no dictionary: words of `words.py`, given names, and the shape of
what stands around them.
"""

import re

from domain.blameless.given_names import GIVEN_NAMES
from domain.blameless.words import (
    HEADED,
    MACHINE_MODIFIERS,
    PEOPLE,
    PEOPLE_MODIFIERS,
    PERHAPS_PEOPLE,
    PROGRAMS,
    SHIFTS,
    SOMETIMES_PEOPLE,
    STARTERS,
    words_of,
)

# Characters of the private use area, which no text of the writer's contains after marking.
PERSON = "\ue000"
PERSON_BEHIND = "\ue001"
MAYBE = "\ue002"
WE = "\ue003"
NOBODY = "\ue004"
NAMED = "\ue005"
NAMED_BEHIND = "\ue006"

_PRIVATE = re.compile("[\ue000-\ue006]")
# A handle may have dots (`@ana.b`), a word has none.
_WORD = re.compile(r"@\w(?:[\w.-]*\w)?|[^\W_](?:[\w-]*[^\W_])?(?:\.(?=\s[A-Z]))?")
_DETERMINERS = words_of(
    "the a an our this that these those his her their its my your one two three some any every each no another both "
    "several many most all such which what new"
)
_PREPOSITIONS = words_of("of for from to by with in at on about against between under into via")
# A noun phrase does not reach over these.
_CLAUSE_STARTS = words_of(
    "and but or nor although because when if that who which then while since as so where was were is are had has have"
)
# `one of the engineers failed`: the people are the subject all the same.
_QUANTITIES = words_of("one two three four some several many most none all both each any either neither half")
_ERRORS = words_of("error errors mistake mistakes")
_TITLES = words_of("mr mrs ms dr prof")
_NOBODY = re.compile(
    r"\b(?:nobody|no one|no-one|not (?:one|a single)(?: person| soul)|not (?:one|a single)(?: one)? of (?:us|you)|"
    r"none of (?:us|them|the \w+))\b",
    re.IGNORECASE,
)
# `J. Hartmann` is somebody.
_INITIAL = re.compile(r"[A-Z]\.")
_TITLE_OF = re.compile(f"\\b((?:mr|mrs|ms|dr|prof)\\.? )([{NAMED}{NAMED_BEHIND}])")
_NEW_HIRE = re.compile(r"\bnew hires?\b", re.IGNORECASE)
# How many words a noun phrase has between its determiner and its head, at most.
_LONGEST_PHRASE = 5


def mark_people(sentence: str, *, people_before: bool) -> str:
    """The sentence with its people marked, otherwise in lower case; as long as before, so that places stay."""
    text = _PRIVATE.sub(" ", sentence)
    marked = list(_lower(text))
    words = list(_WORD.finditer(text))
    for index, word in enumerate(words):
        mark = _mark_of(text, words, index, people_before=people_before)
        if mark:
            marked[word.start() : word.end()] = mark * len(word[0])
    for found in _NOBODY.finditer(text):
        marked[found.start() : found.end()] = NOBODY * len(found[0])
    for found in _NEW_HIRE.finditer(text):
        marked[found.start() : found.end()] = PERSON * len(found[0])
    return _join_names(_TITLE_OF.sub(lambda found: found[2][0] * len(found[1]) + found[2], "".join(marked)))


def speaks_of_people(marked: str) -> bool:
    """Whether a pronoun in the next sentence may mean people."""
    return any(mark in marked for mark in (PERSON, PERSON_BEHIND, NAMED, NAMED_BEHIND))


def _lower(text: str) -> str:
    # Some letters have a longer small form; such a letter stays as it is.
    return "".join(low if len(low := ch.lower()) == 1 else ch for ch in text)


def _mark_of(text: str, words: list[re.Match[str]], index: int, *, people_before: bool) -> str:
    word = words[index][0]
    low = word.lower()
    after = words[index + 1][0].lower() if index + 1 < len(words) else ""
    if low in {"i", "we", "you", "he", "she", "they"}:
        return _mark_of_pronoun(word, people_before=people_before)
    # `operator error` is a notion of its own, with a rule of its own.
    return "" if after in _ERRORS else _mark_of_noun(text, words, index)


def _mark_of_pronoun(word: str, *, people_before: bool) -> str:
    low = word.lower()
    if low == "they":
        return PERSON if people_before else MAYBE
    if low in {"he", "she"}:
        return PERSON
    return "" if word == "i" else WE


def _mark_of_noun(text: str, words: list[re.Match[str]], index: int) -> str:
    word = words[index][0]
    low = word.lower()
    before = words[index - 1][0] if index else ""
    if word.startswith("@") or (before.lower().rstrip(".") in _TITLES and word[0].isupper()):
        return NAMED_BEHIND if _is_behind(text, words, index) else NAMED
    if low in PEOPLE or (low in SOMETIMES_PEOPLE and _is_person_here(low, before, words, index)):
        return PERSON_BEHIND if _is_behind(text, words, index) else PERSON
    if low in {"service", "care", "success"} and before.lower() in {"customer", "client"}:
        return "" if _is_behind(text, words, index) else MAYBE
    if low in PERHAPS_PEOPLE or (low == "desk" and before.lower() in {"help", "service", "support", "operations"}):
        return "" if _is_behind(text, words, index) else MAYBE
    if word[0].isupper() and word[1:].islower() and len(word) > 1:
        return _mark_of_name(text, words, index)
    return ""


def _is_person_here(low: str, before: str, words: list[re.Match[str]], index: int) -> bool:
    after = words[index + 1][0].lower() if index + 1 < len(words) else ""
    modifier = before.lower()
    if low in {"lead", "leads"} and (
        after in {"to", "the", "a"} or modifier in {"would", "can", "may", "will", "to", ""}
    ):
        return False
    if low in {"owner", "owners", "author", "authors"} or (low == "shift" and modifier in SHIFTS):
        return True
    # `the next group of pods`, `the transaction coordinator`: programs, unless the word before says otherwise.
    if low in {"group", "groups", "agent", "agents", "shift", "coordinator", "coordinators"}:
        return modifier in PEOPLE_MODIFIERS and not (modifier == "security" and low.startswith("group"))
    if low in {"senior", "junior", "seniors", "juniors"}:
        return after not in PEOPLE and modifier in _DETERMINERS
    if low in {"head", "heads"}:
        return after == "of" and index + 2 < len(words) and words[index + 2][0].lower() in HEADED
    return modifier not in MACHINE_MODIFIERS and modifier not in PROGRAMS


def _mark_of_name(text: str, words: list[re.Match[str]], index: int) -> str:
    low = words[index][0].lower()
    before = words[index - 1] if index else None
    is_start = before is None or _is_after_stop(text, words[index].start())
    if low in PROGRAMS or (is_start and low in STARTERS):
        return ""
    if low in GIVEN_NAMES:
        return NAMED_BEHIND if _is_behind(text, words, index) else NAMED
    if before is not None and _INITIAL.fullmatch(before[0]) and low not in STARTERS:
        return NAMED_BEHIND if _is_behind(text, words, index - 1) else NAMED
    # `John Smith`: the second word of a name that is known by its first.
    if before is not None and before[0].lower() in GIVEN_NAMES and before[0][0].isupper():
        is_adjacent = text[before.end() : words[index].start()] == " "
        return NAMED if is_adjacent and not _is_behind(text, words, index - 1) else NAMED_BEHIND if is_adjacent else ""
    after = words[index + 1][0] if index + 1 < len(words) else ""
    # Another capital makes a product or a title of it (`Object Storage`), a determiner a thing (`the Gateway`).
    lonely = not (after[:1].isupper() and after[1:].islower()) and (is_start or not before[0][0].isupper())  # type: ignore[index]
    behind_determiner = before is not None and before[0].lower() in _DETERMINERS
    return MAYBE if lonely and not behind_determiner and not (is_start and low.endswith("s")) else ""


def _is_after_stop(text: str, place: int) -> bool:
    return not text[:place].strip(" \"'([") or text[:place].rstrip()[-1:] in ":.!?"


def _is_behind(text: str, words: list[re.Match[str]], index: int) -> bool:
    """Whether a preposition stands in front of the noun phrase, so that it is no subject (`of the team`)."""
    left = index
    for step in range(1, _LONGEST_PHRASE + 1):
        if index - step < 0:
            break
        low = words[index - step][0].lower()
        if low in _CLAUSE_STARTS or text[words[index - step].end() : words[index - step + 1].start()].strip():
            break
        if low in _PREPOSITIONS:
            left = index - step + 1
            break
        if low in _DETERMINERS:
            left = index - step
            break
    before = words[left - 1][0].lower() if left else ""
    if before not in _PREPOSITIONS or (index - left > 1 and words[left][0].lower() not in _DETERMINERS):
        return False
    is_part = before == "of" and left > 1 and words[left - 2][0].lower() in _QUANTITIES
    return not is_part


def _join_names(marked: str) -> str:
    return re.sub(f"(?<=[{NAMED}]) (?=[{NAMED}])", NAMED, marked)
