"""An audience by time zones: how many people are in each, and batches that are due at its moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ARRAY, DateTime, FromClause, Select, Text, bindparam, func
from sqlmodel import Session

from mailer import people
from mailer.delivery.cutting import Cut, insert_slices, slices_of
from mailer.vocabulary import MailingId


@dataclass(frozen=True, slots=True)
class Moments:
    """When the people of each zone are due."""

    of_zone: Mapping[str, datetime]
    otherwise: datetime
    """When those are due of whom no zone is known, or one that is not named here."""


def prepare_by_zone(
    session: Session,
    mailing_id: MailingId,
    audience: Select[Any],
    *,
    asked: Sequence[str] = (),
    moments: Moments,
) -> Cut:
    """Cut an audience into batches, each due at one moment.

    What holds for `prepare_audience` holds here.
    """
    slices = slices_of(placed(audience, moments), by=("due",), asked=asked)
    return insert_slices(session, mailing_id, slices, slices.c.due)


def placed(audience: Select[Any], moments: Moments) -> FromClause:
    """Give everybody of an audience (person_id, …) the moment of their zone, as `due`."""
    who = audience.order_by(None).subquery("audience")
    zones = people.zones_of().subquery("zones")
    named = (
        func.unnest(
            bindparam("zone_names", list(moments.of_zone), type_=ARRAY(Text)),
            bindparam(
                "zone_dues", list(moments.of_zone.values()), type_=ARRAY(DateTime(timezone=True))
            ),
        )
        .table_valued("name", "due", name="named")
        .render_derived()
    )
    otherwise = bindparam("otherwise", moments.otherwise, type_=DateTime(timezone=True))
    return (
        sa.select(
            *who.c,
            func.coalesce(named.c.due, otherwise, type_=DateTime(timezone=True)).label("due"),
        )
        .select_from(
            who.outerjoin(zones, zones.c.person_id == who.c.person_id).outerjoin(
                named, named.c.name == zones.c.timezone
            )
        )
        .subquery("placed")
    )


def count_by_zone(session: Session, audience: Select[Any]) -> dict[str, int]:
    """Count the people of an audience by the zone on file; empty where none is known."""
    who = audience.order_by(None).subquery("audience")
    zones = people.zones_of().subquery("zones")
    counted = (
        sa.select(func.coalesce(zones.c.timezone, "").label("zone"), func.count().label("people"))
        .select_from(who.outerjoin(zones, zones.c.person_id == who.c.person_id))
        .group_by(sa.text("1"))
    )
    return {row.zone: row.people for row in session.execute(counted)}
