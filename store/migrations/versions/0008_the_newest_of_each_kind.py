"""PostgreSQL's search index knows the newest things of each kind, whatever was indexed after them."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards. SQLite has a table for each kind."""
    if op.get_bind().dialect.name != "sqlite":
        # By the negative number, which the primary key cannot give: PostgreSQL would walk through it past all other kinds.
        op.execute("CREATE INDEX ix_search_index_newest ON search_index (kind, (-id))")


def downgrade() -> None:
    """Backwards."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_index("ix_search_index_newest", table_name="search_index")
