"""Words of titles get a table, by which incidents alike are found; PostgreSQL's search index tells the kind of a thing."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FINISHED = ("is_real", "finished_at", "state")


def upgrade() -> None:
    """Forwards. The words come with the next start, which makes everything anew from the record."""
    op.create_table(
        "incident_words",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "word", name=op.f("pk_incident_words")),
    )
    op.create_index("ix_incident_words_newest", "incident_words", ["word", "at", "incident_id"])
    op.drop_index("ix_item_facts_finished", table_name="item_facts")
    op.create_index("ix_item_facts_finished", "item_facts", [*_FINISHED, "due_at", "extensions"])
    if op.get_bind().dialect.name == "sqlite":
        return
    # Copied in the order of the numbers, as searches read it. Adding a column to each row would leave twice the space.
    op.execute(
        "CREATE TABLE search_index_with_kind (id BIGINT PRIMARY KEY REFERENCES search_documents (id) ON DELETE CASCADE,"
        " kind TEXT NOT NULL, vector TSVECTOR NOT NULL)"
    )
    op.execute(
        "INSERT INTO search_index_with_kind (id, kind, vector) SELECT id, kind, vector"
        " FROM search_index JOIN search_documents USING (id) ORDER BY id"
    )
    op.execute("DROP TABLE search_index")
    op.execute("ALTER TABLE search_index_with_kind RENAME TO search_index")
    op.execute("ALTER INDEX search_index_with_kind_pkey RENAME TO search_index_pkey")
    op.execute("CREATE INDEX search_index_vector ON search_index USING gin (vector)")


def downgrade() -> None:
    """Backwards."""
    op.drop_index("ix_item_facts_finished", table_name="item_facts")
    op.create_index("ix_item_facts_finished", "item_facts", list(_FINISHED))
    op.drop_table("incident_words")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE search_index DROP COLUMN kind")
