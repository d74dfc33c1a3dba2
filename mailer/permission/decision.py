"""May we send this to this person now? Pure: facts in, verdict out, the same for sender and support."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from mailer.permission.quiet import Curfew
from mailer.permission.rhythm import NO_CAP, Cap, Limit, own_limits
from mailer.vocabulary import (
    Allowed,
    Frequency,
    Held,
    Reason,
    Refused,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
    Verdict,
)

RHYTHM = frozenset({Reason.NOT_OFTEN, Reason.NOT_CAP})
"""Why mail is held back that is wanted, and would be welcome on another day."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A standing no for a person or an address, within a scope, until a moment or for ever."""

    scope: Scope
    reason: SuppressionReason
    since: datetime
    topic: Topic | None = None
    until: datetime | None = None

    def reaches(self, stream: Stream, topic: Topic | None, now: datetime) -> bool:
        """Say whether it holds now for this kind of mail."""
        if self.until is not None and self.until <= now:
            return False
        if self.scope is Scope.ALL:
            return True
        if stream is Stream.ORDER_UPDATE:
            return False
        return self.scope is Scope.PROMOTIONAL or self.topic is topic


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision about one person rests on, as read in one statement."""

    gone: bool = False
    """Merged into another customer, erased, or never there."""
    moved: bool = False
    """The customer's address is no longer the one that this mail was prepared for."""
    topics_on: int = 0
    """The bits of the topics that are on."""
    topics_answered: int = 0
    """The bits of the topics that were ever turned on or off."""
    paused_until: datetime | None = None
    frequency: Frequency = Frequency.AS_IT_COMES
    hand_overs: tuple[datetime, ...] = ()
    """When promotional mail left for this mailbox, as far back as a limit reaches; none where
    there are too few for any limit."""
    older_in_hand: int = 0
    """Older mailings that are being handed over to this mailbox at this moment."""
    younger_in_hand: int = 0
    confirmed: bool = True
    gpc_since: datetime | None = None
    zone: str = ""
    """Their time zone, read only for a mailing with quiet hours; empty where none is known."""
    suppressions: tuple[Suppression, ...] = ()


def decide(
    stream: Stream,
    topic: Topic | None,
    facts: Facts,
    *,
    curfew: Curfew | None = None,
    cap: Cap = NO_CAP,
    now: datetime,
) -> Verdict:
    """Answer whether mail of this stream and topic may leave for this person now.

    Order updates pass unless the person is gone or every mail to them is suppressed (C05).
    Promotional mail needs a topic that is on and no objection of any kind (C07, C08); where several
    reasons hold, the strongest is named. Of the customer's own frequency and the company's `cap`
    the stricter one holds; they count by mailbox, over all topics. Who may be mailed and is in the
    quiet hours that `curfew` reckons is held until they end, or refused where the mail would be too
    late then.
    """
    if facts.gone:
        return Refused(Reason.NOT_GONE)
    if facts.moved:
        return Refused(Reason.NOT_MOVED)
    suppression = _strongest(stream, topic, facts, now)
    if suppression is not None:
        return Refused(_reason_of(suppression), suppression.since, suppression.until)
    if stream is Stream.ORDER_UPDATE:
        return Allowed(Reason.SENT_ORDER)
    if topic is None:
        raise ValueError("promotional mail belongs to exactly one topic")
    verdict = _decide_promotional(topic, facts, cap, now)
    if curfew is not None and isinstance(verdict, Allowed):
        return _hold(verdict, curfew, facts.zone)
    return verdict


def decide_for_all(
    stream: Stream,
    topics: Sequence[Topic],
    facts: Facts,
    *,
    curfew: Curfew | None = None,
    cap: Cap = NO_CAP,
    now: datetime,
) -> Verdict:
    """Answer whether one mail about several topics may leave: only where mail of each of them may.

    What stands against a topic is named before frequency and cap, as in a mail of that topic alone.
    Raises ValueError without a topic.
    """
    if not topics:
        raise ValueError("promotional mail belongs to a topic")
    verdicts = [decide(stream, each, facts, curfew=curfew, cap=cap, now=now) for each in topics]
    return min(verdicts, key=_standing_in_the_way)


def _standing_in_the_way(verdict: Verdict) -> int:
    match verdict:
        case Refused():
            return int(verdict.reason in RHYTHM)
        case Held():
            return 2
        case Allowed():
            return 3
        case _:
            assert_never(verdict)


def _hold(verdict: Allowed, curfew: Curfew, zone: str) -> Verdict:
    until = curfew.ends(zone)
    if until is None:
        return verdict
    if curfew.use_by is not None and curfew.use_by < until:
        return Refused(Reason.NOT_LATE, curfew.use_by)
    return Held(Reason.HELD_QUIET, until)


def decide_test(topic: Topic | None, facts: Facts, *, now: datetime) -> Verdict:
    """Answer whether a campaign's test may leave for an address of staff now.

    It asks for no permission, and nobody need be a customer there; but what would stop promotional
    mail to the address stops the test too, whoever said it (C08). A pause does not: it is a
    customer's word about their own mail, and whoever asks for a test names the address.
    """
    suppression = _strongest(Stream.PROMOTIONAL, topic, facts, now)
    if suppression is not None:
        return Refused(_reason_of(suppression), suppression.since, suppression.until)
    return Allowed(Reason.SENT_TOPIC)


def _decide_promotional(topic: Topic, facts: Facts, cap: Cap, now: datetime) -> Verdict:
    if not facts.topics_on & topic.bit:
        answered = facts.topics_answered & topic.bit
        return Refused(Reason.NOT_TOPIC if answered else Reason.NOT_NEVER)
    if not facts.confirmed:
        return Refused(Reason.NOT_UNCONFIRMED)
    if topic is Topic.PARTNER_OFFERS and facts.gpc_since is not None:
        return Refused(Reason.NOT_GPC, facts.gpc_since)
    if facts.paused_until is not None and facts.paused_until > now:
        return Refused(Reason.NOT_PAUSED, until=facts.paused_until)
    own = [_beyond(each, Reason.NOT_OFTEN, facts, now) for each in own_limits(facts.frequency)]
    ours = [_beyond(each, Reason.NOT_CAP, facts, now) for each in cap.limits]
    reached = [each for each in own if each] or [each for each in ours if each]
    return max(reached, key=_opens, default=Allowed(Reason.SENT_TOPIC))


def _beyond(limit: Limit, reason: Reason, facts: Facts, now: datetime) -> Refused | None:
    """Refuse who has had as many as a limit allows, mail in hand of older mailings included."""
    had = limit.lately(facts.hand_overs, now)
    if len(had) >= limit.mails:
        return Refused(reason, had[0], had[limit.mails - 1] + limit.period)
    if len(had) + facts.older_in_hand >= limit.mails:
        return Refused(reason, now)
    return None


def _opens(refused: Refused) -> datetime:
    return refused.until or refused.since or datetime.min.replace(tzinfo=UTC)


def gives_way(facts: Facts, *, cap: Cap = NO_CAP, now: datetime) -> bool:
    """Say whether a mailing that is allowed must wait to see what becomes of younger ones in hand.

    Of two mailings in hand at once that a limit does not let pass together the younger is refused,
    by `decide`, and the older waits: each gate sees the other one, whichever came first.
    """
    return facts.younger_in_hand > 0 and any(
        len(each.lately(facts.hand_overs, now)) + facts.older_in_hand + facts.younger_in_hand
        >= each.mails
        for each in (*own_limits(facts.frequency), *cap.limits)
    )


_STRENGTH = {
    SuppressionReason.ERASURE: 0,
    SuppressionReason.MINOR: 0,
    SuppressionReason.MANUAL: 1,
    SuppressionReason.HARD_BOUNCE: 2,
    SuppressionReason.COMPLAINT: 3,
    SuppressionReason.OPT_OUT: 4,
    SuppressionReason.IMPORTED: 5,
}
_WIDTH = {Scope.ALL: 0, Scope.PROMOTIONAL: 1, Scope.TOPIC: 2}


def _strongest(
    stream: Stream, topic: Topic | None, facts: Facts, now: datetime
) -> Suppression | None:
    held = [each for each in facts.suppressions if each.reaches(stream, topic, now)]
    return min(
        held,
        key=lambda each: (_WIDTH[each.scope], _STRENGTH[each.reason], each.since),
        default=None,
    )


def _reason_of(suppression: Suppression) -> Reason:
    """Name a suppression for its reader; erased and children's removals look like any other."""
    if suppression.reason is SuppressionReason.HARD_BOUNCE:
        return Reason.NOT_BOUNCE
    if suppression.reason is SuppressionReason.COMPLAINT:
        return Reason.NOT_COMPLAINT
    if suppression.reason is SuppressionReason.OPT_OUT:
        return Reason.NOT_TOPIC if suppression.scope is Scope.TOPIC else Reason.NOT_ALL
    return Reason.NOT_SUPPRESSED
