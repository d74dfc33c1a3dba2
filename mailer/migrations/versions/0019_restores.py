"""restores: what a database knows of the journal, and who has looked."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | Sequence[str] | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward."""
    op.create_table(
        "recovery_mark",
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("journal", "file", name=op.f("pk_recovery_mark")),
    )
    op.create_table(
        "delivery_clearance",
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_delivery_clearance")),
    )
    op.create_table(
        "delivery_halt",
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("mailings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("journal", name=op.f("pk_delivery_halt")),
    )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_table("delivery_halt")
    op.drop_table("delivery_clearance")
    op.drop_table("recovery_mark")
