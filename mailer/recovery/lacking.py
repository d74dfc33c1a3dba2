"""What a database lacks of what a journal says, told apart from what only came later.

A line is written after the commit that it is about, so that in a database which was never restored
no line is without its commit: each of these comparisons is true of a restored one only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlmodel import Session

from mailer import delivery, people, permission
from mailer.recovery.telling import Handed, Spoken
from mailer.vocabulary import AddressId, MailingId, PersonId

ALWAYS_WRITTEN = permission.LESS - {"no", "stop"}
"""Acts of which a repeat has no line."""


@dataclass(slots=True)
class Lacking:
    """Who and what is missing, by number."""

    persons: set[PersonId] = field(default_factory=set)
    addresses: set[AddressId] = field(default_factory=set)
    mailings: set[MailingId] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Say whether anything is missing at all."""
        return bool(self.persons or self.addresses or self.mailings)

    def add(self, more: "Lacking") -> None:
        """Count what another look found as well."""
        self.persons |= more.persons
        self.addresses |= more.addresses
        self.mailings |= more.mailings


def lacking(session: Session, told: Iterable[Spoken | Handed]) -> Lacking:
    """Compare a set of lines with the database, by four statements or so."""
    told = list(told)
    spoken = [each for each in told if isinstance(each, Spoken)]
    return Lacking(
        _persons(session, spoken) | _unwritten(session, spoken),
        _addresses(session, spoken),
        _mailings(session, [each for each in told if isinstance(each, Handed)]),
    )


def _persons(session: Session, spoken: list[Spoken]) -> set[PersonId]:
    """Return whose version is lower than the journal's, and who is not here at all.

    A customer is never deleted. Who was erased has no version any more, and no mail.
    """
    newest: dict[PersonId, int] = {}
    for each in spoken:
        if each.person_id and each.said.version:
            newest[each.person_id] = max(each.said.version, newest.get(each.person_id, 0))
    if not newest:
        return set()
    versions = permission.versions_of(session, newest)
    absent = newest.keys() - versions.keys()
    gone = absent - people.known_customers(session, absent) if absent else set()
    return {who for who, version in versions.items() if version < newest[who]} | gone


def _unwritten(session: Session, spoken: list[Spoken]) -> set[PersonId]:
    """Return whose words for less were never written, however high their version is by now.

    An import, or a write of the shop's API, may have raised it since the restore. Of a no that only
    repeated another no word is kept, but that other one stands, or was lifted after it.
    """
    words = [each for each in spoken if each.said.version and permission.LESS & _names(each)]
    if not words:
        return set()
    known = permission.references_known(session, {each.said.reference for each in words})
    unknown = [each for each in words if each.said.reference not in known]
    if not unknown:
        return set()
    whose = {(no, each.said.at): each.person_id for each in unknown for no in each.nos()}
    missing = permission.nos_lacking(session, whose, lifted_meanwhile=permission.LIFTED_MEANWHILE)
    new = {each.person_id for each in unknown if ALWAYS_WRITTEN & _names(each)}
    return new | {whose[each] for each in missing}


def _names(spoken: Spoken) -> set[str]:
    return {name for name, _ in spoken.said.acts}


def _addresses(session: Session, spoken: list[Spoken]) -> set[AddressId]:
    """Return at which addresses a no is unknown that no person's version would tell of."""
    nos = [(no, each.said.at) for each in spoken if not each.said.version for no in each.nos()]
    if not nos:
        return set()
    missing = permission.nos_lacking(session, nos, lifted_meanwhile=permission.LIFTED_MEANWHILE)
    return {no.address_id for no, _ in missing if no.address_id is not None}


def _mailings(session: Session, handed: list[Handed]) -> set[MailingId]:
    if not handed:
        return set()
    batches = [each.batch for each in handed]
    return {each.mailing_id for each in delivery.never_in_hand(session, batches)}
