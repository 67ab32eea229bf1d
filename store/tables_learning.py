"""The tables behind search, insight and the pattern library; filled in the transaction that saves pictures and entries.

The one thing to know: all but `lessons` and `tags` are derived. `store/deriving.py` makes them again from pictures and
timelines whenever their meaning changes. Insight reads these narrow columns and never a JSON document.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, false

from store.tables import metadata

# SQLite gives out rising row numbers to INTEGER keys only.
_Number = BigInteger().with_variant(Integer, "sqlite")

# One row per thing that can be found. The full-text index itself has the same ids: an FTS5 table for each kind on
# SQLite, `search_index` with a tsvector and a GIN index on PostgreSQL, so only the migrations know its form.
search_documents = Table(
    "search_documents",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("thing_id", Text, nullable=False),
    Column("incident_id", Text),
    Column("at", BigInteger),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    # Of title and body: a picture that is saved again with the same words is not indexed again.
    Column("digest", Text, nullable=False),
    UniqueConstraint("kind", "thing_id"),
)

# By which version of the code each derived part was made.
derivations = Table(
    "derivations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# `is_real`: neither a drill nor declined, merged, cancelled or still in triage. Times between milestones in whole
# seconds, empty while one of the two is not known.
incident_facts = Table(
    "incident_facts",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("is_real", Boolean, nullable=False),
    Column("is_drill", Boolean, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("is_near_miss", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("declared_by", Text, nullable=False),
    Column("reopened", BigInteger, nullable=False),
    Column("to_detect", BigInteger),
    Column("to_acknowledge", BigInteger),
    Column("to_mitigate", BigInteger),
    Column("to_resolve", BigInteger),
    Column("impact", BigInteger),
    # One index holds everything that the insights read, so that they never touch the table.
    Index(
        "ix_incident_facts_measures",
        "is_real", "is_near_miss", "at", "severity", "to_detect", "to_acknowledge", "to_mitigate", "to_resolve",
        "impact", "declared_by", "reopened",
    ),
    Index("ix_incident_facts_is_drill_at", "is_drill", "at"),
)  # fmt: skip

# What an incident has in common with others: service, alert, factor, change, vendor. `source` is the picture it comes
# from, so that a newer picture replaces its own rows. `at`, `is_real` and `is_near_miss` are those of the incident.
incident_dimensions = Table(
    "incident_dimensions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("at", BigInteger),
    Column("is_real", Boolean, nullable=False),
    Column("is_near_miss", Boolean, nullable=False, server_default=false()),
    Index("ix_incident_dimensions_counted", "dimension", "is_real", "is_near_miss", "at", "value", "incident_id"),
    Index("ix_incident_dimensions_alike", "dimension", "value", "at", "incident_id"),
    # With what is read of an incident that is looked up, so that it is found in the index alone.
    Index("ix_incident_dimensions_incident_id", "incident_id", "dimension", "value", "is_real", "at"),
)

# The words of the titles and summaries of real incidents, by which incidents alike are found. A table of its own,
# because the newest with a word stand together in its index: however large the record is, a look costs the same.
incident_words = Table(
    "incident_words",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("word", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("ix_incident_words_newest", "word", "at", "incident_id"),
)

item_facts = Table(
    "item_facts",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("at", BigInteger),
    Column("due_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("is_open", Boolean, nullable=False),
    Column("is_real", Boolean, nullable=False),
    Column("extensions", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    # By incident, so that what each owes is counted without sorting.
    Index("ix_item_facts_debt", "is_real", "is_open", "incident_id", "due_at"),
    # With all that tells whether an item was finished in time, so that counting never touches the table.
    Index("ix_item_facts_finished", "is_real", "finished_at", "state", "due_at", "extensions"),
    Index("ix_item_facts_incident_id", "incident_id", "is_real", "is_open", "due_at"),
)

# Each promise of a next update, and when the next one to that audience really came.
promise_facts = Table(
    "promise_facts",
    metadata,
    Column("update_id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("promised_at", BigInteger),
    Column("answered_at", BigInteger),
    Column("is_real", Boolean, nullable=False),
    Index("ix_promise_facts_kept", "is_real", "promised_at", "audience", "answered_at", "incident_id"),
    Index("ix_promise_facts_order", "incident_id", "audience", "at"),
)

# One row per alert group's episode and rule: what fired, how often, and whether it was an incident in the end.
alert_facts = Table(
    "alert_facts",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("incident_id", Text),
    Column("service", Text),
    Column("at", BigInteger, nullable=False),
    Column("deliveries", BigInteger, nullable=False),
    Column("is_real", Boolean, nullable=False),
    Column("mattered", Boolean, nullable=False),
    # What all of its alerts brought along, and whether the sender said that they ended; empty for episodes that were
    # recorded before this was kept, and are in no picture any more.
    Column("has_title", Boolean),
    Column("has_metric", Boolean),
    Column("has_runbook", Boolean),
    Column("is_resolved", Boolean),
    Column("is_drill", Boolean, nullable=False, server_default=false()),
    Index(
        "ix_alert_facts_noise",
        "is_real", "at", "rule", "mattered", "deliveries", "has_title", "has_metric", "has_runbook", "is_resolved",
    ),
    Index("ix_alert_facts_drills", "is_drill", "at", "rule"),
    Index("ix_alert_facts_incident_id", "incident_id"),
)  # fmt: skip

# One row per person and time that somebody was interrupted; two channels of one page are one interruption.
page_facts = Table(
    "page_facts",
    metadata,
    Column("page_id", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("level", BigInteger, primary_key=True, autoincrement=False),
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("incident_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("is_real", Boolean, nullable=False),
    Index("ix_page_facts_load", "is_real", "at", "person"),
    Index("ix_page_facts_incident_id", "incident_id"),
)

review_facts = Table(
    "review_facts",
    metadata,
    Column("incident_id", Text, primary_key=True),
    # The deadline that was set first; extensions move `due_at` only.
    Column("first_due_at", BigInteger),
    Column("due_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("state", Text, nullable=False),
    Column("extensions", BigInteger, nullable=False),
    Column("is_real", Boolean, nullable=False),
    Index("ix_review_facts_due", "is_real", "first_due_at", "state", "finished_at"),
)

# Not derived: what people wrote. A lesson is changed by writing it again with a higher revision.
lessons = Table(
    "lessons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("incidents", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("is_retired", Boolean, nullable=False),
    Index(None, "is_retired", "at"),
)

tags = Table(
    "tags",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("thing_id", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "tag", "kind"),
)
