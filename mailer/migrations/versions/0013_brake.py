"""brake: limits for a campaign's figures, the figures, and why it was stopped."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | Sequence[str] | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEEPERS = ("delivery_mailing", "campaigns_campaign")
FIGURES = ("accepted", "rejected", "unknown", "hard_bounces", "refused_later", "complaints")


def upgrade() -> None:
    """Change the tables forward; a mailing that is under way goes on without a brake."""
    op.create_table(
        "delivery_tally",
        sa.Column("mailing_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in FIGURES),
        sa.PrimaryKeyConstraint("mailing_id", name=op.f("pk_delivery_tally")),
    )
    for table in KEEPERS:
        op.add_column(table, sa.Column("brake", postgresql.JSONB()))
        op.add_column(table, sa.Column("braked", postgresql.JSONB()))


def downgrade() -> None:
    """Change the tables back."""
    for table in KEEPERS:
        op.drop_column(table, "braked")
        op.drop_column(table, "brake")
    op.drop_table("delivery_tally")
