"""`fpmail journal replay`: all nos of the journal hold again, and what was half sent waits."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from mailer import campaigns, delivery, ledger, people
from mailer.campaigns import CampaignId
from mailer.database import Database
from mailer.delivery import InHand, Kept
from mailer.journal import JournalBroken, Mark, files_of
from mailer.recovery.breaks import Break, told_around
from mailer.recovery.looking import NUMBERLESS, Reading
from mailer.recovery.marks import journal_number, keep_marks, marks_of
from mailer.recovery.numbers import Highest, number_beyond
from mailer.recovery.persons import ACTOR, bring_back_address, bring_back_person, merge_again
from mailer.recovery.telling import Handed, LineUnread, Spoken
from mailer.vocabulary import Lane, MailingId, PersonId, Stream

AT_ONCE = 20
"""People who are locked in one transaction."""
Progress = Callable[[int, int], None]
"""Told how many people were looked at, and of how many."""


def in_silence(done: int, of: int) -> None:
    """Tell nobody how far it is."""


@dataclass(slots=True)
class Replayed:
    """What a replay read and did."""

    lines: int = 0
    persons: int = 0
    """Customers whose wishes were looked at."""
    brought_back: int = 0
    """Of them those for whom something was written."""
    addresses: int = 0
    """Nos by address that were written, for whoever is no customer of this database."""
    merges: int = 0
    batches: int = 0
    people_unknown: int = 0
    """People of batches that were in hand and are of unknown fate now."""
    campaigns_stopped: list[CampaignId] = field(default_factory=list)
    campaigns_taken_back: list[CampaignId] = field(default_factory=list)
    skipped: list[Break] = field(default_factory=list)
    """Where files broke, and what lies behind it was not read."""


def replay(
    database: Database,
    folder: Path,
    *,
    up_to_the_break: bool = False,
    dry_run: bool = False,
    progress: Progress = in_silence,
    now: datetime,
) -> Replayed:
    """Bring back what the database lacks of the journal, and let promotional mail go on.

    Nos first of those whom nobody knows, then person by person in small transactions: to be killed
    and done again does no harm, and a second replay finds nothing to do. Numbers that the journal
    names are never given again. Mailings with batches that the database does not know to have been
    in hand stay stopped until a person decides. With `dry_run` everything is rolled back.

    Raises JournalBroken, or LineUnread, where a file cannot be read and `up_to_the_break` does not
    say to leave what lies behind; OSError where one cannot be opened; DatabaseAway; and people's and permission's errors never.
    """
    journal = journal_number(folder)
    if journal is None:
        return Replayed()
    within = database.reading if dry_run else database.transaction
    with within() as session:
        marks = marks_of(session, journal)
        witness = delivery.clear(session, before=None)
    reading = Reading(folder, dict(marks))
    told, done = _read(reading, up_to_the_break=up_to_the_break)
    spoken = [each for each in told if isinstance(each, Spoken)]
    handed = [each for each in told if isinstance(each, Handed)]
    if told and not dry_run:
        with database.transaction() as session:
            number_beyond(session, _highest(told))
    _merge_again(within, spoken, done, now)
    _bring_back_nos(within, spoken, done, progress, now)
    _stop_half_sent(within, handed, done, now)
    if dry_run or _finish(database, journal, reading.marks.values(), witness, done, now):
        return done
    return replay(database, folder, up_to_the_break=up_to_the_break, progress=progress, now=now)


def _read(reading: Reading, *, up_to_the_break: bool) -> tuple[list[Spoken | Handed], Replayed]:
    told: list[Spoken | Handed] = []
    done = Replayed()
    for path in files_of(reading.folder):
        try:
            told += reading.told_by(path)
        except (JournalBroken, LineUnread):
            if not up_to_the_break:
                raise
            before_it, broken, behind = told_around(path, reading.marks.get(path.name))
            told += before_it
            done.skipped.append(broken)
            reading.marks[path.name] = behind
    done.lines = reading.lines
    return told, done


def _highest(told: Iterable[Spoken | Handed]) -> Highest:
    highest = Highest()
    for each in told:
        highest.see(each)
    return highest


Within = Callable[[], AbstractContextManager[Session]]


def _merge_again(within: Within, spoken: Iterable[Spoken], done: Replayed, now: datetime) -> None:
    """Make one customer of two again, in the order in which it was done, and never a stranger."""
    merges = [each for each in spoken if each.merged is not None]
    with within() as session:
        strangers = _strangers(session, merges)
    ours = [each for each in merges if strangers.isdisjoint((each.person_id, each.merged))]
    for each in sorted(ours, key=lambda one: (one.said.at, one.said.version)):
        with within() as session:
            done.merges += merge_again(session, each, now=now)


def _bring_back_nos(
    within: Within, spoken: list[Spoken], done: Replayed, progress: Progress, now: datetime
) -> None:
    """Those of nobody who is known here first: a yes of a customer is held against them, too."""
    here, absent = _by_person(within, spoken)
    for lines in absent:
        with within() as session:
            done.addresses += bring_back_address(session, lines, now=now)
    persons = sorted(here)
    for start in range(0, len(persons), AT_ONCE):
        with within() as session:
            for person_id in persons[start : start + AT_ONCE]:
                done.brought_back += bring_back_person(session, person_id, here[person_id], now=now)
        progress(min(start + AT_ONCE, len(persons)), len(persons))
    done.persons = len(persons)


ByPerson = Mapping[PersonId, list[Spoken]]


def _by_person(within: Within, spoken: list[Spoken]) -> tuple[ByPerson, list[list[Spoken]]]:
    """Part the lines into those of customers of this database, by who they are now, and others.

    Of nobody whose number is known each line is alone: two of them say nothing of each other.
    """
    by_number: dict[PersonId, list[Spoken]] = defaultdict(list)
    for each in spoken:
        by_number[each.person_id].append(each)
    here: dict[PersonId, list[Spoken]] = defaultdict(list)
    absent = [[each] for each in by_number.pop(delivery.NOBODY, [])]
    with within() as session:
        known = people.known_customers(session, by_number)
        strangers = _strangers(session, spoken)
        for number, lines in by_number.items():
            if number in known and number not in strangers:
                here[people.identity_of(session, number).survivor] += lines
            else:
                absent.append(lines)
    return here, absent


CLOCKS_DIFFER = 60.0
"""Seconds by which the clocks of two machines may differ, generously."""


def _strangers(session: Session, spoken: Iterable[Spoken]) -> set[PersonId]:
    """Return which customers of this database came into being after lines that name their number.

    These lines are about somebody who was lost.
    """
    named: dict[PersonId, float] = {}
    for each in spoken:
        at = each.said.at.timestamp() + CLOCKS_DIFFER
        for who in (each.person_id, each.merged):
            if who is not None:
                named[who] = min(at, named.get(who, at))
    return people.customers_since(session, named)


def _stop_half_sent(within: Within, handed: list[Handed], done: Replayed, now: datetime) -> None:
    """Stop what had been in hand and the database does not know of, but for order updates."""
    with within() as session:
        missing = delivery.never_in_hand(session, [each.batch for each in handed])
        kept = delivery.kept_mailings(session, missing)
        lost = [each for each in missing if each not in kept and each.lane is not Lane.ORDERS]
        here, begun_again = _of_promotional(missing, kept)
        for mailing_id in sorted(here.keys() | begun_again):
            batches = here.get(mailing_id, [])
            given_up = delivery.give_up_handed(session, mailing_id, batches, now=now)
            done.batches += given_up.batches
            done.people_unknown += given_up.people
            _note_given_up(session, given_up, now)
        stopped = campaigns.stop_half_sent(session, here.keys() - begun_again, now=now)
        done.campaigns_stopped = stopped
        again = campaigns.stop_begun_again(session, begun_again, now=now)
        done.campaigns_taken_back = again + _take_back(session, lost, now)


def _of_promotional(
    missing: Iterable[InHand], kept: Mapping[InHand, Kept]
) -> tuple[dict[MailingId, list[InHand]], set[MailingId]]:
    """Part what is missing by the mailings of this database; name those that began again.

    These bear another number than the line names: its batches are none of theirs.
    """
    here: dict[MailingId, list[InHand]] = defaultdict(list)
    begun_again: set[MailingId] = set()
    for each in missing:
        mailing = kept.get(each)
        if mailing is None or mailing.stream is not Stream.PROMOTIONAL:
            continue
        if mailing.mailing_id == each.mailing_id:
            here[mailing.mailing_id].append(each)
        else:
            begun_again.add(mailing.mailing_id)
    return here, begun_again


def _note_given_up(session: Session, given_up: delivery.GivenUp, now: datetime) -> None:
    if given_up.batches or given_up.paused:
        ledger.record(
            session,
            "journal.mailing_stopped",
            at=now,
            actor=ACTOR,
            mailing_id=given_up.mailing_id,
            detail={"batches": given_up.batches, "people": given_up.people},
        )


def _take_back(session: Session, lost: list[InHand], now: datetime) -> list[CampaignId]:
    """Take back campaigns that had begun after the backup, as far as lines tell it."""
    if not lost:
        return []
    named = [campaigns.campaign_of_key(each.key) for each in lost]
    return campaigns.take_back_begun(
        session,
        {each for each in named if each is not None},
        until=max(each.at for each in lost),
        now=now,
    )


def _finish(
    database: Database,
    journal: str,
    marks: Iterable[Mark],
    witness: uuid.UUID,
    done: Replayed,
    now: datetime,
) -> bool:
    """Know the journal up to here from now on, and let promotional mail go on.

    Not where the database was restored meanwhile, which lacks the witness: all is to be done again.
    """
    with database.transaction() as session:
        keep_marks(session, journal, marks, now=now)
        for halted in (journal, NUMBERLESS):
            delivery.lift_halt(session, halted)
        ledger.record(
            session,
            "journal.replayed",
            at=now,
            actor=ACTOR,
            detail={
                "journal": journal,
                "lines": done.lines,
                "brought_back": done.brought_back,
                "addresses": done.addresses,
                "batches": done.batches,
                "skipped": [each.told() for each in done.skipped],
            },
        )
        if delivery.withdraw(session, witness):
            return True
        session.rollback()
    return False
