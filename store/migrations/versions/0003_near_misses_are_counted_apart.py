"""What an incident shares with others says whether it was a near miss, so that near misses are counted apart."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards. The values come with the next start, which makes all facts anew."""
    op.add_column(
        "incident_dimensions", sa.Column("is_near_miss", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.drop_index("ix_incident_dimensions_values", table_name="incident_dimensions")
    op.create_index(
        "ix_incident_dimensions_counted",
        "incident_dimensions",
        ["dimension", "is_real", "is_near_miss", "at", "value", "incident_id"],
    )


def downgrade() -> None:
    """Backwards."""
    op.drop_index("ix_incident_dimensions_counted", table_name="incident_dimensions")
    op.drop_column("incident_dimensions", "is_near_miss")
    op.create_index(
        "ix_incident_dimensions_values", "incident_dimensions", ["dimension", "is_real", "at", "value", "incident_id"]
    )
