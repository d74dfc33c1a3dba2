"""AFTER A RESTORE: what the journal knows and the database does not, found, told, brought back."""

from mailer.recovery.lacking import Lacking
from mailer.recovery.looking import look_again, what_refuses
from mailer.recovery.replaying import Replayed, replay
from mailer.recovery.telling import LineUnread
from mailer.recovery.verifying import Verified, is_whole, verify
from mailer.recovery.watching import Watch, look_and_tell

__all__ = [
    "Lacking",
    "LineUnread",
    "Replayed",
    "Verified",
    "Watch",
    "is_whole",
    "look_again",
    "look_and_tell",
    "replay",
    "verify",
    "what_refuses",
]
