"""What the journal says of one person, brought back: in their own words and at every address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from mailer import ledger, orders, people, permission
from mailer.permission import NewSuppression, NotAdmitted, Said
from mailer.recovery.telling import Spoken
from mailer.vocabulary import AddressId, PersonId, Scope, SuppressionReason, Topic

ACTOR = "journal"
"""Who brings back, in the ledger; the words themselves keep whose they were."""


def merge_again(session: Session, told: Spoken, *, now: datetime) -> bool:
    """Make one customer of two as it was done before; say whether it was still to do.

    Who is gone, or was merged into another since, is left as they are: their nos hold by address.
    """
    survivor, merged = told.person_id, told.merged
    known = people.known_customers(session, [each for each in (survivor, merged) if each])
    if merged is None or known != {survivor, merged}:
        return False
    if people.identity_of(session, merged).survivor != merged:
        return False
    try:
        with session.begin_nested():
            permission.merge(session, survivor=survivor, merged=merged, now=now)
            people.merge(session, survivor=survivor, merged=merged, now=now)
            orders.follow_merge(session, survivor=survivor, merged=merged)
    except (NotAdmitted, people.PersonGone):
        return False
    _note(session, survivor, {"merged": merged}, now)
    return True


def bring_back_person(
    session: Session, person_id: PersonId, told: Sequence[Spoken], *, now: datetime
) -> bool:
    """Bring back what a customer's lines say; say whether anything was written."""
    identity = people.identity_of(session, person_id)
    addresses = _addresses(session, told) | identity.addresses
    try:
        silenced = sum(_silence_again(session, person_id, each) for each in told)
        words = permission.bring_back_wishes(
            session, person_id, [each.said for each in told if each.said.acts], addresses=addresses
        )
        carried = permission.bring_along(
            session,
            person_id,
            persons=identity.persons,
            addresses=addresses,
            joined=any(each.moved or each.merged is not None for each in told),
        )
        permission.keep_up(session, person_id, max(each.said.version for each in told))
    except NotAdmitted:  # erased: their nos stay by address
        return bool(bring_back_address(session, told, now=now))
    if silenced or words or carried:
        lines = {"lines": len(told), "words": words, "nos": silenced + carried}
        _note(session, person_id, lines, now)
    return bool(silenced or words or carried)


def _silence_again(session: Session, person_id: PersonId, told: Spoken) -> int:
    if told.silence is None:
        return 0
    addresses = _named(session, told)
    return permission.bring_back_silence(
        session, told.silence, person_id=person_id, addresses=addresses, at=told.said.at
    )


def bring_back_address(session: Session, told: Sequence[Spoken], *, now: datetime) -> int:
    """Bring back the nos of somebody whom this database does not have, by their addresses.

    Whoever is made a customer of one of them later is met by it. Returns how many were written.
    """
    addresses = _addresses(session, told)
    if not addresses:
        return 0
    nos = [*_silences(session, told), *_opt_outs(told, addresses)]
    written = sum(permission.bring_back_no(session, no, at=at) for no, at in nos)
    if written:
        _note(session, None, {"lines": len(told), "addresses": sorted(addresses)}, now)
    return written


def _silences(session: Session, told: Iterable[Spoken]) -> list[tuple[NewSuppression, datetime]]:
    return [
        (replace(each.silence, address_id=address), each.said.at)
        for each in told
        if each.silence is not None
        for address in sorted(_named(session, each))
    ]


def _opt_outs(
    told: Sequence[Spoken], addresses: Iterable[AddressId]
) -> list[tuple[NewSuppression, datetime]]:
    """Return the nos that are left of somebody's words, at each of their addresses."""
    said: list[Said] = [each.said for each in told if each.said.acts]
    refused = permission.topics_refused(said)
    if not refused:
        return []
    last = max((each for each in said if _is_no(each)), key=lambda each: each.at)
    topics: list[Topic | None] = [None] if refused == frozenset(Topic) else [*sorted(refused)]
    return [
        (
            NewSuppression(
                Scope.TOPIC if topic else Scope.PROMOTIONAL,
                SuppressionReason.OPT_OUT,
                last.door,
                address,
                topic=topic,
            ),
            last.at,
        )
        for address in sorted(addresses)
        for topic in topics
    ]


def _is_no(said: Said) -> bool:
    return any(name in ("no", "stop") for name, _ in said.acts)


def _addresses(session: Session, told: Iterable[Spoken]) -> frozenset[AddressId]:
    """Return under which numbers this database knows the addresses that lines name."""
    return frozenset().union(*(_named(session, each) for each in told))


def _named(session: Session, told: Spoken) -> frozenset[AddressId]:
    found = people.addresses_by_mark(session, told.addresses) if told.addresses else {}
    return frozenset().union(*found.values())


def _note(
    session: Session, person_id: PersonId | None, detail: Mapping[str, object], now: datetime
) -> None:
    ledger.record(
        session, "journal.brought_back", at=now, actor=ACTOR, person_id=person_id, detail=detail
    )
