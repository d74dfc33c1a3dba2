"""Several customers at one mailbox: it gets a mailing once, and a count says so as the sender does.

The sender finds out by the place, which is unique on (mailing, address): whoever comes second is
refused (docs/decisions/one-place-per-address.md). A count takes no places, so it looks who shares.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlmodel import Session

from mailer.delivery.books import NO_MAILING, DryRun
from mailer.delivery.facts import Limits, facts_of
from mailer.permission import Cap, Curfew, decide_for_all
from mailer.vocabulary import AddressId, Allowed, Held, PersonId, Reason, Stream, Topic


def doubles(
    session: Session,
    sharing: Mapping[PersonId, AddressId],
    *,
    stream: Stream,
    topic: Topic,
    told: Mapping[PersonId, tuple[Topic, ...]] | None = None,
    curfew: Curfew | None,
    cap: Cap,
    now: datetime,
) -> DryRun:
    """Return what a dry run of `sharing` has to be corrected by: it decided for each by themselves.

    Of those at one address who would get the mail, one does; each other is allowed, or held, no
    more, and refused as who has it already. Who is held gives way to who gets it now. `told` says
    of a digest the topics of what it tells each of them.
    """
    facts = facts_of(
        session,
        sharing,
        NO_MAILING,
        zoned=curfew is not None,
        limits=Limits.asked_for(stream, cap),
        cap=cap,
        now=now,
    )
    at: dict[AddressId, list[bool]] = defaultdict(list)
    for same in facts:
        for topics, those in _by_topics(same.versions, topic, told or {}).items():
            verdict = decide_for_all(stream, topics, same.facts, curfew=curfew, cap=cap, now=now)
            if isinstance(verdict, Allowed | Held):
                for who in those:
                    at[sharing[who]].append(isinstance(verdict, Held))
    return _corrected(at.values())


def _by_topics(
    those: Iterable[PersonId], topic: Topic, told: Mapping[PersonId, tuple[Topic, ...]]
) -> Mapping[tuple[Topic, ...], list[PersonId]]:
    found: dict[tuple[Topic, ...], list[PersonId]] = defaultdict(list)
    for each in those:
        found[(topic, *told.get(each, ()))].append(each)
    return found


def _corrected(mailboxes: Iterable[list[bool]]) -> DryRun:
    """Count who gives way: of each mailbox it is said of everybody whether they are held."""
    allowed = held = 0
    for each in mailboxes:
        too_many = len(each) - 1
        wait = min(sum(each), too_many)
        held -= wait
        allowed -= too_many - wait
    given_way = Counter({Reason.NOT_SAME: -allowed - held})
    return DryRun(audience=0, allowed=allowed, refused=dict(+given_way), held=held)
