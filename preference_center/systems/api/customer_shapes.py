"""The bodies that shops send and get back about customers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from mailer.people import TAGS
from preference_center.systems.api.forms import (
    Address,
    Answer,
    Country,
    Form,
    Language,
    Number,
    OneLine,
    Page,
    Unfit,
    Word,
)

ATTRIBUTES = 50
CUSTOMER_EXAMPLE: dict[str, JsonValue] = {
    "external_id": "C-1042",
    "email": "jo@example.com",
    "name": "Jo Example",
    "phone": "+1 732 555 0142",
    "street": "1 Sample Street",
    "city": "Piscataway",
    "region": "NJ",
    "postal_code": "08854",
    "country": "US",
    "language": "en",
    "timezone": "America/New_York",
    "source": "shop",
}

AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
AttributeValue = Annotated[OneLine | None, AfterValidator(lambda value: value or "")]
"""Null clears an attribute, as empty text does."""
Attributes = Annotated[dict[AttributeName, AttributeValue], Field(max_length=ATTRIBUTES)]
Tag = Annotated[str, StringConstraints(pattern=r"^[^\s,\x00-\x1f\x7f]{1,64}$")]
Tags = Annotated[list[Tag], Field(max_length=ATTRIBUTES)]
Source = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class CustomerForm(Form):
    """A customer as the shop knows them; upserted by `external_id`, else by address.

    A field that is left out keeps what is on file.
    """

    model_config = ConfigDict(json_schema_extra={"example": CUSTOMER_EXAMPLE})

    external_id: Word | None = Field(default=None, description="The shop's own id; unique.")
    email: Address
    name: OneLine | None = None
    phone: OneLine | None = Field(default=None, description="With its country code, best in E.164.")
    street: OneLine | None = None
    city: OneLine | None = None
    region: OneLine | None = None
    postal_code: Word | None = None
    country: Country | None = None
    language: Language | None = None
    timezone: Word | None = Field(default=None, description="A name of the time zone database.")
    birth_year: Annotated[int, Field(ge=1900, le=2100, strict=True)] | None = None
    source: Source = Field(default="shop", description="Where a new customer comes from; kept.")
    proof: OneLine = Field(
        default="", description="Where the permission of an offline source can be found (C24)."
    )
    attributes: Attributes | None = Field(
        default=None,
        description="The shop's own facts, for audiences. What is not named stays; null clears.",
    )


class CustomerPatch(Form):
    """Facts to change; what is left out stays. The address has a route of its own."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Jo Example-Reed", "language": "en-GB"}}
    )

    external_id: Word | None = None
    name: OneLine | None = None
    phone: OneLine | None = None
    street: OneLine | None = None
    city: OneLine | None = None
    region: OneLine | None = None
    postal_code: Word | None = None
    country: Country | None = None
    language: Language | None = None
    timezone: Word | None = None
    birth_year: Annotated[int, Field(ge=1900, le=2100, strict=True)] | None = None
    attributes: Attributes | None = Field(
        default=None,
        description="Those to change; the others stay. Null for one clears it, null for all, all.",
    )
    add_tags: Tags = Field(
        default=[], description="Words that the attribute `tags` is to have; its others stay."
    )
    remove_tags: Tags = Field(default=[], description="Words that it is not to have any more.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self

    @model_validator(mode="after")
    def _says_each_tag_once(self) -> Self:
        both = {each.lower() for each in self.add_tags} & {
            each.lower() for each in self.remove_tags
        }
        if both:
            raise Unfit("adds and removes the same tag", "name each tag in one of the two lists")
        if self.changes_tags and self._sets_tags_whole:
            raise Unfit(
                "changes its tags in two ways",
                "send add_tags and remove_tags, or the whole attribute, not both",
            )
        return self

    @property
    def _sets_tags_whole(self) -> bool:
        if "attributes" not in self.model_fields_set:
            return False
        return self.attributes is None or TAGS in self.attributes

    @property
    def changes_facts(self) -> bool:
        """Whether it names anything beside single tags."""
        return not self.model_fields_set <= ONE_BY_ONE

    @property
    def changes_tags(self) -> bool:
        """Whether it adds or removes some."""
        return bool(self.add_tags or self.remove_tags)

    def changes(self, held: Mapping[str, str]) -> dict[str, Any]:
        """Return what was given, as the people room takes it; `held` are the attributes so far."""
        return {
            name: self._cleared(name, held) if value is None else value
            for name, value in self.model_dump(exclude_unset=True, exclude=ONE_BY_ONE).items()
        }

    @staticmethod
    def _cleared(name: str, held: Mapping[str, str]) -> str | dict[str, str] | None:
        if name == "attributes":
            return dict.fromkeys(held, "")
        return "" if name in CLEARED_BY_NULL else None


ONE_BY_ONE = {"add_tags", "remove_tags"}
CLEARED_BY_NULL = frozenset(CustomerPatch.model_fields) - {"external_id", "attributes"} - ONE_BY_ONE
"""An id of the shop's is never cleared, and of the attributes each by itself."""


class CustomerSearch(Form):
    """One thing to look for; an exact match, since names and addresses are stored blind (C09)."""

    model_config = ConfigDict(json_schema_extra={"example": {"email": "jo@example.com"}})

    email: Address | None = None
    phone: OneLine | None = None
    name: OneLine | None = None
    external_id: Word | None = None
    order_number: Word | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(value is not None for value in self.model_dump().values()) != 1:
            raise ValueError("give exactly one of email, phone, name, external_id, order_number")
        return self


class MergeForm(Form):
    """Another record of the same person, which goes up in this one."""

    model_config = ConfigDict(json_schema_extra={"example": {"merged": 18}})

    merged: Number = Field(description="The id of the record that ends.")


class AddressForm(Form):
    """The new address of a customer, confirmed by the shop."""

    model_config = ConfigDict(json_schema_extra={"example": {"email": "jo.new@example.com"}})

    email: Address


class Customer(Answer):
    """A customer on file. Keys without the scope `personal` see contact data masked."""

    id: int
    external_id: str | None
    email: str
    name: str
    phone: str
    street: str
    city: str
    region: str
    postal_code: str
    country: str
    language: str
    timezone: str
    birth_year: int | None
    source: str
    attributes: dict[str, Any]
    created_at: datetime


class CustomerPage(Page):
    """Customers by id."""

    customers: list[Customer]


class CustomersFound(Answer):
    """Who matches a search; empty when nobody does."""

    customers: list[Customer]
