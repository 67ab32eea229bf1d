"""SQLite's full-text index becomes one for each kind: FTS5 counts every hit of a word before it ranks one."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = ("incident", "entry", "review", "action_item", "runbook", "lesson")
_FORM = "tokenize = 'porter unicode61 remove_diacritics 0', prefix = '2 3'"


def upgrade() -> None:
    """Forwards. PostgreSQL's index stays as it is."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for kind in _KINDS:
        op.execute(f"CREATE VIRTUAL TABLE search_index_{kind} USING fts5(title, body, {_FORM})")
        op.execute(
            f"INSERT INTO search_index_{kind} (rowid, title, body) SELECT rowid, title, body FROM search_index"
            f" WHERE kind MATCH 'xxkind{kind.replace('_', '')}'"
        )
    op.execute("DROP TABLE search_index")


def downgrade() -> None:
    """Backwards."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute(f"CREATE VIRTUAL TABLE search_index USING fts5(kind, title, body, {_FORM})")
    for kind in _KINDS:
        op.execute(
            f"INSERT INTO search_index (rowid, kind, title, body)"
            f" SELECT rowid, 'xxkind{kind.replace('_', '')}', title, body FROM search_index_{kind}"
        )
        op.execute(f"DROP TABLE search_index_{kind}")
