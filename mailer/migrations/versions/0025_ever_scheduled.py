"""a campaign says whether it was ever scheduled."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | Sequence[str] | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward; of a draft that was taken back, the ledger tells."""
    op.add_column(
        "campaigns_campaign",
        sa.Column("was_scheduled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.execute(
        "UPDATE campaigns_campaign SET was_scheduled = true WHERE plan IS NOT NULL OR id IN"
        " (SELECT CAST(detail ->> 'campaign' AS bigint) FROM ledger_entry"
        " WHERE kind = 'campaign.scheduled')"
    )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_column("campaigns_campaign", "was_scheduled")
