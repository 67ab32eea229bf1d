"""Search, insight and the pattern library: the full-text index, the narrow tables of facts, lessons and tags."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Every kind of word that PostgreSQL's parser knows; `domain.search.words_of` leaves only letters and digits.
_WORDS = "asciiword, word, numword"


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        "alert_facts",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.Column("mattered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "rule", name=op.f("pk_alert_facts")),
    )
    op.create_index("ix_alert_facts_incident_id", "alert_facts", ["incident_id"], unique=False)
    op.create_index(
        "ix_alert_facts_noise", "alert_facts", ["is_real", "at", "rule", "mattered", "deliveries"], unique=False
    )
    op.create_table(
        "derivations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_derivations")),
    )
    op.create_table(
        "incident_dimensions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "dimension", "value", name=op.f("pk_incident_dimensions")),
    )
    op.create_index(
        "ix_incident_dimensions_alike", "incident_dimensions", ["dimension", "value", "at", "incident_id"], unique=False
    )
    op.create_index(
        "ix_incident_dimensions_incident_id", "incident_dimensions", ["incident_id", "dimension", "value"], unique=False
    )
    op.create_index(
        "ix_incident_dimensions_values",
        "incident_dimensions",
        ["dimension", "is_real", "at", "value", "incident_id"],
        unique=False,
    )
    op.create_table(
        "incident_facts",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.Column("is_drill", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_near_miss", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.Column("reopened", sa.BigInteger(), nullable=False),
        sa.Column("to_detect", sa.BigInteger(), nullable=True),
        sa.Column("to_acknowledge", sa.BigInteger(), nullable=True),
        sa.Column("to_mitigate", sa.BigInteger(), nullable=True),
        sa.Column("to_resolve", sa.BigInteger(), nullable=True),
        sa.Column("impact", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incident_facts")),
    )
    op.create_index("ix_incident_facts_is_drill_at", "incident_facts", ["is_drill", "at"], unique=False)
    op.create_index(
        "ix_incident_facts_measures",
        "incident_facts",
        [
            "is_real",
            "at",
            "severity",
            "to_detect",
            "to_acknowledge",
            "to_mitigate",
            "to_resolve",
            "impact",
            "declared_by",
            "reopened",
            "is_near_miss",
        ],
        unique=False,
    )
    op.create_table(
        "item_facts",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.Column("extensions", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_item_facts")),
    )
    op.create_index("ix_item_facts_debt", "item_facts", ["is_real", "is_open", "due_at", "incident_id"], unique=False)
    op.create_index("ix_item_facts_finished", "item_facts", ["is_real", "finished_at", "state"], unique=False)
    op.create_index("ix_item_facts_incident_id", "item_facts", ["incident_id", "is_real", "is_open", "due_at"], unique=False)
    op.create_table(
        "lessons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("incidents", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lessons")),
    )
    op.create_index(op.f("ix_lessons_is_retired_at"), "lessons", ["is_retired", "at"], unique=False)
    op.create_table(
        "page_facts",
        sa.Column("page_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("level", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("page_id", "person", "level", "round", name=op.f("pk_page_facts")),
    )
    op.create_index("ix_page_facts_incident_id", "page_facts", ["incident_id"], unique=False)
    op.create_index("ix_page_facts_load", "page_facts", ["is_real", "at", "person"], unique=False)
    op.create_table(
        "promise_facts",
        sa.Column("update_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("promised_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("update_id", name=op.f("pk_promise_facts")),
    )
    op.create_index(
        "ix_promise_facts_kept",
        "promise_facts",
        ["is_real", "promised_at", "audience", "answered_at", "incident_id"],
        unique=False,
    )
    op.create_index("ix_promise_facts_order", "promise_facts", ["incident_id", "audience", "at"], unique=False)
    op.create_table(
        "review_facts",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("first_due_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("extensions", sa.BigInteger(), nullable=False),
        sa.Column("is_real", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_review_facts")),
    )
    op.create_index(
        "ix_review_facts_due", "review_facts", ["is_real", "first_due_at", "state", "finished_at"], unique=False
    )
    op.create_table(
        "search_documents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("thing_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_documents")),
        sa.UniqueConstraint("kind", "thing_id", name=op.f("uq_search_documents_kind_thing_id")),
    )
    op.create_table(
        "tags",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("thing_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "thing_id", "tag", name=op.f("pk_tags")),
    )
    op.create_index(op.f("ix_tags_tag_kind"), "tags", ["tag", "kind"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        # `kind` is a word like the others, so that a search in one kind meets the index.
        op.execute(
            "CREATE VIRTUAL TABLE search_index USING fts5"
            "(kind, title, body, tokenize = 'porter unicode61 remove_diacritics 0', prefix = '2 3')"
        )
        return
    # Stems like SQLite's porter, and no stop words, so that both databases find the same.
    op.execute("CREATE TEXT SEARCH DICTIONARY hotwash_stem (TEMPLATE = snowball, LANGUAGE = english)")
    op.execute("CREATE TEXT SEARCH CONFIGURATION hotwash (COPY = simple)")
    op.execute(f"ALTER TEXT SEARCH CONFIGURATION hotwash ALTER MAPPING FOR {_WORDS} WITH hotwash_stem")
    op.execute(
        "CREATE TABLE search_index (id BIGINT PRIMARY KEY REFERENCES search_documents (id) ON DELETE CASCADE,"
        " vector TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX search_index_vector ON search_index USING gin (vector)")


def downgrade() -> None:
    """Backwards."""
    op.execute("DROP TABLE search_index")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP TEXT SEARCH CONFIGURATION hotwash")
        op.execute("DROP TEXT SEARCH DICTIONARY hotwash_stem")
    op.drop_index(op.f("ix_tags_tag_kind"), table_name="tags")
    op.drop_table("tags")
    op.drop_table("search_documents")
    op.drop_index("ix_review_facts_due", table_name="review_facts")
    op.drop_table("review_facts")
    op.drop_index("ix_promise_facts_order", table_name="promise_facts")
    op.drop_index("ix_promise_facts_kept", table_name="promise_facts")
    op.drop_table("promise_facts")
    op.drop_index("ix_page_facts_load", table_name="page_facts")
    op.drop_index("ix_page_facts_incident_id", table_name="page_facts")
    op.drop_table("page_facts")
    op.drop_index(op.f("ix_lessons_is_retired_at"), table_name="lessons")
    op.drop_table("lessons")
    op.drop_index("ix_item_facts_incident_id", table_name="item_facts")
    op.drop_index("ix_item_facts_finished", table_name="item_facts")
    op.drop_index("ix_item_facts_debt", table_name="item_facts")
    op.drop_table("item_facts")
    op.drop_index("ix_incident_facts_measures", table_name="incident_facts")
    op.drop_index("ix_incident_facts_is_drill_at", table_name="incident_facts")
    op.drop_table("incident_facts")
    op.drop_index("ix_incident_dimensions_values", table_name="incident_dimensions")
    op.drop_index("ix_incident_dimensions_incident_id", table_name="incident_dimensions")
    op.drop_index("ix_incident_dimensions_alike", table_name="incident_dimensions")
    op.drop_table("incident_dimensions")
    op.drop_table("derivations")
    op.drop_index("ix_alert_facts_noise", table_name="alert_facts")
    op.drop_index("ix_alert_facts_incident_id", table_name="alert_facts")
    op.drop_table("alert_facts")
