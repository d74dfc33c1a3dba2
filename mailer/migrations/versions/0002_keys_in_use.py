"""keys in use, and who uses an address: both are found in an index."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = (
    ("ix_people_address_index_key", "people_address", "index_key"),
    ("ix_people_address_use_address_id", "people_address_use", "address_id"),
    ("ix_vault_person_key_vault_key", "vault_person_key", "vault_key"),
)


def upgrade() -> None:
    """Change the tables forward, without holding up those who write."""
    with op.get_context().autocommit_block():
        for name, table, column in INDEXES:
            # What an interrupted run left behind would be an invalid index.
            op.drop_index(name, table_name=table, if_exists=True)
            op.create_index(name, table, [column], postgresql_concurrently=True)


def downgrade() -> None:
    """Change the tables back."""
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)
