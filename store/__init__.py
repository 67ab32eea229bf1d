"""The record that outlives the engine: the only SQL in the house. SQLite and PostgreSQL behind one interface.

`open_store(url)` gives everything: `record` and `ledger` for activities, `reader` for the API. The store is a
projection of what workflows hold: it may lag, be down, or be written twice, and nothing is lost or doubled.
"""

from store.interface import Listing, RecordReader, Revision, Store
from store.opening import open_store

__all__ = ["Listing", "RecordReader", "Revision", "Store", "open_store"]
