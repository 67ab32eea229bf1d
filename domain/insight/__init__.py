"""What many incidents teach: the statistics, the sentences and the grades, as pure functions over counted rows.

The store counts (`store/insight.py`), this package decides what may be said. Called by the API and by the weekly
operations review.
"""
