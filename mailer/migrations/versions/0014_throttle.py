"""throttle: where mail leaves slower since a provider asked for it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | Sequence[str] | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward."""
    op.create_table(
        "delivery_throttle",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("top", sa.Float(), nullable=False),
        sa.Column("slowed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_delivery_throttle")),
    )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_table("delivery_throttle")
