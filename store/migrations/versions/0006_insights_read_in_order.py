"""Insights read indexes in the order in which they count: near misses apart, what is owed and shared by incident."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MEASURES = ("severity", "to_detect", "to_acknowledge", "to_mitigate", "to_resolve", "impact", "declared_by", "reopened")
_SHARED = ("incident_id", "dimension", "value")


def upgrade() -> None:
    """Forwards."""
    op.drop_index("ix_incident_facts_measures", table_name="incident_facts")
    op.create_index("ix_incident_facts_measures", "incident_facts", ["is_real", "is_near_miss", "at", *_MEASURES])
    op.drop_index("ix_item_facts_debt", table_name="item_facts")
    op.create_index("ix_item_facts_debt", "item_facts", ["is_real", "is_open", "incident_id", "due_at"])
    op.drop_index("ix_incident_dimensions_incident_id", table_name="incident_dimensions")
    op.create_index("ix_incident_dimensions_incident_id", "incident_dimensions", [*_SHARED, "is_real", "at"])


def downgrade() -> None:
    """Backwards."""
    op.drop_index("ix_incident_dimensions_incident_id", table_name="incident_dimensions")
    op.create_index("ix_incident_dimensions_incident_id", "incident_dimensions", list(_SHARED))
    op.drop_index("ix_item_facts_debt", table_name="item_facts")
    op.create_index("ix_item_facts_debt", "item_facts", ["is_real", "is_open", "due_at", "incident_id"])
    op.drop_index("ix_incident_facts_measures", table_name="incident_facts")
    op.create_index("ix_incident_facts_measures", "incident_facts", ["is_real", "at", *_MEASURES, "is_near_miss"])
