"""The nouns of incident work and every decision about them, as pure functions.

Nothing here knows of Temporal, HTTP, SQL or the clock: time is passed in, and a decision returns a named reason.
"""
