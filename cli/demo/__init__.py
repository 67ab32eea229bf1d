"""`hotwash demo`: a shop of real processes breaks, and Hotwash takes it from the alert to the last action item."""
