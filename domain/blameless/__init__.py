"""The blameless lint: says where a text judges people instead of asking what made a thing possible.

Called by `cli/review_lint.py` for files in teams' repositories, and by the review page for drafts. Pure: a text goes
in, findings come out, the same every time. Rules and their sources stand in `rules.py`, the patterns in `patterns.py`,
the words in `words.py`. The one thing to know: most of the work is to tell people from machines ("the health check
failed to restart" is a fact, "Ana failed to check" is a judgement); `people.py` does it by the subject of the verb.
"""

from domain.blameless.findings import BlamelessFinding, Level, at_least
from domain.blameless.lint import lint_text
from domain.blameless.rules import RULES, Rule

__all__ = ["RULES", "BlamelessFinding", "Level", "Rule", "at_least", "lint_text"]
