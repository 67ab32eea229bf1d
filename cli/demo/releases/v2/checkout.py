"""Release v2 of the demo shop's till: shares the postage among the further items, and breaks for a basket of one."""

PRICE_CENTS = 1250
POSTAGE_CENTS = 490


def total_cents(items: int) -> int:
    """What the basket costs. With one item the postage is divided by zero: the bug that the demo is about."""
    return items * PRICE_CENTS + items * (POSTAGE_CENTS // (items - 1))
