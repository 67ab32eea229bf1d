"""The tables. `store/migrations` makes them; a test holds both together.

Times are whole microseconds since 1970 (UTC): both databases compare and index them the same way.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKeyConstraint, Index, MetaData, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row per incident: the last `seq` that was given. Its row lock makes savers of one incident stand in line.
timeline_counters = Table(
    "timeline_counters",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
)

timeline_entries = Table(
    "timeline_entries",
    metadata,
    # The workflow (and episode) that wrote it, and its number there: what makes saving again harmless.
    Column("origin", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # Both None for an alert group that has no incident.
    Column("incident_id", Text),
    Column("seq", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Index("uq_timeline_entries_incident_id_seq", "incident_id", "seq", unique=True),
)

# The newest picture of each thing, with the columns that lists filter and sort by; `store/columns.py` fills them.
pictures = Table(
    "pictures",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("incident_id", Text),
    Column("state", Text),
    Column("severity", Text),
    Column("owner", Text),
    Column("title", Text, nullable=False),
    Column("at", BigInteger),
    Column("due_at", BigInteger),
    Column("is_open", Boolean, nullable=False),
    Column("is_drill", Boolean, nullable=False),
    # Lists are in falling order of this: the time for "newest first", minus the due date for "soonest first".
    Column("rank", BigInteger, nullable=False),
    # Folded text that `q` is looked for in.
    Column("search", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Index(None, "kind", "rank", "id"),
    Index(None, "kind", "state", "rank", "id"),
    Index(None, "kind", "severity", "rank", "id"),
    Index(None, "kind", "owner", "rank", "id"),
    Index(None, "kind", "incident_id", "rank", "id"),
    Index(None, "kind", "is_open", "due_at"),
)

picture_services = Table(
    "picture_services",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    ForeignKeyConstraint(["kind", "id"], ["pictures.kind", "pictures.id"], ondelete="CASCADE"),
    Index(None, "kind", "id"),
)

# Outside effects: claimed before, settled after. A claim without `settled_at` is one whose outcome nobody knows.
effects = Table(
    "effects",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("incident_id", Text),
    Column("claimed_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("outcome", JSON(none_as_null=True)),
    Index(None, "incident_id"),
)
