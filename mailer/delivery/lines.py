"""How nos and yeses stand in the journal: ids, versions and choices, enough to bring a no back."""

from mailer.delivery.claimed import Claimed
from mailer.delivery.silencing import Silenced
from mailer.permission import Applied
from mailer.vocabulary import AddressId, Lane, PersonId

HANDFUL = 3
"""Addresses of one line, whose marks of 58 signs stay within a journal's text."""
GIVING = frozenset({"yes", "resume", "more_often", "tracking_on"})


def line_of(person_id: PersonId, applied: Applied) -> dict[str, int | str]:
    """Return what is noted of a wish: its acts, a no that was repeated too, and their values."""
    acts = [*applied.acts, *applied.repeated]
    return {
        "person": person_id,
        "version": applied.version,
        "reference": applied.reference,
        "acts": ",".join(f"{act}:{topic}" if topic else act for act, topic in acts),
        **({"door": applied.door.value} if applied.door else {}),
        **({"policy": applied.policy_version} if applied.policy_version else {}),
        **applied.values,
    }


def line_of_no(silenced: Silenced, applied: Applied) -> dict[str, int | str]:
    """Return what is noted of a suppression."""
    no = silenced.no
    return line_of(silenced.person_id, applied) | {
        "version": silenced.version,
        "acts": "suppress",
        "scope": no.scope.value,
        "door": no.door.value,
        "reason": no.reason.value,
        **({"topic": no.topic.value} if no.topic else {}),
        **({"until": no.until.isoformat()} if no.until else {}),
    }


def line_of_batch(batch: Claimed) -> dict[str, int | str]:
    """Return what is noted of a batch that goes in hand.

    Its root is named, since a database from before knows neither its children nor who moved to
    them: whoever is in hand here stands in a batch of the same root there. Of its people the highest
    numbers are named alone: their links hold these, and no stranger may get them after a restore.
    """
    return {
        "mailing": batch.mailing.id,
        "batch": batch.id,
        "root": batch.root_id,
        "lane": batch.lane.value,
        "last_person": max(batch.people, default=0),
        "last_address": max(batch.people.values(), default=0),
        **({"key": batch.mailing.key} if batch.lane is Lane.PROMOTIONAL else {}),
    }


def only_gives(applied: Applied) -> bool:
    """Say whether a wish takes nothing away, so that no mail in hand could break it."""
    acts = [*applied.acts, *applied.repeated]
    return bool(acts) and all(act in GIVING for act, _ in acts)


def handfuls(addresses: list[AddressId]) -> list[list[AddressId]]:
    """Cut a list so that each journal line stays short; somebody without addresses has one line."""
    parts = range(0, len(addresses), HANDFUL)
    return [addresses[start : start + HANDFUL] for start in parts] or [[]]
