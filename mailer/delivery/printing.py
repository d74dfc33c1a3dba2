"""What a sender wants of whoever prints its messages."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Prepared
from mailer.vocabulary import PersonId, Reason


class LetterUnprintable(Exception):
    """The letter of a mailing cannot be made for anybody; the text says why, without addresses."""


class Press(Protocol):
    """Prints the messages of a batch; knows letters, links and the vault."""

    def print_messages(
        self, batch: Claimed, *, untracked: Collection[PersonId], now: datetime
    ) -> Mapping[PersonId, Prepared | Reason]:
        """Return a message for each person of the batch, or why there is none.

        Raises LetterUnprintable where the letter itself cannot be made.
        """
