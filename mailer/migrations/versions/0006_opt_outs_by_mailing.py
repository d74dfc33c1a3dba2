"""opt-outs name the mailing by whose link they came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEX = "ix_permission_consent_mailing_id"


def upgrade() -> None:
    """Change the tables forward, without holding up those who write."""
    op.add_column(
        "permission_consent",
        sa.Column("mailing_id", sa.BigInteger(), nullable=True),
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        # What an interrupted run left behind would be an invalid index.
        op.drop_index(INDEX, table_name="permission_consent", if_exists=True)
        op.create_index(
            INDEX,
            "permission_consent",
            ["mailing_id"],
            postgresql_where=sa.text("mailing_id IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_index(INDEX, table_name="permission_consent")
    op.drop_column("permission_consent", "mailing_id")
