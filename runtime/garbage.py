"""When Python looks for garbage: seldom while a process reads its modules, as usual afterwards.

Called by `cli/`. The one thing to know: what a start has read is never garbage, so it is not looked through again; the
rest is collected by Python's own thresholds, so that a long life (evicted workflows are large cycles) grows no larger.
"""

import gc

_USUAL = gc.get_threshold()
_WHILE_READING = 50_000


def reading() -> None:
    """A process begins to read its modules; without this a sixth of its start is spent on looking for garbage."""
    gc.set_threshold(_WHILE_READING, *_USUAL[1:])


def has_read() -> None:
    """All is read, and the long life begins; may be called again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_USUAL)
