"""audiences: saved rules, lists, counts under way; campaigns' rules in their new form."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Change the tables forward."""
    _make_tables()
    _rewrite(_as_rule)


def downgrade() -> None:
    """Change the tables back. Raises RuntimeError while a campaign waits that has rules."""
    waiting = op.get_bind().execute(
        sa.text(
            "SELECT count(*) FROM campaigns_campaign WHERE state IN ('draft', 'scheduled')"
            " AND audience -> 'rule' ->> 'kind' <> 'everybody'"
        )
    )
    if waiting.scalar_one():
        # In the old form they would go to everybody.
        raise RuntimeError("cancel the campaigns that wait with rules of their own, then go back")
    _rewrite(lambda _: {})
    for table in ("count", "list_member", "list", "audience"):
        op.drop_table(f"campaigns_{table}")


def _make_tables() -> None:
    number = sa.BigInteger()
    op.create_table(
        "campaigns_audience",
        sa.Column("id", number, sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns_audience"),
        sa.UniqueConstraint("name", name="uq_campaigns_audience_name"),
    )
    op.create_table(
        "campaigns_list",
        sa.Column("id", number, sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns_list"),
        sa.UniqueConstraint("name", name="uq_campaigns_list_name"),
    )
    op.create_table(
        "campaigns_list_member",
        sa.Column("list_id", number, nullable=False),
        sa.Column("person_id", number, autoincrement=False, nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["campaigns_list.id"],
            name="fk_campaigns_list_member_list_id_campaigns_list",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("list_id", "person_id", name="pk_campaigns_list_member"),
    )
    op.create_table(
        "campaigns_count",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("as_at", MOMENT, nullable=False),
        sa.Column("next_person", number, nullable=False),
        sa.Column("last_person", number, nullable=False),
        sa.Column("audience", number, nullable=False),
        sa.Column("allowed", number, nullable=False),
        sa.Column("refused", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_campaigns_count"),
    )


def _rewrite(change: Any) -> None:
    """Put every campaign's audience into another form."""
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT id, audience FROM campaigns_campaign")).all()
    for campaign_id, audience in rows:
        bind.execute(
            sa.text("UPDATE campaigns_campaign SET audience = CAST(:new AS jsonb) WHERE id = :id"),
            {"new": json.dumps(change(audience)), "id": campaign_id},
        )


def _as_rule(old: Mapping[str, Any]) -> dict[str, Any]:
    """Say in rules what the former fields said, all of which had to hold."""
    rules: list[dict[str, Any]] = []
    for field, kind in (("languages", "language"), ("countries", "country")):
        if old.get(field):
            rules.append({"kind": kind, "any_of": old[field]})
    names = {"ordered_since": "since", "ordered_before": "before", "product": "product"}
    names["orders_at_least"] = "orders_at_least"
    ordered = {new: old[name] for name, new in names.items() if old.get(name)}
    if ordered:
        rules.append({"kind": "ordered", **ordered})
    if len(rules) > 1:
        return {"rule": {"kind": "all", "of": rules}}
    return {"rule": rules[0] if rules else {"kind": "everybody"}}
