"""Find, explain, remove: what customer care asks, put to each room in turn.

Every answer is the rooms' own: the reason was decided by the sender's function and is said in the
catalogue's words. A look and a removal stand in the ledger with who did it.
"""

from mailer.support.explaining import Explanation, Story, TopicNow, explain, story_of
from mailer.support.finding import Acknowledged, find_acknowledged
from mailer.support.removing import Removal, Removed, Remover, TopicMissing, remove
from mailer.support.telling import Told, messages_told, roll_told

__all__ = [
    "Acknowledged",
    "Explanation",
    "Removal",
    "Removed",
    "Remover",
    "Story",
    "Told",
    "TopicMissing",
    "TopicNow",
    "explain",
    "find_acknowledged",
    "messages_told",
    "remove",
    "roll_told",
    "story_of",
]
