"""Tests: a campaign shown to staff before anybody else, as a mail that leaves on the common road."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr

from sqlalchemy import func
from sqlmodel import Session, col, select

from mailer import delivery, people
from mailer.campaigns._rows import CampaignError, campaign_from, locked, note, said_why, split_from
from mailer.campaigns._tables import CampaignRow, TestRow
from mailer.campaigns.alignment import organisation_of
from mailer.campaigns.checks import ContentRefused, Rules, faults_of
from mailer.campaigns.gathering import gather
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.splits import variant_named
from mailer.campaigns.values import CampaignId
from mailer.delivery import TestReader
from mailer.letters import Brand, PromotionalContent
from mailer.vault import Vault
from mailer.vocabulary import MailingId, PersonId, Topic

MOST_AT_ONCE = 10
MOST_AN_HOUR = 50
"""Over the whole installation: a test is for looking, not for sending."""
MARK = "[Test] "
KEPT = timedelta(days=1)
"""How long the address of a test can be read."""


class TestRefused(CampaignError):
    """A test cannot be sent as asked; the text says why, and names no address."""

    __test__ = False


def send_test(
    session: Session,
    vault: Vault,
    campaign_id: CampaignId,
    *,
    to: Sequence[str],
    reader: TestReader = TestReader.KNOWN,
    variant: str | None = None,
    brand: Brand,
    rules: Rules,
    reason: str = "",
    by: str,
    now: datetime,
) -> list[MailingId]:
    """Send a draft or scheduled campaign to addresses of staff, marked as a test in the subject.

    Of a split test it is the campaign's own letter, or that of a variant by its name; a digest
    shows everything that it would tell of now.

    Filled for an invented reader, so that no customer's data is shown (C09). It asks for no
    permission, goes to the installation's own domains alone, and never to a suppressed address.
    Nothing in it is measured, and its way out changes nothing. Returns the mailings, whose books
    say what became of them; the caller rings the bell of the orders' lane after its commit.

    Raises CannotDo, ContentRefused, AddressInvalid, TestRefused, VariantUnknown, ReasonUnfit.
    """
    why = said_why(reason)
    row = locked(session, campaign_id)
    after(State(row.state), Act.TEST)
    addresses = {each.key: each for each in map(people.canonical_address, to)}
    _refuse_others(list(addresses.values()), rules)
    _refuse_too_many(session, len(addresses), now)
    letter = _marked(row, _shown(session, row, brand, now), variant, brand)
    made = [
        _send_one(session, vault, row, letter, reader, address.display, by, now)
        for address in addresses.values()
    ]
    note(session, row, "tested", by=by, now=now, detail={"mailings": list(made), **why})
    return made


def forget_tests(session: Session, vault: Vault, *, now: datetime) -> int:
    """Destroy the keys of tests from yesterday and before; return how many."""
    old = select(TestRow).where(TestRow.at < now - KEPT, col(TestRow.person_id).is_not(None))
    rows = session.exec(old.with_for_update(skip_locked=True)).all()
    for row in rows:
        vault.shred(session, PersonId(row.person_id or 0))
        row.person_id = None
        session.add(row)
    return len(rows)


def _refuse_others(addresses: Sequence[people.Address], rules: Rules) -> None:
    sender = parseaddr(rules.sender)[1].rpartition("@")[2]
    allowed = rules.test_domains or (organisation_of(sender),)
    if not addresses or len(addresses) > MOST_AT_ONCE:
        raise TestRefused(f"Name 1 to {MOST_AT_ONCE} addresses.")
    for each in addresses:
        if not any(each.domain == name or each.domain.endswith(f".{name}") for name in allowed):
            told = ", ".join(allowed)
            raise TestRefused(
                f"Tests go to addresses at {told} alone; an administrator adds domains to"
                " MAILER_TEST_DOMAINS."
            )


def _refuse_too_many(session: Session, more: int, now: datetime) -> None:
    lately = session.execute(
        select(func.count()).where(col(TestRow.at) > now - timedelta(hours=1))
    ).scalar_one()
    if lately + more > MOST_AN_HOUR:
        raise TestRefused(
            f"{lately} tests left within an hour; {MOST_AN_HOUR} may. Try again later."
        )


def _shown(session: Session, row: CampaignRow, brand: Brand, now: datetime) -> PromotionalContent:
    """Return the campaign's own letter; of a digest, with everything that it would tell of now."""
    campaign = campaign_from(row)
    if campaign.digest is None:
        return campaign.content
    return gather(session, campaign, brand=brand, now=now).letter(campaign.content)


def _marked(
    row: CampaignRow, content: PromotionalContent, variant: str | None, brand: Brand
) -> delivery.Variant:
    sender_name = ""
    if variant is not None:
        chosen = variant_named(split_from(row), variant)
        content, sender_name = chosen.letter(content), chosen.sender_name or ""
    problems = faults_of(content, Topic(row.topic), brand)
    if problems:
        raise ContentRefused(problems)
    marked = content.model_copy(update={"subject": MARK + content.subject})
    return delivery.Variant(variant or "", marked.model_dump(mode="json"), sender_name)


def _send_one(
    session: Session,
    vault: Vault,
    row: CampaignRow,
    letter: delivery.Variant,
    reader: TestReader,
    to: str,
    by: str,
    now: datetime,
) -> MailingId:
    person_id = people.number_without_customer(session)
    address_id = people.address_id_of(session, vault, to, create=True)
    if address_id is None:
        raise RuntimeError("an address that was to be made was not")
    mailing_id = delivery.new_test(
        session,
        letter=letter,
        topic=Topic(row.topic),
        reader=reader,
        to=to,
        person_id=person_id,
        address_id=address_id,
        key=vault.create_keys(session, [person_id])[person_id],
        now=now,
    )
    session.add(
        TestRow(mailing_id=mailing_id, campaign_id=row.id or 0, person_id=person_id, at=now, by=by)
    )
    return mailing_id
