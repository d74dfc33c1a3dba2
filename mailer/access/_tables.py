"""The tables of this room; nobody else reads them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from mailer.database import Table


class ApiKeyRow(Table, table=True):
    """An API key: what it may do, and the hash by which it is recognised; never the key."""

    __tablename__ = "access_api_key"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name"),
        CheckConstraint("octet_length(hash) = 32", name="hash"),
        CheckConstraint("cardinality(scopes) > 0", name="scopes"),
        Index("uq_access_api_key_hash", "hash", unique=True),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    hash: bytes = Field(sa_type=LargeBinary)
    scopes: list[str] = Field(sa_type=ARRAY(Text), nullable=False)
    created_at: datetime
    revoked_at: datetime | None = None


class IdempotencyRow(Table, table=True):
    """One request that a client named, and what it was answered."""

    __tablename__ = "access_idempotency"
    __table_args__ = (
        CheckConstraint("length(key) BETWEEN 1 AND 255", name="key"),
        CheckConstraint("octet_length(request_hash) = 32", name="request_hash"),
        CheckConstraint("(status IS NULL) = (answer IS NULL)", name="answered"),
        Index("ix_access_idempotency_created_at", "created_at"),
    )

    key_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    key: str = Field(primary_key=True, sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    created_at: datetime
    status: int | None = Field(default=None, sa_type=SmallInteger)
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
