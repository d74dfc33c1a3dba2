"""The checkers of a promise run: what was promised, held against the logs and the database. Pure.

They know nothing of how the service works: an address, a moment, a mailing's number in a Message-ID,
and at the end what the books say. C6, the provider's events, comes with that provider.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mailer.failpoints import Failpoint
from tests.promises.clients_log import Said
from tests.promises.evidence import Batch, Evidence
from tests.promises.silences import Silence, last_words, silences
from tests.promises.witness import Handed

MESSAGE_ID = re.compile(r"<(\d+)\.(\d+)@")
BOUND = 90.0
"""Seconds after the last fault within which everything due is done (C7)."""
NAMED_AT_MOST = 0.05
"""Of the barrier waits: hand-overs that began after an answer which had named them (C1)."""
NAMED_FOR = 5.0
"""Seconds after such an answer in which they may: what a witness that reads late had in its buffers."""

COPIES_AT_MOST = 3
"""Of an order update, whatever happens (C5)."""
OUTCOMES = ("accepted", "refused", "rejected", "unknown", "cancelled", "to go")
"""What may have become of somebody; who is to go at the end was told to wait."""


@dataclass(frozen=True)
class Verdict:
    """What one checker found; it holds where there is no fault."""

    name: str
    promise: str
    faults: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Say whether the promise was kept."""
        return not self.faults


def judge(evidence: Evidence) -> list[Verdict]:
    """Hold everything that was promised against what a run has left behind."""
    return [check(evidence) for check in CHECKERS]


def is_promotional(handed: Handed) -> bool:
    """Say whether a message needs permission; of one that was cut off early its sender tells."""
    return "list-id" in handed.headers or not (handed.headers or "orders@" in handed.sender)


def named_in(handed: Handed) -> tuple[int, int] | None:
    """Return the mailing and the person that a Message-ID names; None where it never came."""
    found = MESSAGE_ID.match(handed.message_id)
    return (int(found[1]), int(found[2])) if found else None


# C1


def no_hand_over_after_the_answer(evidence: Evidence) -> Verdict:
    """C1: nothing promotional began after an acknowledgement that had not named it."""
    by_address = silences(evidence.said)
    faults, named = [], 0
    for handed in filter(is_promotional, evidence.handed):
        broken = _broken(handed, by_address.get(handed.recipient, ()), evidence)
        if broken is None:
            continue
        if _is_named(handed, broken):
            named += 1
        else:
            late = handed.begun - broken.begins
            faults.append(
                f"no {broken.n} to {handed.recipient} was answered {late:.3f} s before a message of"
                f" mailing {named_in(handed)} began"
            )
    waits = len(barrier_waits(evidence))
    if named > waits * NAMED_AT_MOST:
        faults.append(f"{named} began after an answer that named them, of {waits} waits")
    return Verdict(
        "C1",
        "no promotional hand-over began after that person's acknowledgement, unless that named it",
        tuple(faults),
        {"begun after an answer that had named them": named},
    )


def _broken(handed: Handed, told: Iterable[Silence], evidence: Evidence) -> Silence | None:
    """Return the silence in which a message began, if in any."""
    found = named_in(handed)
    mailing = evidence.mailings.get(found[0]) if found else None
    topic = mailing.topic if mailing else None
    return next((each for each in told if each.covers(handed.begun, topic)), None)


def _is_named(handed: Handed, silence: Silence) -> bool:
    if handed.begun - silence.begins > NAMED_FOR:
        return False
    found = named_in(handed)
    if found is None or 0 in silence.unsure:
        return bool(silence.unsure)
    return found[0] in silence.unsure


def barrier_waits(evidence: Evidence) -> list[Said]:
    """Return the nos whose answer named a message that the witness had not begun when they were asked.

    Whom the gate dropped of the batch that was aimed at is counted there, and not here.
    """
    begun: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for handed in evidence.handed:
        found = named_in(handed)
        if found and is_promotional(handed):
            begun[handed.recipient].append((handed.begun, found[0]))
    mailing_of = {batch.id: batch.mailing for batch in evidence.batches}
    dropped = gate_drops(evidence)
    return [
        said
        for said in evidence.said
        if said.kind == "no" and said.answered is not None and (said.left or said.unsure)
        if dropped.isdisjoint(_where(said))
        if not _had_begun(said, mailing_of.get(said.batch or 0), begun)
    ]


def gate_drops(evidence: Evidence) -> set[tuple[int, int]]:
    """Return batch and person of each no that was aimed at a batch and dropped at its gate.

    Whom that no kept out of a second batch counts no second time, whoever asked again either.
    """
    aimed_at = {where for said in evidence.said if said.kind == "no" for where in _where(said)}
    return aimed_at & evidence.gate_drops


def _where(said: Said) -> list[tuple[int, int]]:
    return [(said.batch or 0, person) for person in said.persons]


def _had_begun(
    said: Said, mailing: int | None, begun: Mapping[str, list[tuple[float, int]]]
) -> bool:
    named = {each for each in (*said.left, *said.unsure) if each} or {mailing or 0}
    return any(
        at <= said.at and each in named
        for address in said.addresses
        for at, each in begun.get(address, ())
    )


# C2


def nobody_twice(evidence: Evidence) -> Verdict:
    """C2: nobody was accepted twice for one campaign, by address and by person.

    Of which campaign a message is stands in its subject, whatever number the service gave it.
    """
    addresses: Counter[tuple[str, str]] = Counter()
    persons: Counter[tuple[str, int]] = Counter()
    for handed in evidence.handed:
        found = named_in(handed)
        if handed.accepted and found and is_promotional(handed):
            campaign = handed.headers.get("subject", "")
            addresses[campaign, handed.recipient] += 1
            persons[campaign, found[1]] += 1
    twice = [(*key, n) for counted in (addresses, persons) for key, n in counted.items() if n > 1]
    return Verdict(
        "C2",
        "nobody was accepted twice for one campaign",
        tuple(f"campaign {campaign}: {who} {n} times" for campaign, who, n in twice),
        {"promotional messages accepted": sum(addresses.values())},
    )


# C3


def no_opt_out_is_missing(evidence: Evidence) -> Verdict:
    """C3: every acknowledged opt-out that no later yes undid stands, for person and addresses."""
    faults = []
    acknowledged = [each for each in evidence.said if each.kind == "no" and each.answered]
    for said, topic in last_words(evidence.said):
        person = _living(said.persons[0], evidence.survivors)
        if not _is_silent(person, topic, evidence.silent_persons):
            faults.append(f"no {said.n}: person {person} is not silent for {topic or 'all'}")
        faults += [
            f"no {said.n}: address {address} is not silent for {topic or 'all'}"
            for address in said.address_ids
            if not _is_silent(address, topic, evidence.silent_addresses)
        ]
    return Verdict(
        "C3",
        "no acknowledged opt-out is missing",
        tuple(faults),
        {"opt-outs acknowledged": len(acknowledged)},
    )


def _living(person: int, survivors: Mapping[int, int]) -> int:
    while person in survivors:
        person = survivors[person]
    return person


def _is_silent(who: int, topic: str | None, silent: set[tuple[int, str | None]]) -> bool:
    return (who, None) in silent or (topic is not None and (who, topic) in silent)


# C4


def the_books_balance(evidence: Evidence) -> Verdict:
    """C4: each person of an audience is accounted for once, and as the witness saw it."""
    faults = [fault for each in evidence.mailings for fault in _unbalanced(each, evidence)]
    faults += [
        f"batch {each.id} is {each.state} and does not add up"
        for each in evidence.batches
        if not _adds_up(each)
    ]
    faults += _unlike_the_witness(evidence)
    faults += _left_out(evidence)
    started = sum(1 for _ in _started(evidence))
    counts = Counter({f"people {outcome}": 0 for outcome in OUTCOMES})
    counts.update(f"people {outcome}" for outcome in evidence.outcomes.values())
    return Verdict(
        "C4",
        "the books balance, each person of an audience accounted for",
        tuple(faults),
        {"campaigns started": started, **counts},
    )


def _unbalanced(number: int, evidence: Evidence) -> Iterator[str]:
    audience, people = evidence.mailings[number].audience, evidence.rosters[number]
    if people != audience:
        yield f"mailing {number}: {people} of {audience} people stand in its batches"
    different = evidence.people_of.get(number, 0)
    if different != people:
        yield f"mailing {number}: {people - different} stand in two batches"


def _adds_up(batch: Batch) -> bool:
    told = batch.accepted + batch.refused + batch.rejected + batch.unknown
    return told == batch.size if batch.state in {"settled", "unknown"} else told <= batch.size


def _unlike_the_witness(evidence: Evidence) -> Iterator[str]:
    """Whom the witness took is accepted in the books, or of unknown fate; and the other way round."""
    taken = {
        found
        for handed in evidence.handed
        if handed.accepted and (found := named_in(handed)) and is_promotional(handed)
    }
    for found in taken:
        outcome = evidence.outcomes.get(found, "nowhere")
        if outcome not in {"accepted", "unknown"}:
            yield f"mailing {found[0]}: person {found[1]} was taken, and is {outcome} in the books"
    for found, outcome in evidence.outcomes.items():
        if outcome == "accepted" and _is_campaign(found[0], evidence) and found not in taken:
            yield f"mailing {found[0]}: person {found[1]} is accepted, and never came"


def _left_out(evidence: Evidence) -> Iterator[str]:
    """Whoever lives here all the time, by the clients' own list, stands in each campaign's books."""
    mailing_of = {each.campaign: each.id for each in evidence.mailings.values()}
    stay = _residents(evidence)
    for said in _started(evidence):
        mailing = mailing_of.get(said.campaign)
        missing = [person for person in stay if (mailing, person) not in evidence.outcomes]
        if missing:
            yield f"campaign {said.campaign}: {len(missing)} who live here stand nowhere, as {missing[0]}"


def _started(evidence: Evidence) -> Iterator[Said]:
    return (each for each in evidence.said if each.kind == "campaign" and each.answered)


def _residents(evidence: Evidence) -> list[int]:
    """Return who lives here from the first to the last, whoever else comes or is merged."""
    merged = {who for each in evidence.said if each.kind == "merge" for who in each.persons[1:]}
    lived = (each.persons for each in evidence.said if each.kind == "residents")
    return sorted(who for persons in lived for who in persons if who not in merged)


def _is_campaign(mailing: int, evidence: Evidence) -> bool:
    return evidence.mailings[mailing].stream == "promotional"


# C5


def order_updates_leave(evidence: Evidence) -> Verdict:
    """C5: each order update left; copies at most one more than the attempts in doubt, one Message-ID.

    An attempt that was put off is none in doubt; three copies are the most.
    """
    copies: dict[int, list[str]] = defaultdict(list)
    for handed in evidence.handed:
        found = named_in(handed)
        if handed.accepted and found and not is_promotional(handed):
            copies[found[0]].append(handed.message_id)
    in_doubt = attempts_in_doubt(evidence)
    told = [each for each in evidence.said if each.kind == "event" and each.answered]
    faults = [f"event {each.event} made no mailing" for each in told if each.mailing is None]
    mailings = {each.mailing for each in told if each.mailing is not None}
    for number in mailings:
        faults += _order_faults(number, copies[number], in_doubt[number])
    events: dict[str, set[int | None]] = defaultdict(set)
    for each in told:
        events[each.event].add(each.mailing)
    faults += [f"event {each} made two mailings" for each, made in events.items() if len(made) > 1]
    return Verdict(
        "C5",
        "each order update left at least once, and no oftener than doubt allows",
        tuple(faults),
        {
            "order events": len(events),
            "copies of order updates": sum(len(copies[each]) - 1 for each in mailings),
        },
    )


def _order_faults(mailing: int, copies: list[str], in_doubt: int) -> Iterator[str]:
    if not copies:
        yield f"mailing {mailing}: an order update never left"
    if len(copies) > min(1 + in_doubt, COPIES_AT_MOST):
        yield f"mailing {mailing}: {len(copies)} copies of an order update, {in_doubt} in doubt"
    if len(set(copies)) > 1:
        yield f"mailing {mailing}: copies of an order update differ in their Message-ID"


def attempts_in_doubt(evidence: Evidence) -> Counter[int]:
    """Count, for each order update, the attempts of which nobody could know what came of them."""
    before: Counter[int] = Counter()
    last: Counter[int] = Counter()
    for batch in evidence.batches:
        if batch.lane == "orders":
            before[batch.mailing] = max(before[batch.mailing], batch.doubts)
            last[batch.mailing] += batch.unknown
    return before + last


# C7 and C8


def it_ends(evidence: Evidence) -> Verdict:
    """C7: work is done within a bound after the last fault."""
    faults = []
    if evidence.ended_after > BOUND:
        faults.append(f"something was still due {evidence.ended_after:.0f} s after the last fault")
    return Verdict("C7", f"nothing is due {BOUND:.0f} s after the last fault", tuple(faults))


def it_meant_something(evidence: Evidence) -> Verdict:
    """C8: every danger that the promise is about was met, and every crash point hit."""
    counts = dangers(evidence)
    hit = {point for point, act in evidence.hits if act == "kill"}
    faults = [f"no {what}" for what, count in counts.items() if not count]
    faults += [
        f"nobody was killed at {point.value}" for point in Failpoint if point.value not in hit
    ]
    return Verdict("C8", "the run met every danger, at every crash point", tuple(faults), counts)


def dangers(evidence: Evidence) -> dict[str, int]:
    """Count what a run must have met to mean anything; no opt-out counts twice."""
    unknown = Counter(evidence.outcomes.values())["unknown"]
    order_doubt = sum(attempts_in_doubt(evidence).values())
    unknown_orders = sum(
        1
        for (mailing, _), outcome in evidence.outcomes.items()
        if outcome == "unknown" and not _is_campaign(mailing, evidence)
    )
    return {
        "gate drops": len(gate_drops(evidence)),
        "barrier waits for a message not yet begun": len(barrier_waits(evidence)),
        "ambiguous hand-overs": unknown - unknown_orders + order_doubt,
    }


CHECKERS: tuple[Callable[[Evidence], Verdict], ...] = (
    no_hand_over_after_the_answer,
    nobody_twice,
    no_opt_out_is_missing,
    the_books_balance,
    order_updates_leave,
    it_ends,
    it_meant_something,
)
