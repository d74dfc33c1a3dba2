"""From what clients said to when nothing may reach an address: their own words only. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.promises.clients_log import Said

FOR_EVER = float("inf")


@dataclass(frozen=True)
class Silence:
    """Nothing of these topics (None: of any) may begin after one moment and before another.

    It begins when an answer had been read, and ends when the person's next yes is asked for: from
    then on a yes may be in force, whether or not its answer ever comes.
    """

    n: int
    begins: float
    ends: float
    topics: frozenset[str] | None
    unsure: frozenset[int]
    """Mailings that the answer named as possibly on their way; 0 for one without a name."""

    def covers(self, moment: float, topic: str | None) -> bool:
        """Say whether a message of a topic that began at a moment broke it.

        A message without a known topic was cut off before it said what it is: it breaks the
        silence of all, and tells nothing about one topic's.
        """
        concerns = self.topics is None or topic in self.topics
        return concerns and self.begins < moment < self.ends


def silences(said: Sequence[Said]) -> dict[str, list[Silence]]:
    """Return every address's silences, from the words of whoever has or had it."""
    told: dict[str, list[Silence]] = defaultdict(list)
    for each in said:
        match each.kind:
            case "no":
                _add(told, each, [None if each.topics is None else frozenset(each.topics)])
            case "yes":
                _end(told, each)
            case "merge" | "move":
                # The nos of either hold at every address of both, from the answer on.
                _add(told, each, _in_force(told, each))
    return told


def _add(
    told: dict[str, list[Silence]], each: Said, topics: Iterable[frozenset[str] | None]
) -> None:
    if each.answered is None:
        return
    for which in topics:
        silence = Silence(each.n, each.answered, FOR_EVER, which, frozenset(each.unsure))
        for address in dict.fromkeys(each.addresses):
            told[address].append(silence)


def _end(told: dict[str, list[Silence]], each: Said) -> None:
    for address in each.addresses:
        told[address] = [
            replace(silence, ends=min(silence.ends, each.at)) for silence in told[address]
        ]


def _in_force(told: dict[str, list[Silence]], each: Said) -> list[frozenset[str] | None]:
    standing = [
        silence.topics
        for address in each.addresses
        for silence in told.get(address, ())
        if silence.ends == FOR_EVER
    ]
    return list(dict.fromkeys(standing))


def last_words(said: Sequence[Said]) -> Iterator[tuple[Said, str | None]]:
    """Yield each acknowledged no that no later yes of the same person may have undone.

    With it the topic, None for all promotional mail.
    """
    standing: dict[int, list[tuple[Said, str | None]]] = defaultdict(list)
    for each in said:
        if each.kind == "yes":
            for person in each.persons:
                standing.pop(person, None)
        elif each.kind == "no" and each.answered is not None:
            topics: list[str | None] = [None] if each.topics is None else [*each.topics]
            standing[each.persons[0]] += [(each, topic) for topic in topics]
    for words in standing.values():
        yield from words
