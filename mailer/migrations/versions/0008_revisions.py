"""approvals: what they were given for, how many people there were; why a start was refused."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "campaigns_campaign"
NEW = ("approved_revision", "approved_size", "list_changes", "taken_back")


def upgrade() -> None:
    """Change the tables forward; what is approved stays approved as it stands."""
    op.add_column(TABLE, sa.Column("approved_revision", sa.String))
    op.add_column(TABLE, sa.Column("approved_size", sa.Integer))
    op.add_column(TABLE, sa.Column("list_changes", sa.Integer, server_default="0", nullable=False))
    op.add_column(TABLE, sa.Column("taken_back", sa.String))
    _name_what_is_approved()


def downgrade() -> None:
    """Change the tables back."""
    for column in NEW:
        op.drop_column(TABLE, column)


def _name_what_is_approved() -> None:
    bind = op.get_bind()
    approved = sa.text(
        "SELECT id, topic, content, audience, plan FROM campaigns_campaign"
        " WHERE approved_by IS NOT NULL"
    )
    for campaign_id, *said in bind.execute(approved).all():
        bind.execute(
            sa.text(
                "UPDATE campaigns_campaign SET approved_revision = :revision, approved_size = ("
                " SELECT CAST(detail ->> 'audience' AS integer) FROM ledger_entry"
                " WHERE kind = 'campaign.approved' AND at = campaigns_campaign.approved_at"
                " AND detail @> CAST(:about AS jsonb) ORDER BY id LIMIT 1) WHERE id = :id"
            ),
            {
                "id": campaign_id,
                "revision": _revision(*said),
                "about": json.dumps({"campaign": campaign_id}),
            },
        )


def _revision(topic: str, content: Any, audience: Any, plan: Any) -> str:
    said = (topic, content, audience, 0, plan)
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
