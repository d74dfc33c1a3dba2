"""The tables of this room; nobody else reads them."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, Computed, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from mailer.database import Table

ASKED_FOR = (
    "address_id", "country", "language", "timezone", "source", "created_at", "name_given",
    "city_given",
)  # fmt: skip
"""What audiences ask of every customer, beside attributes; the index of the living holds it."""


class Customer(Table, table=True):
    """One customer. What could name them is sealed under their own key; NULL is 'nothing said'."""

    __tablename__ = "people_customer"
    __table_args__ = (
        Index("ix_people_customer_address_id", "address_id"),
        Index(
            "ix_people_customer_phone_blind",
            "phone_blind",
            postgresql_where=text("phone_blind IS NOT NULL"),
        ),
        Index(
            "ix_people_customer_merged_into",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
        # What audiences ask for stands in the index itself: a walk over everybody need not step
        # over nine sealed columns of each row.
        Index(
            "ix_people_customer_living",
            "id",
            postgresql_include=ASKED_FOR,
            postgresql_where=text("merged_into IS NULL AND erased_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    external_id: str | None = Field(default=None, unique=True, sa_type=Text)
    address_id: int = Field(sa_type=BigInteger)
    version: int = 1
    """Goes up with each change of a fact that letters use."""
    index_key: str = Field(sa_type=Text)
    """The index key of `phone_blind` and of the name words."""
    email: bytes | None = None
    name: bytes | None = None
    phone: bytes | None = None
    street: bytes | None = None
    city: bytes | None = None
    region: bytes | None = None
    postal_code: bytes | None = None
    birth_year: bytes | None = None
    phone_blind: bytes | None = None
    country: str = Field(default="", sa_type=Text)
    language: str = Field(default="", sa_type=Text)
    timezone: str = Field(default="", sa_type=Text)
    source: str = Field(sa_type=Text)
    attributes: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    created_at: datetime
    merged_into: int | None = Field(default=None, sa_type=BigInteger)
    erased_at: datetime | None = None
    name_given: bool | None = Field(
        default=None, sa_column=Column(Boolean, Computed("name IS NOT NULL", persisted=True))
    )
    """Whether there is a name to open; PostgreSQL keeps it, and the next."""
    city_given: bool | None = Field(
        default=None, sa_column=Column(Boolean, Computed("city IS NOT NULL", persisted=True))
    )


class PeopleAddress(Table, table=True):
    """One e-mail address as a keyed hash. It outlives the people who had it."""

    __tablename__ = "people_address"
    __table_args__ = (Index("ix_people_address_index_key", "index_key"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    blind: bytes = Field(unique=True)
    index_key: str = Field(sa_type=Text)
    domain_tag: int = Field(sa_type=BigInteger)
    """The first 8 bytes of the domain's hash, so that pace per domain needs no plain text."""


class AddressUse(Table, table=True):
    """That a person has, or had, an address: an opt-out reaches all of them."""

    __tablename__ = "people_address_use"
    __table_args__ = (Index("ix_people_address_use_address_id", "address_id"),)

    person_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    address_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    since: datetime
    until: datetime | None = None
    """NULL while it is the person's address; one who comes back to it starts anew."""


class NameWord(Table, table=True):
    """That a person's name has a word; the word is a keyed hash, cut to 8 bytes."""

    __tablename__ = "people_name_word"
    __table_args__ = (Index("ix_people_name_word_blind", "blind"),)

    person_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    blind: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
