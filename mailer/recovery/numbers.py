"""The numbers that a journal names: each was somebody's, and none is given again."""

from dataclasses import dataclass

from sqlmodel import Session

from mailer import campaigns, delivery, people
from mailer.campaigns import CampaignId
from mailer.recovery.telling import Handed, Spoken
from mailer.vocabulary import AddressId, BatchId, MailingId, PersonId

SPARED = 10_000
"""Numbers of customers and addresses that nobody gets after a restore, beyond the highest known: who
came after the backup and got no mail since has a number in the shop's books, or on a page that is
open, that no line names. More than come in a busy day by the shop's API; numbers cost nothing."""


@dataclass(slots=True)
class Highest:
    """The highest number of each kind among the lines that were seen."""

    person: int = 0
    address: int = 0
    mailing: int = 0
    batch: int = 0
    campaign: int = 0

    def see(self, told: Spoken | Handed) -> None:
        """Count the numbers of a line."""
        if isinstance(told, Spoken):
            self.person = max(self.person, told.person_id, told.merged or self.person)
            self.address = max([self.address, *told.addresses])
            return
        self.person = max(self.person, told.last_person)
        self.address = max(self.address, told.last_address)
        batch = told.batch
        self.mailing = max(self.mailing, batch.mailing_id)
        self.batch = max(self.batch, batch.batch_id)
        self.campaign = max(self.campaign, campaigns.campaign_of_key(batch.key) or self.campaign)


def number_beyond(session: Session, highest: Highest) -> None:
    """Let nothing new have a number that the journal names; what a rollback cannot take back."""
    last_person, last_address = PersonId(highest.person), AddressId(highest.address)
    people.number_beyond(session, last_person, last_address, sparing=SPARED)
    delivery.number_batches_beyond(session, MailingId(highest.mailing), BatchId(highest.batch))
    campaigns.number_campaigns_beyond(session, CampaignId(highest.campaign))
