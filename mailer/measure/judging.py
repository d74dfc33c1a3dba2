"""Was it a person who asked? The second judgement, over all requests of one person's mail. Pure.

What a request says of itself is judged when it comes (`machines.py`). Scanners that look like a
browser are found here, by what came before and after. Each rule has a name, and errs towards the
machine: a figure of people that is too small misleads nobody, one that scanners blew up does.
There is no hidden link as a trap: a mail with links that nobody can see looks like spam itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailer.measure.machines import Kind


class Origin(StrEnum):
    """Who asked, as far as all that is known can tell."""

    PERSON = "person"
    UNKNOWN = "unknown"
    MACHINE = "machine"


AT_ONCE, SOON = 10.0, 30.0
"""Seconds from the hand-over: nobody has read by the first, hardly anybody by the second."""
BURST, BURST_LINKS = 2.0, 3
"""So many different links within so many seconds are no reader's; one fewer may be."""
SWEEP, SWEEP_LINKS = 60.0, 3
"""Every link of a mail, where it has so many, within so many seconds."""
PROBE = 10.0
"""Seconds in which a browser that follows HEAD or a named scanner is the scanner's second look."""
REACH = max(BURST, SWEEP, PROBE)
"""Requests of one mail that lie further apart, in seconds, do not change each other's judgement."""
CROWD, CROWD_SHARE = 5, 0.1
"""People of one domain within one second, and the share of all who ever asked there."""
PROBES = frozenset({Kind.HEAD, Kind.SCANNER})


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one person's mail: link `n`, or the pixel where that is None."""

    n: int | None
    kind: Kind
    at: float
    """Seconds since 1970."""
    crowded: bool = False
    """Many people of the same domain asked within the same second: `is_crowd`."""


def is_crowd(together: int, ever: int) -> bool:
    """Say whether so many people of a domain within one second, of all who ever asked, are a scanner.

    The share lets a large mailbox provider pass, whose customers meet by chance.
    """
    return together >= CROWD and together >= CROWD_SHARE * ever


def judge(requests: Sequence[Request], *, links: int, handed_at: float) -> list[Origin]:
    """Judge the requests of one person's mail, which come in order of time; one answer for each.

    `links` is how many links the mail has, `handed_at` when it was handed over. The rules look at
    each request together with all others of this mail that lie within REACH; the strictest answer
    counts.
    """
    told = [_alone(request, handed_at) for request in requests]
    if len(requests) == 1:
        return told
    for machine in (_after_a_probe(requests), _in_a_burst(requests), _in_a_sweep(requests, links)):
        for place in machine:
            told[place] = Origin.MACHINE
    for place in _within(requests, BURST, BURST_LINKS - 1):
        if told[place] is Origin.PERSON:
            told[place] = Origin.UNKNOWN
    return told


def of_the_person(origins: Sequence[Origin]) -> Origin:
    """Return what a person's requests come to: theirs, if one of them was."""
    return min(origins, key=tuple(Origin).index)


def _alone(request: Request, handed_at: float) -> Origin:
    """Judge by the request itself, its crowd, and how soon after the hand-over it came."""
    since = request.at - handed_at
    if request.kind is not Kind.GET or request.crowded or since <= AT_ONCE:
        return Origin.MACHINE
    return Origin.UNKNOWN if since <= SOON else Origin.PERSON


def _after_a_probe(requests: Sequence[Request]) -> list[int]:
    """Return the places of what came just after HEAD or a scanner that named itself."""
    found: list[int] = []
    probed: float | None = None
    for place, request in enumerate(requests):
        if request.kind in PROBES:
            probed = request.at
        elif probed is not None and request.at - probed <= PROBE:
            found.append(place)
    return found


def _in_a_burst(requests: Sequence[Request]) -> list[int]:
    return _within(requests, BURST, BURST_LINKS)


def _in_a_sweep(requests: Sequence[Request], links: int) -> list[int]:
    return _within(requests, SWEEP, links) if links >= SWEEP_LINKS else []


def _within(requests: Sequence[Request], seconds: float, links: int) -> list[int]:
    """Return the places of clicks that lie in a window of time with so many different links.

    One pass, since a scanner may ask thousands of times: windows only ever move forward.
    """
    clicks = [place for place, each in enumerate(requests) if each.n is not None]
    inside: Counter[int | None] = Counter()
    found: list[int] = []
    first = noted = 0
    for last, place in enumerate(clicks):
        inside[requests[place].n] += 1
        while requests[place].at - requests[clicks[first]].at > seconds:
            _leave(inside, requests[clicks[first]].n)
            first += 1
        if len(inside) >= links:
            found += clicks[max(first, noted) : last + 1]
            noted = last + 1
    return found


def _leave(inside: Counter[int | None], n: int | None) -> None:
    inside[n] -= 1
    if not inside[n]:
        del inside[n]
