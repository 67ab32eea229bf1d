"""A mistake in a file, with its place; what the lint, the catalogue and the configuration loader report."""

import difflib
from collections.abc import Sequence

from domain.errors import Rejected
from domain.model import Model

# A sentence for a page or a mail names this many findings; the rest is counted.
_SHOWN = 5


class Finding(Model):
    """One mistake: where, what, and how to mend it. Lines and columns count from 1, as editors do."""

    file: str
    line: int
    column: int
    # The place inside the document: `steps.2.with.url`; empty for the whole file.
    path: str = ""
    # A stable word for what is wrong: `unknown_key`, `unknown_action`, …
    code: str
    sentence: str

    def __str__(self) -> str:
        """`file:line:column: sentence`, the form that editors and terminals make clickable."""
        return f"{self.file}:{self.line}:{self.column}: {self.sentence}"


class Unreadable(Rejected):
    """A file that is not what it should be; `findings` are all mistakes, the sentence names the first ones."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        rest = len(findings) - _SHOWN
        more = f"\n… and {rest} more" if rest > 0 else ""
        super().__init__("\n".join(str(finding) for finding in findings[:_SHOWN]) + more)


def by_place(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings from the top of the file to its end, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.file, f.line, f.column, f.code, f.sentence)))


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?`, or what there is when nothing is near, or nothing when there is nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(sorted(known))}" if known else ""
