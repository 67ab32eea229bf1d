"""The first tables: timelines, pictures, effects."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        "effects",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_effects"),
    )
    op.create_index("ix_effects_incident_id", "effects", ["incident_id"], unique=False)
    op.create_table(
        "pictures",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_drill", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_pictures"),
    )
    op.create_index(
        "ix_pictures_kind_incident_id_rank_id", "pictures", ["kind", "incident_id", "rank", "id"], unique=False
    )
    op.create_index("ix_pictures_kind_is_open_due_at", "pictures", ["kind", "is_open", "due_at"], unique=False)
    op.create_index("ix_pictures_kind_owner_rank_id", "pictures", ["kind", "owner", "rank", "id"], unique=False)
    op.create_index("ix_pictures_kind_rank_id", "pictures", ["kind", "rank", "id"], unique=False)
    op.create_index("ix_pictures_kind_severity_rank_id", "pictures", ["kind", "severity", "rank", "id"], unique=False)
    op.create_index("ix_pictures_kind_state_rank_id", "pictures", ["kind", "state", "rank", "id"], unique=False)
    op.create_table(
        "timeline_counters",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_timeline_counters"),
    )
    op.create_table(
        "timeline_entries",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "number", name="pk_timeline_entries"),
    )
    op.create_index("uq_timeline_entries_incident_id_seq", "timeline_entries", ["incident_id", "seq"], unique=True)
    op.create_table(
        "picture_services",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kind", "id"], ["pictures.kind", "pictures.id"], name="fk_picture_services_pictures", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "service", "id", name="pk_picture_services"),
    )
    op.create_index("ix_picture_services_kind_id", "picture_services", ["kind", "id"], unique=False)


def downgrade() -> None:
    """Backwards."""
    op.drop_index("ix_picture_services_kind_id", table_name="picture_services")
    op.drop_table("picture_services")
    op.drop_index("uq_timeline_entries_incident_id_seq", table_name="timeline_entries")
    op.drop_table("timeline_entries")
    op.drop_table("timeline_counters")
    op.drop_index("ix_pictures_kind_state_rank_id", table_name="pictures")
    op.drop_index("ix_pictures_kind_severity_rank_id", table_name="pictures")
    op.drop_index("ix_pictures_kind_rank_id", table_name="pictures")
    op.drop_index("ix_pictures_kind_owner_rank_id", table_name="pictures")
    op.drop_index("ix_pictures_kind_is_open_due_at", table_name="pictures")
    op.drop_index("ix_pictures_kind_incident_id_rank_id", table_name="pictures")
    op.drop_table("pictures")
    op.drop_index("ix_effects_incident_id", table_name="effects")
    op.drop_table("effects")
