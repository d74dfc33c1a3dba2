"""The words of this house as frozen types. Imports nothing of ours; everything may import it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

PersonId = NewType("PersonId", int)
"""A customer's internal number; opaque outside, never an address."""
AddressId = NewType("AddressId", int)
"""An e-mail address's internal number, so that blind-index keys may rotate."""
MailingId = NewType("MailingId", int)
BatchId = NewType("BatchId", int)


class Topic(StrEnum):
    """What a customer can switch on and off (C07)."""

    COMPANY_NEWS = "company_news"
    SOFTWARE_UPDATES = "software_updates"
    PRODUCT_INFORMATION = "product_information"
    SERVICE_AND_EVENTS = "service_and_events"
    PARTNER_OFFERS = "partner_offers"

    @property
    def label(self) -> str:
        """The topic as customers read it."""
        return TOPIC_LABELS[self]

    @property
    def bit(self) -> int:
        """The topic's place in a stored set of topics; never renumbered."""
        return TOPIC_BITS[self]


TOPIC_LABELS = {
    Topic.COMPANY_NEWS: "Company news",
    Topic.SOFTWARE_UPDATES: "Software updates",
    Topic.PRODUCT_INFORMATION: "Product information",
    Topic.SERVICE_AND_EVENTS: "Service and events",
    Topic.PARTNER_OFFERS: "Partner offers",
}
TOPIC_BITS = {
    Topic.COMPANY_NEWS: 1,
    Topic.SOFTWARE_UPDATES: 2,
    Topic.PRODUCT_INFORMATION: 4,
    Topic.SERVICE_AND_EVENTS: 8,
    Topic.PARTNER_OFFERS: 16,
}


class Stream(StrEnum):
    """The two kinds of mail: one that an order causes, one that needs permission."""

    ORDER_UPDATE = "order_update"
    PROMOTIONAL = "promotional"


class Scope(StrEnum):
    """How far a suppression reaches: every mail, all promotional mail, or one topic."""

    ALL = "all"
    PROMOTIONAL = "promotional"
    TOPIC = "topic"


class SuppressionReason(StrEnum):
    """Why an address or a person must not be mailed within a scope."""

    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    ERASURE = "erasure"
    MINOR = "minor"
    MANUAL = "manual"
    IMPORTED = "imported"


class Door(StrEnum):
    """Through which door a wish reached us; kept with every consent and suppression."""

    ONE_CLICK = "one_click"
    UNSUBSCRIBE_PAGE = "unsubscribe_page"
    PREFERENCE_PAGE = "preference_page"
    API = "api"
    IMPORT = "import"
    SIGN_UP = "sign_up"
    SUPPORT = "support"
    COMMAND_LINE = "command_line"
    COMPLAINT = "complaint"
    BOUNCE = "bounce"
    MERGE = "merge"
    ADDRESS_CHANGE = "address_change"


class Frequency(StrEnum):
    """How often a customer wants promotional mail at most."""

    AS_IT_COMES = "as_it_comes"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def days(self) -> int:
        """The days that must lie between two promotional mails; 0 for no limit."""
        return {"as_it_comes": 0, "weekly": 7, "monthly": 30}[self.value]


class Reason(StrEnum):
    """Why a mail was or was not sent: the keys of the catalogue of sentences."""

    SENT_ORDER = "sent.order"
    SENT_ACCOUNT = "sent.account"
    SENT_FEE = "sent.fee"
    SENT_TOPIC = "sent.topic"
    SENT_TWICE = "sent.twice"
    HELD_QUIET = "held.quiet"
    NOT_ALL = "not.all"
    NOT_TOPIC = "not.topic"
    NOT_NEVER = "not.never"
    NOT_UNCONFIRMED = "not.unconfirmed"
    NOT_PAUSED = "not.paused"
    NOT_OFTEN = "not.often"
    NOT_CAP = "not.cap"
    NOT_GPC = "not.gpc"
    NOT_BOUNCE = "not.bounce"
    NOT_COMPLAINT = "not.complaint"
    NOT_SUPPRESSED = "not.suppressed"
    NOT_GONE = "not.gone"
    NOT_MOVED = "not.moved"
    NOT_SAME = "not.same"
    NOT_DATA = "not.data"
    NOT_LATE = "not.late"
    NOT_HOLDOUT = "not.holdout"
    NOT_CANCELLED = "not.cancelled"
    NOT_REFUSED = "not.refused"
    UNKNOWN = "unknown"
    UNKNOWN_RESTORED = "unknown.restored"


@dataclass(frozen=True, slots=True)
class Allowed:
    """We may send this to this person now."""

    because: Reason


@dataclass(frozen=True, slots=True)
class Refused:
    """We may not, for a reason, since a moment where one is known."""

    reason: Reason
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """We may, but not before a moment: the person stays in line until then, and is still to go."""

    reason: Reason
    until: datetime


Verdict = Allowed | Refused | Held
"""The answer to 'may we send this to this person now?'."""


class Lane(StrEnum):
    """The queues that keep a campaign of millions from delaying one order update."""

    ORDERS = "orders"
    PROMOTIONAL = "promotional"


class Outcome(StrEnum):
    """What became of one person of an audience; the books balance over these."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    TO_GO = "to_go"


class Heard(StrEnum):
    """What was heard back after the hand-over."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
