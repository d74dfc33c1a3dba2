"""tests of campaigns: which mailings show a campaign to staff."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward, without holding up those who write."""
    op.create_table(
        "campaigns_test",
        sa.Column("mailing_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", name="pk_campaigns_test"),
    )
    op.create_index("ix_campaigns_test_at", "campaigns_test", ["at"])


def downgrade() -> None:
    """Change the tables back."""
    op.drop_table("campaigns_test")
