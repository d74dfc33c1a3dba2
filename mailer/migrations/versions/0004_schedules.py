"""schedules: a campaign keeps its plan and its occurrences, a mailing its quiet hours."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CAMPAIGN = "campaigns_campaign"
OCCURRENCE = "uq_campaigns_campaign_occurrence"


def upgrade() -> None:
    """Change the tables forward: columns that may be empty, no table is rewritten."""
    op.add_column("delivery_mailing", sa.Column("quiet_hours", postgresql.JSONB()))
    op.add_column(CAMPAIGN, sa.Column("plan", postgresql.JSONB()))
    op.add_column(CAMPAIGN, sa.Column("series_id", sa.BigInteger()))
    op.add_column(CAMPAIGN, sa.Column("occurrence", sa.Integer()))
    op.create_index(
        OCCURRENCE,
        CAMPAIGN,
        ["series_id", "occurrence"],
        unique=True,
        postgresql_where=sa.text("series_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_index(OCCURRENCE, table_name=CAMPAIGN)
    for column in ("occurrence", "series_id", "plan"):
        op.drop_column(CAMPAIGN, column)
    op.drop_column("delivery_mailing", "quiet_hours")
