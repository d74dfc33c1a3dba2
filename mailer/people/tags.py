"""Tags: the words of the attribute `tags`, put on and taken off one by one."""

import json
import re
from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import Session

from mailer.people.cards import refuse_card_numbers
from mailer.people.facts import (
    LONGEST_ATTRIBUTE,
    MOST_ATTRIBUTES,
    FieldInvalid,
    TooManyAttributes,
    clean,
    with_attributes,
)
from mailer.people.identity import PersonGone
from mailer.vocabulary import PersonId

TAGS = "tags"
"""The attribute that holds them, as audiences read it: parted by commas or blanks."""
TAG = re.compile(r"[^\s,\x00-\x1f\x7f]{1,64}")
PARTED = re.compile("[ ,]+")


def change_tags(
    session: Session,
    person_id: PersonId,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> list[str]:
    """Put tags on a customer and take others off; return all that they have then.

    The customer is held until the commit, so that of changes at once each one finds the other's.
    Raises PersonGone, FieldInvalid, CardNumberFound and TooManyAttributes.
    """
    new = [_fit(each) for each in add]
    held = session.execute(HELD, {"person": person_id}).scalar_one_or_none()
    if held is None:
        raise PersonGone
    before = held.get(TAGS, "")
    told = with_tags(before, add=new, remove=remove)
    if told != before:
        attributes = with_attributes(held, {TAGS: told})
        _refuse_more(told, before)
        if len(attributes) > max(MOST_ATTRIBUTES, len(held)):  # an import may have brought more
            raise TooManyAttributes
        written = json.dumps(dict(attributes), ensure_ascii=False)
        session.execute(WRITE, {"person": person_id, "attributes": written})
    return words_of(told)


def with_tags(told: str, *, add: Sequence[str], remove: Sequence[str]) -> str:
    """Return a text of tags with some more and without others; capitals do not matter.

    One that changes nothing stays as it was written, and the rest is parted as it was: whoever
    takes a tag off makes no text longer.
    """
    before = words_of(told)
    gone = {each.lower() for each in remove}
    kept = [each for each in before if each.lower() not in gone]
    for each in add:
        if each.lower() not in {word.lower() for word in kept}:
            kept.append(each)
    parted = min(PARTED.findall(told.strip(" ,")), key=len, default=", ")
    return told if kept == before else parted.join(kept)


def words_of(told: str) -> list[str]:
    """Return the tags that a text holds, as audiences read them."""
    return [each for each in told.replace(",", " ").split(" ") if each]


def _fit(tag: str) -> str:
    if not TAG.fullmatch(tag):
        raise FieldInvalid(TAGS, "are each one word without blanks and commas, 64 signs at most")
    refuse_card_numbers(**{TAGS: tag})
    return clean(TAGS, tag)


def _refuse_more(told: str, before: str) -> None:
    if len(told) > max(LONGEST_ATTRIBUTE, len(before)):
        raise FieldInvalid(TAGS, f"are more than {LONGEST_ATTRIBUTE} signs in all")
    refuse_card_numbers(**{TAGS: told})


HELD = text(
    "SELECT attributes FROM people_customer"
    " WHERE id = :person AND merged_into IS NULL AND erased_at IS NULL FOR UPDATE"
)
WRITE = text(
    "UPDATE people_customer SET attributes = CAST(:attributes AS jsonb), version = version + 1"
    " WHERE id = :person"
)
