"""Clicks and opens: taken in fast, told apart by kind, kept without what identifies a browser."""

from mailer.measure.desk import (
    Answer,
    ClickDesk,
    Figures,
    MailingGone,
    Manners,
    NoSuchLink,
    Redirect,
    TargetsOf,
    TryLater,
)
from mailer.measure.events import (
    Clicks,
    Event,
    Opens,
    TrackingOf,
    clicks_of,
    event_id,
    opens_of,
    record_events,
)
from mailer.measure.machines import Kind, kind_of
from mailer.measure.published import FEWEST, FewerThanTen, Published, published

__all__ = [
    "FEWEST",
    "Answer",
    "ClickDesk",
    "Clicks",
    "Event",
    "FewerThanTen",
    "Figures",
    "Kind",
    "MailingGone",
    "Manners",
    "NoSuchLink",
    "Opens",
    "Published",
    "Redirect",
    "TargetsOf",
    "TrackingOf",
    "TryLater",
    "clicks_of",
    "event_id",
    "kind_of",
    "opens_of",
    "published",
    "record_events",
]
