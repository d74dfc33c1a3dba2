"""How nos and yeses stand in the journal: ids, versions and choices, enough to bring a no back."""

from mailer.delivery.silencing import Silenced
from mailer.permission import Applied
from mailer.vocabulary import AddressId, PersonId

GIVING = frozenset({"yes", "resume", "more_often", "tracking_on"})


def line_of(person_id: PersonId, applied: Applied) -> dict[str, int | str]:
    """Return what is noted of a wish: its acts, a no that was repeated too, and their values."""
    acts = [*applied.acts, *applied.repeated]
    return {
        "person": person_id,
        "version": applied.version,
        "reference": applied.reference,
        "acts": ",".join(f"{act}:{topic}" if topic else act for act, topic in acts),
        **applied.values,
    }


def line_of_no(silenced: Silenced, applied: Applied) -> dict[str, int | str]:
    """Return what is noted of a suppression."""
    no = silenced.no
    return line_of(silenced.person_id, applied) | {
        "version": silenced.version,
        "acts": "suppress",
        "scope": no.scope.value,
        "reason": no.reason.value,
        **({"topic": no.topic.value} if no.topic else {}),
        **({"until": no.until.isoformat()} if no.until else {}),
    }


def only_gives(applied: Applied) -> bool:
    """Say whether a wish takes nothing away, so that no mail in hand could break it."""
    acts = [*applied.acts, *applied.repeated]
    return bool(acts) and all(act in GIVING for act, _ in acts)


def handfuls(addresses: list[AddressId]) -> list[list[AddressId]]:
    """Cut a list so that each journal line stays short; somebody without addresses has one line."""
    return [addresses[start : start + 10] for start in range(0, len(addresses), 10)] or [[]]
