"""Brings a person's edits and a newly written draft together, section by section.

Called by `review_decisions.py` whenever a draft comes for a text that people have edited. Pure. The one thing to know:
a section that nobody touched is taken from the new draft; in one that somebody did touch every line of theirs stays,
lines that are new facts are put in where the draft has them, and lines that it has no more (a finding was withdrawn) go
where nobody touched them.
"""

import re
from difflib import SequenceMatcher

_HEADING = re.compile(r"^## ")
_BLANK = "_To be filled in"
# The name of what stands above the first heading.
_TOP = ""


def merged(base: str, mine: str, new: str) -> str:
    """`base` was generated, `mine` is what people made of it, `new` is generated now."""
    if base == new or not base:
        return mine
    before, edited, fresh = _sections(base), _sections(mine), _sections(new)
    parts: dict[str, list[str]] = {}
    for name, lines in edited.items():
        if name not in fresh:
            # Only a section that the draft once had and nobody touched goes away with it.
            if before.get(name) != lines:
                parts[name] = lines
        elif before.get(name) == lines:
            parts[name] = fresh[name]
        else:
            parts[name] = _with_news(before.get(name, []), lines, fresh[name])
    # A section that is new in the draft comes in; one that a person took out stays out.
    parts |= {name: lines for name, lines in fresh.items() if name not in edited and name not in before}
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line for lines in parts.values() for line in lines)).strip()
    return mine if text == re.sub(r"\n{3,}", "\n\n", mine).strip() else text + "\n"


def blanks_in(text: str) -> dict[str, int]:
    """How many blanks are left to be filled in, by heading; those without any are not named."""
    found: dict[str, int] = {}
    for name, lines in _sections(text).items():
        count = sum(line.count(_BLANK) for line in lines)
        if count:
            found[_HEADING.sub("", name) or "the beginning"] = count
    return found


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {_TOP: []}
    name, in_code = _TOP, False
    for line in text.strip().split("\n"):
        in_code ^= line.lstrip().startswith(("```", "~~~"))
        if _HEADING.match(line) and not in_code:
            name = line.strip()
            while name in sections:
                name += " "
            sections[name] = []
        sections[name].append(line)
    return sections


def _with_news(base: list[str], mine: list[str], new: list[str]) -> list[str]:
    result = list(mine)
    for tag, old, old_end, start, end in SequenceMatcher(a=base, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        replaced = [line for line in base[old:old_end] if line.strip() and _BLANK not in line]
        standing = [line for line in base[old:old_end] if line.strip() and line in result]
        if replaced and not standing:
            # A person took the old words out or wrote others; the new wording of the same fact is theirs to decide.
            continue
        news = [line for line in new[start:end] if line.strip() and _BLANK not in line and line not in result]
        place = result.index(standing[0]) if standing else _place_after(result, new[:start])
        result[place:place] = news
        # A line that only has another place now comes again with the part in which it has it.
        gone = [line for line in standing if line not in (news or new) and _BLANK not in line]
        result = [line for line in result if line not in gone]
    if not any(line.strip() and not _HEADING.match(line) for line in result):
        result += [line for line in new if _BLANK in line and line not in result]
    return result


def _place_after(lines: list[str], preceding: list[str]) -> int:
    """Behind the nearest line before it that is still there, else at the section's end."""
    for line in reversed(preceding):
        if line.strip() and line in lines:
            return len(lines) - lines[::-1].index(line)
    while lines and not lines[-1].strip():
        lines.pop()
    return len(lines)
