"""What holds of wishes that a journal tells, out of order and beside newer ones. Pure.

Two orders are known of wishes: the clock of the machine that took them, and the version of the
person's page. Machines' clocks differ, and versions begin anew in a database that was restored. A
wish for more therefore holds only where it is later by both; whoever is wronged by that is asked
again, and nobody is mailed against a later no.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailer.vocabulary import Door, PersonId, Topic

Act = tuple[str, Topic | None]
LESS = frozenset({"no", "stop", "pause", "less_often", "tracking_off", "gpc"})
MORE = frozenset({"yes", "resume", "more_often", "tracking_on"})
MANNERS = {
    "pause": "pause",
    "resume": "pause",
    "less_often": "frequency",
    "more_often": "frequency",
    "tracking_off": "tracking",
    "tracking_on": "tracking",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One wish as it was told: by whom, when, and which version it made."""

    person_id: PersonId
    at: datetime
    version: int
    reference: str
    acts: tuple[Act, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    door: Door = Door.COMMAND_LINE
    """Lines of the first format do not name it."""
    policy_version: str = ""
    known: bool = False
    """It stands in the database, which needs not be told of it again."""

    def only(self, acts: Iterable[Act]) -> "Said":
        """Return it with some of its acts."""
        return replace(self, acts=tuple(acts))


def what_holds(said: Sequence[Said]) -> list[Said]:
    """Return what is to be written, in the order of the clock, less what does not hold any more.

    A wish for more goes where one for less about the same thing is not surely before it; a wish
    for less where the database knows of a wish for more that surely came later. A stop goes only
    for the topics that were asked for again, and is a no to each of the others.
    """
    in_order = sorted(said, key=lambda each: (each.at, each.version))
    less = [(each, act) for each in in_order for act in each.acts if act[0] in LESS]
    more = [
        (each, act)
        for each in in_order
        for act in each.acts
        if act[0] in MORE and not _is_answered(each, act, less)
    ]
    standing = [(id(each), act) for each, act in more]
    known = [(each, act) for each, act in more if each.known]
    held = [
        each.only(
            left
            for act in each.acts
            if act[0] in LESS or (id(each), act) in standing
            for left in _left_of(each, act, known)
        )
        for each in in_order
        if not each.known
    ]
    return [each for each in held if each.acts]


def topics_refused(said: Sequence[Said]) -> frozenset[Topic]:
    """Return to which topics somebody says no, where nothing is known of them but these words."""
    refused: set[Topic] = set()
    for each in what_holds(said):
        for act in each.acts:
            if act[0] in ("no", "stop"):
                refused |= _topics(act)
            elif act[0] == "yes":
                refused -= _topics(act)
    return frozenset(refused)


def _is_answered(said: Said, more: Act, less: Iterable[tuple[Said, Act]]) -> bool:
    return any(
        each is not said and _is_about(act, more) and not _is_after(said, each)
        for each, act in less
    )


def _left_of(said: Said, act: Act, more: Iterable[tuple[Said, Act]]) -> list[Act]:
    """Return what is left of a wish for less beside wishes for more that surely came later.

    A yes to one topic answers a stop for that topic alone, as it does on the page.
    """
    if act[0] in MORE:
        return [act]
    later = [each for who, each in more if _is_about(act, each) and _is_after(who, said)]
    if act[0] != "stop" or not later:
        return [] if later else [act]
    answered = {topic for each in later for topic in _topics(each)}
    return [("no", topic) for topic in Topic if topic not in answered]


def _is_after(later: Said, earlier: Said) -> bool:
    """Say whether it surely came later; versions of two customers compare to nothing."""
    if later.at <= earlier.at:
        return False
    comparable = later.person_id == earlier.person_id and bool(later.version and earlier.version)
    return not comparable or later.version > earlier.version


def _is_about(less: Act, more: Act) -> bool:
    """Say whether a wish for less and one for more are about the same thing."""
    if more[0] == "yes":
        return bool(_topics(less) & _topics(more))
    return MANNERS.get(less[0]) == MANNERS[more[0]]


def _topics(act: Act) -> frozenset[Topic]:
    name, topic = act
    if name == "stop":
        return frozenset(Topic)
    return frozenset({topic}) if name in ("no", "yes", "gpc") and topic else frozenset()
