"""Clicks and opens: taken in fast, people told from machines, figures above the threshold.

What identifies a browser is not kept.
"""

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
from mailer.measure.engaged import Engagement, engaged_people
from mailer.measure.events import Event
from mailer.measure.judging import Origin, Request, is_crowd, judge, of_the_person
from mailer.measure.machines import PURPOSE_HEADERS, Kind, kind_of
from mailer.measure.published import FEWEST, Published, in_words, published, published_of
from mailer.measure.reactions import QUARTER, Reactions, forget_clicks, reactions_of
from mailer.measure.small_cells import Sum, publish
from mailer.measure.verdicts import judge_fresh

__all__ = [
    "FEWEST",
    "PURPOSE_HEADERS",
    "QUARTER",
    "Answer",
    "ClickDesk",
    "Engagement",
    "Event",
    "Figures",
    "Kind",
    "MailingGone",
    "Manners",
    "NoSuchLink",
    "Origin",
    "Published",
    "Reactions",
    "Redirect",
    "Request",
    "Sum",
    "TargetsOf",
    "TryLater",
    "engaged_people",
    "forget_clicks",
    "in_words",
    "is_crowd",
    "judge",
    "judge_fresh",
    "kind_of",
    "of_the_person",
    "publish",
    "published",
    "published_of",
    "reactions_of",
]
