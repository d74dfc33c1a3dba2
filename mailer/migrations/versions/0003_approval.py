"""approval of campaigns: who wrote them, who approved them, what they were copied from."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "campaigns_campaign"
NEW = ("authors", "approved_by", "approved_at", "copied_from", "audience_size")


def upgrade() -> None:
    """Change the tables forward, without holding up those who write."""
    op.add_column(TABLE, sa.Column("authors", JSONB, server_default="[]", nullable=False))
    op.add_column(TABLE, sa.Column("approved_by", sa.String))
    op.add_column(TABLE, sa.Column("approved_at", sa.DateTime(timezone=True)))
    op.add_column(TABLE, sa.Column("copied_from", sa.BigInteger))
    op.add_column(TABLE, sa.Column("audience_size", sa.Integer))
    op.execute("UPDATE campaigns_campaign SET authors = jsonb_build_array(created_by)")
    op.execute(
        "UPDATE campaigns_campaign c SET audience_size = m.audience"
        " FROM delivery_mailing m WHERE m.id = c.mailing_id"
    )


def downgrade() -> None:
    """Change the tables back."""
    for column in NEW:
        op.drop_column(TABLE, column)
