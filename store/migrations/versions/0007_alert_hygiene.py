"""Alerts say what they bring along: a title, what was measured, a runbook link; whether they ended, and whether in a drill."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BROUGHT = ("has_title", "has_metric", "has_runbook", "is_resolved")
_COUNTED = ("is_real", "at", "rule", "mattered", "deliveries")


def upgrade() -> None:
    """Forwards. The values come with the next start, which makes all facts anew."""
    for name in _BROUGHT:
        op.add_column("alert_facts", sa.Column(name, sa.Boolean(), nullable=True))
    op.add_column("alert_facts", sa.Column("is_drill", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("ix_alert_facts_noise", table_name="alert_facts")
    op.create_index("ix_alert_facts_noise", "alert_facts", [*_COUNTED, *_BROUGHT])
    op.create_index("ix_alert_facts_drills", "alert_facts", ["is_drill", "at", "rule"])


def downgrade() -> None:
    """Backwards."""
    op.drop_index("ix_alert_facts_drills", table_name="alert_facts")
    op.drop_index("ix_alert_facts_noise", table_name="alert_facts")
    op.create_index("ix_alert_facts_noise", "alert_facts", list(_COUNTED))
    for name in ("is_drill", *_BROUGHT):
        op.drop_column("alert_facts", name)
