"""May we send this to this person now? Pure: facts in, verdict out, the same for sender and support."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.permission.quiet import Curfew
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
    last_promotional: datetime | None = None
    """When the last promotional mail left for this mailbox, read only for those with a limit."""
    older_in_hand: bool = False
    """An older mailing is being handed over to this mailbox at this moment."""
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
    now: datetime,
) -> Verdict:
    """Answer whether mail of this stream and topic may leave for this person now.

    Order updates pass unless the person is gone or every mail to them is suppressed (C05).
    Promotional mail needs a topic that is on and no objection of any kind (C07, C08); where
    several reasons hold, the strongest is named. Who may be mailed and is in the quiet hours that
    `curfew` reckons is held until they end, or refused where the mail would be too late then.
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
    verdict = _decide_promotional(topic, facts, now)
    if curfew is not None and isinstance(verdict, Allowed):
        return _hold(verdict, curfew, facts.zone)
    return verdict


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


def _decide_promotional(topic: Topic, facts: Facts, now: datetime) -> Verdict:
    if not facts.topics_on & topic.bit:
        answered = facts.topics_answered & topic.bit
        return Refused(Reason.NOT_TOPIC if answered else Reason.NOT_NEVER)
    if not facts.confirmed:
        return Refused(Reason.NOT_UNCONFIRMED)
    if topic is Topic.PARTNER_OFFERS and facts.gpc_since is not None:
        return Refused(Reason.NOT_GPC, facts.gpc_since)
    if facts.paused_until is not None and facts.paused_until > now:
        return Refused(Reason.NOT_PAUSED, until=facts.paused_until)
    return _decide_frequency(facts, now)


def _decide_frequency(facts: Facts, now: datetime) -> Verdict:
    if facts.frequency.days:
        last = facts.last_promotional
        if last is not None and last > now - timedelta(days=facts.frequency.days):
            return Refused(Reason.NOT_OFTEN, last, last + timedelta(days=facts.frequency.days))
        if facts.older_in_hand:
            return Refused(Reason.NOT_OFTEN, now)
    return Allowed(Reason.SENT_TOPIC)


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
