"""first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward."""
    op.create_table(
        "access_api_key",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_access_api_key_scopes")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name=op.f("ck_access_api_key_name")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_access_api_key_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_api_key")),
    )
    op.create_index("uq_access_api_key_hash", "access_api_key", ["hash"], unique=True)
    op.create_table(
        "access_idempotency",
        sa.Column("key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column(
            "answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.CheckConstraint(
            "(status IS NULL) = (answer IS NULL)", name=op.f("ck_access_idempotency_answered")
        ),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name=op.f("ck_access_idempotency_key")),
        sa.CheckConstraint(
            "octet_length(request_hash) = 32", name=op.f("ck_access_idempotency_request_hash")
        ),
        sa.PrimaryKeyConstraint("key_id", "key", name=op.f("pk_access_idempotency")),
    )
    op.create_index(
        "ix_access_idempotency_created_at", "access_idempotency", ["created_at"], unique=False
    )
    op.create_table(
        "campaigns_campaign",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("audience", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), nullable=True),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'scheduled' OR scheduled_for IS NOT NULL",
            name=op.f("ck_campaigns_campaign_scheduled_has_a_moment"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'sending', 'paused', 'finished', 'cancelled')",
            name=op.f("ck_campaigns_campaign_state_is_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'paused', 'finished') OR mailing_id IS NOT NULL",
            name=op.f("ck_campaigns_campaign_started_has_a_mailing"),
        ),
        sa.CheckConstraint(
            "topic IN ('company_news', 'software_updates', 'product_information', 'service_and_events', 'partner_offers')",
            name=op.f("ck_campaigns_campaign_topic_is_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns_campaign")),
        sa.UniqueConstraint("mailing_id", name=op.f("uq_campaigns_campaign_mailing_id")),
    )
    op.create_index(
        "ix_campaigns_campaign_due",
        "campaigns_campaign",
        ["scheduled_for"],
        unique=False,
        postgresql_where=sa.text("state = 'scheduled'"),
    )
    op.create_table(
        "delivery_batch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("accepted", sa.SmallInteger(), nullable=False),
        sa.Column("refused", sa.SmallInteger(), nullable=False),
        sa.Column("rejected", sa.SmallInteger(), nullable=False),
        sa.Column("unknown", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('prepared', 'claimed', 'handing', 'settled', 'unknown', 'cancelled')",
            name=op.f("ck_delivery_batch_state"),
        ),
        sa.CheckConstraint(
            "accepted + refused + rejected + unknown <= size", name=op.f("ck_delivery_batch_books")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_batch")),
    )
    op.create_index(
        "ix_delivery_batch_due",
        "delivery_batch",
        ["lane", "not_before", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('prepared', 'claimed')"),
    )
    op.create_index(
        "ix_delivery_batch_handing",
        "delivery_batch",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'handing'"),
    )
    op.create_index("ix_delivery_batch_mailing", "delivery_batch", ["mailing_id"], unique=False)
    op.create_index("ix_delivery_batch_root", "delivery_batch", ["root_id"], unique=False)
    op.create_table(
        "delivery_exception",
        sa.Column("batch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "person_id", name=op.f("pk_delivery_exception")),
    )
    op.create_index(
        "ix_delivery_exception_person",
        "delivery_exception",
        ["person_id", "batch_id"],
        unique=False,
    )
    op.create_table(
        "delivery_heard",
        sa.Column("mailing_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("heard", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", "person_id", "heard", name=op.f("pk_delivery_heard")),
    )
    op.create_table(
        "delivery_lane",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("stopped_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_delivery_lane")),
    )
    op.create_table(
        "delivery_mailing",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("letter", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sealed_fields", sa.LargeBinary(), nullable=True),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("audience", sa.Integer(), nullable=False),
        sa.Column("use_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(stream = 'promotional') = (topic IS NOT NULL)", name=op.f("ck_delivery_mailing_topic")
        ),
        sa.CheckConstraint(
            "state IN ('sending', 'paused', 'cancelled')", name=op.f("ck_delivery_mailing_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_mailing")),
        sa.UniqueConstraint("key", name=op.f("uq_delivery_mailing_key")),
    )
    op.create_table(
        "delivery_pace",
        sa.Column("budget", sa.String(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("budget", name=op.f("pk_delivery_pace")),
    )
    op.create_table(
        "delivery_place",
        sa.Column("address_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_id", "mailing_id", name=op.f("pk_delivery_place")),
    )
    op.create_table(
        "delivery_roster",
        sa.Column("batch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("persons", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("addresses", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_delivery_roster")),
    )
    op.create_table(
        "intake_arrival",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("topics", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "person_id", name=op.f("pk_intake_arrival")),
    )
    op.create_table(
        "intake_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("rejects_bytes", sa.BigInteger(), nullable=False),
        sa.Column("granted_to", sa.BigInteger(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_run")),
    )
    op.create_index(
        "ix_intake_run_fingerprint",
        "intake_run",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("mailing_id", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("kind ~ '^[a-z][a-z_.]{0,63}$'", name=op.f("ck_ledger_entry_kind")),
        sa.CheckConstraint("length(actor) BETWEEN 1 AND 100", name=op.f("ck_ledger_entry_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
    )
    op.create_index(
        "ix_ledger_entry_mailing_id_at_id",
        "ledger_entry",
        ["mailing_id", "at", "id"],
        unique=False,
        postgresql_where=sa.text("mailing_id IS NOT NULL"),
    )
    op.create_index(
        "ix_ledger_entry_person_id_at_id",
        "ledger_entry",
        ["person_id", "at", "id"],
        unique=False,
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.create_table(
        "measure_click",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('get', 'head', 'prefetch', 'proxy', 'scanner')",
            name=op.f("ck_measure_click_kind"),
        ),
        sa.CheckConstraint("n >= 0", name=op.f("ck_measure_click_n")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure_click")),
    )
    op.create_index("ix_measure_click_mailing_id", "measure_click", ["mailing_id"], unique=False)
    op.create_index("ix_measure_click_person_id", "measure_click", ["person_id"], unique=False)
    op.create_table(
        "measure_open",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('get', 'head', 'prefetch', 'proxy', 'scanner')",
            name=op.f("ck_measure_open_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure_open")),
    )
    op.create_index("ix_measure_open_mailing_id", "measure_open", ["mailing_id"], unique=False)
    op.create_index("ix_measure_open_person_id", "measure_open", ["person_id"], unique=False)
    op.create_table(
        "orders_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('received', 'confirmed', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded', 'payment_failed', 'statement', 'receipt', 'card_expiring')",
            name=op.f("ck_orders_event_kind_is_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders_event")),
        sa.UniqueConstraint(
            "subject", "kind", "event_id", name=op.f("uq_orders_event_subject_kind_event_id")
        ),
    )
    op.create_index(
        "ix_orders_event_person_id_occurred_at",
        "orders_event",
        ["person_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "orders_order",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed_for", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip", sa.LargeBinary(), nullable=True),
        sa.Column("payment", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$'", name=op.f("ck_orders_order_currency_is_a_code")
        ),
        sa.CheckConstraint("total >= 0", name=op.f("ck_orders_order_total_is_no_debt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders_order")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_order_number")),
    )
    op.create_index(
        "ix_orders_order_person_id_placed_at",
        "orders_order",
        ["person_id", "placed_at"],
        unique=False,
    )
    op.create_index(op.f("ix_orders_order_placed_at"), "orders_order", ["placed_at"], unique=False)
    op.create_table(
        "people_address",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("blind", sa.LargeBinary(), nullable=False),
        sa.Column("index_key", sa.Text(), nullable=False),
        sa.Column("domain_tag", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_address")),
        sa.UniqueConstraint("blind", name=op.f("uq_people_address_blind")),
    )
    op.create_table(
        "people_address_use",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "address_id", name=op.f("pk_people_address_use")),
    )
    op.create_table(
        "people_customer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("index_key", sa.Text(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("street", sa.LargeBinary(), nullable=True),
        sa.Column("city", sa.LargeBinary(), nullable=True),
        sa.Column("region", sa.LargeBinary(), nullable=True),
        sa.Column("postal_code", sa.LargeBinary(), nullable=True),
        sa.Column("birth_year", sa.LargeBinary(), nullable=True),
        sa.Column("phone_blind", sa.LargeBinary(), nullable=True),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into", sa.BigInteger(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_customer")),
        sa.UniqueConstraint("external_id", name=op.f("uq_people_customer_external_id")),
    )
    op.create_index(
        "ix_people_customer_address_id", "people_customer", ["address_id"], unique=False
    )
    op.create_index(
        "ix_people_customer_merged_into",
        "people_customer",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(
        "ix_people_customer_phone_blind",
        "people_customer",
        ["phone_blind"],
        unique=False,
        postgresql_where=sa.text("phone_blind IS NOT NULL"),
    )
    op.create_table(
        "people_name_word",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("blind", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "blind", name=op.f("pk_people_name_word")),
    )
    op.create_index("ix_people_name_word_blind", "people_name_word", ["blind"], unique=False)
    op.create_table(
        "permission_consent",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("proof", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission_consent")),
    )
    op.create_index(
        "ix_permission_consent_person_id_id",
        "permission_consent",
        ["person_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_permission_consent_reference", "permission_consent", ["reference"], unique=False
    )
    op.create_table(
        "permission_standing",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("topics_on", sa.Integer(), nullable=False),
        sa.Column("topics_answered", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frequency", sa.String(), nullable=False),
        sa.Column("tracking", sa.Boolean(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("gpc_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_permission_standing")),
    )
    op.create_table(
        "permission_suppression",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("address_id", sa.BigInteger(), nullable=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_why", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(scope = 'topic') = (topic IS NOT NULL)", name=op.f("ck_permission_suppression_topic")
        ),
        sa.CheckConstraint(
            "scope IN ('all', 'promotional', 'topic')", name=op.f("ck_permission_suppression_scope")
        ),
        sa.CheckConstraint(
            "person_id IS NOT NULL OR address_id IS NOT NULL",
            name=op.f("ck_permission_suppression_someone"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission_suppression")),
    )
    op.create_index(
        "ix_permission_suppression_address",
        "permission_suppression",
        ["address_id"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index(
        "ix_permission_suppression_person",
        "permission_suppression",
        ["person_id"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "vault_person_key",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("vault_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_vault_person_key")),
    )
    op.create_table(
        "orders_line",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_orders_line_quantity_is_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders_order.id"],
            name=op.f("fk_orders_line_order_id_orders_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_orders_line")),
    )
    op.create_index("ix_orders_line_sku_order_id", "orders_line", ["sku", "order_id"], unique=False)
    op.execute(
        """
        CREATE OR REPLACE FUNCTION permission_consent_is_append_only() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the consent ledger is never altered'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER permission_consent_append_only
        BEFORE UPDATE OR DELETE ON permission_consent
        FOR EACH STATEMENT EXECUTE FUNCTION permission_consent_is_append_only()
        """
    )
    op.execute(
        """
        CREATE OR REPLACE FUNCTION ledger_entry_is_append_only() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the ledger is never altered'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER ledger_entry_append_only
        BEFORE UPDATE OR DELETE ON ledger_entry
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_is_append_only()
        """
    )


def downgrade() -> None:
    """Change them back."""
    op.drop_index("ix_orders_line_sku_order_id", table_name="orders_line")
    op.drop_table("orders_line")
    op.drop_table("vault_person_key")
    op.drop_index(
        "ix_permission_suppression_person",
        table_name="permission_suppression",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_index(
        "ix_permission_suppression_address",
        table_name="permission_suppression",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_table("permission_suppression")
    op.drop_table("permission_standing")
    op.drop_index("ix_permission_consent_reference", table_name="permission_consent")
    op.drop_index("ix_permission_consent_person_id_id", table_name="permission_consent")
    op.drop_table("permission_consent")
    op.drop_index("ix_people_name_word_blind", table_name="people_name_word")
    op.drop_table("people_name_word")
    op.drop_index(
        "ix_people_customer_phone_blind",
        table_name="people_customer",
        postgresql_where=sa.text("phone_blind IS NOT NULL"),
    )
    op.drop_index(
        "ix_people_customer_merged_into",
        table_name="people_customer",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.drop_index("ix_people_customer_address_id", table_name="people_customer")
    op.drop_table("people_customer")
    op.drop_table("people_address_use")
    op.drop_table("people_address")
    op.drop_index(op.f("ix_orders_order_placed_at"), table_name="orders_order")
    op.drop_index("ix_orders_order_person_id_placed_at", table_name="orders_order")
    op.drop_table("orders_order")
    op.drop_index("ix_orders_event_person_id_occurred_at", table_name="orders_event")
    op.drop_table("orders_event")
    op.drop_index("ix_measure_open_person_id", table_name="measure_open")
    op.drop_index("ix_measure_open_mailing_id", table_name="measure_open")
    op.drop_table("measure_open")
    op.drop_index("ix_measure_click_person_id", table_name="measure_click")
    op.drop_index("ix_measure_click_mailing_id", table_name="measure_click")
    op.drop_table("measure_click")
    op.drop_index(
        "ix_ledger_entry_person_id_at_id",
        table_name="ledger_entry",
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_ledger_entry_mailing_id_at_id",
        table_name="ledger_entry",
        postgresql_where=sa.text("mailing_id IS NOT NULL"),
    )
    op.drop_table("ledger_entry")
    op.drop_index(
        "ix_intake_run_fingerprint",
        table_name="intake_run",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_table("intake_run")
    op.drop_table("intake_arrival")
    op.drop_table("delivery_roster")
    op.drop_table("delivery_place")
    op.drop_table("delivery_pace")
    op.drop_table("delivery_mailing")
    op.drop_table("delivery_lane")
    op.drop_table("delivery_heard")
    op.drop_index("ix_delivery_exception_person", table_name="delivery_exception")
    op.drop_table("delivery_exception")
    op.drop_index("ix_delivery_batch_root", table_name="delivery_batch")
    op.drop_index("ix_delivery_batch_mailing", table_name="delivery_batch")
    op.drop_index(
        "ix_delivery_batch_handing",
        table_name="delivery_batch",
        postgresql_where=sa.text("state = 'handing'"),
    )
    op.drop_index(
        "ix_delivery_batch_due",
        table_name="delivery_batch",
        postgresql_where=sa.text("state IN ('prepared', 'claimed')"),
    )
    op.drop_table("delivery_batch")
    op.drop_index(
        "ix_campaigns_campaign_due",
        table_name="campaigns_campaign",
        postgresql_where=sa.text("state = 'scheduled'"),
    )
    op.drop_table("campaigns_campaign")
    op.drop_index("ix_access_idempotency_created_at", table_name="access_idempotency")
    op.drop_table("access_idempotency")
    op.drop_index("uq_access_api_key_hash", table_name="access_api_key")
    op.drop_table("access_api_key")
    op.execute("DROP FUNCTION permission_consent_is_append_only()")
    op.execute("DROP FUNCTION ledger_entry_is_append_only()")
