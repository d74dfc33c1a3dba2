"""How it leaves: one small protocol whose answers are values, an SMTP client, and the fake."""

from mailer.providers.answers import (
    AboutUs,
    Accepted,
    Answer,
    HandOver,
    Later,
    NotBegun,
    Outgoing,
    Provider,
    Rejected,
    Unknown,
)
from mailer.providers.dialling import Manners
from mailer.providers.memory import MemoryProvider
from mailer.providers.replies import without_addresses
from mailer.providers.server import SmtpUrlInvalid, read_smtp_url
from mailer.providers.smtp import SmtpProvider

__all__ = [
    "AboutUs",
    "Accepted",
    "Answer",
    "HandOver",
    "Later",
    "Manners",
    "MemoryProvider",
    "NotBegun",
    "Outgoing",
    "Provider",
    "Rejected",
    "SmtpProvider",
    "SmtpUrlInvalid",
    "Unknown",
    "read_smtp_url",
    "without_addresses",
]
