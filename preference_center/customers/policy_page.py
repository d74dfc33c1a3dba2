"""`/privacy`: the policy in force, with its date (C25), and whether the browser's signal was seen."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from mailer import policy
from preference_center.customers.signals import Signal, said, signal_of
from preference_center.door import Here
from preference_center.moments import Moment
from preference_center.moments import said as date_said

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """A version that was in force before."""

    date: Moment
    summary: str


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """The policy as it is shown."""

    version: str
    date: Moment
    summary: str
    sections: tuple[policy.Section, ...]
    signal_said: str
    earlier: tuple[EarlierVersion, ...]


@router.api_route("/privacy", methods=["GET", "HEAD"])
def privacy(door: Here, signal: Annotated[Signal | None, Depends(signal_of)]) -> Response:
    """Show the policy in force."""
    current = policy.CURRENT
    page = PolicyPage(
        version=current.version,
        date=_day(current.date),
        summary=current.summary,
        sections=current.sections,
        signal_said=said(signal),
        earlier=tuple(
            EarlierVersion(_day(each.date), each.summary)
            for each in policy.VERSIONS
            if each is not current
        ),
    )
    return door.pages.answer("customers/privacy.html", page, headers={"Vary": "Sec-GPC, DNT"})


def _day(each: date) -> Moment:
    return Moment(date_said(each), each.isoformat())
