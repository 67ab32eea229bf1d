"""What a review that is handed in still lacks (rules P04, P05, P07, A07): said to whoever signs it, and never refused.

Called by `review_sign_off.py` and by the page. Pure. The one thing to know: only a person can say whether a blank
matters; so that nobody signs without having seen them, they are counted in the record, in the mail and on the page.
"""

from domain.review_merge import blanks_in
from domain.severity import Severity

# Whose review has a neutral facilitator (rule P04).
_FACILITATED = frozenset({Severity.SEV1, Severity.SEV2})
# So many headings are named in a sentence, so much of each; the others are counted.
_NAMED = 8
_LONGEST = 60


def lacks(
    markdown: str, severity: Severity | None, *, facilitator: str | None, views: int, items: int | None = None
) -> tuple[str, ...]:
    """Each as half a sentence; empty when nothing is missing. `items` is None where nobody has counted them."""
    found = []
    blanks = blanks_in(markdown)
    if blanks:
        count = sum(blanks.values())
        places = [f"{name[:_LONGEST]} ({number})" if number > 1 else name[:_LONGEST] for name, number in blanks.items()]
        more = f" and {len(places) - _NAMED} more places" if len(places) > _NAMED else ""
        named = ", ".join(places[:_NAMED]) + more
        found.append(f"{count} {'blank is' if count == 1 else 'blanks are'} still to be filled in: {named}")
    if severity in _FACILITATED and facilitator is None:
        found.append("no facilitator was appointed")
    if not views:
        found.append("nobody has said how it was for them")
    if items == 0:
        found.append("no action item came of it; where nothing is to change, the review says why")
    return tuple(found)
