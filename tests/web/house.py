"""A house with its parts, and Jo Example in it, for tests that come to the web door."""

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from mailer import delivery, people, permission
from mailer.links import Purpose
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.settings import Settings, read_settings
from mailer.vocabulary import AddressId, Door, MailingId, PersonId, Stream, Topic
from mailer.wiring import Parts

NOW = datetime.fromisoformat("2026-11-22T15:41:07+00:00")
ABOUT_WISHES = (
    "permission_standing",
    "permission_suppression",
    "permission_consent",
    "ledger_entry",
)
AUTUMN = delivery.NewMailing(
    key="campaign:autumn",
    letter="promotional",
    stream=Stream.PROMOTIONAL,
    topic=Topic.SOFTWARE_UPDATES,
    content={"subject": "The autumn release is here"},
)


def key(number: int) -> str:
    """A key that is no pattern, the same in every run."""
    return base64.b64encode(bytes((number * 37 + at * 11) % 251 for at in range(32))).decode()


def environment_for(database_url: str, folder: Path, **changed: str) -> dict[str, str]:
    """The environment of a developer's machine, some of it changed."""
    return {
        "MAILER_ENV": "development",
        "MAILER_DATA_DIR": str(folder),
        "MAILER_DATABASE_URL": database_url,
        "MAILER_SECRET_KEYS": key(1),
        "MAILER_VAULT_KEYS": key(2),
        "MAILER_INDEX_KEYS": key(3),
        "MAILER_PROVIDER": "memory",
        "MAILER_POSTAL_ADDRESS": "10 Corporate Place South, Suite 101, Piscataway, NJ 08854",
    } | {f"MAILER_{name.upper()}": value for name, value in changed.items()}


def settings_for(database_url: str, folder: Path, **changed: str) -> Settings:
    """The settings of a developer's machine, some changed."""
    return read_settings(environment_for(database_url, folder, **changed))


@dataclass(frozen=True)
class Customer:
    """A customer, with the tokens of the links that their mail carries."""

    person_id: PersonId
    address_id: AddressId
    unsubscribe: str
    preferences: str


class House:
    """The parts, and the few acts that tests begin with."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def customer(
        self, *on: Topic, email: str = "jo@example.com", zone: str = "America/New_York"
    ) -> Customer:
        """Make a customer with these topics on, and a mailing on software updates to them."""
        with self.parts.database.transaction() as session:
            profile = NewProfile(email=email, name="Jo Example", timezone=zone, source="shop")
            made = people.upsert(session, self.parts.vault, profile, now=NOW)
            permission.admit(session, [made.person_id], now=NOW)
            mailing = delivery.create_mailing(session, AUTUMN, now=NOW)
            if mailing is None:
                found = delivery.mailing_by_key(session, AUTUMN.key)
                assert found is not None
                mailing = found.id
        if on:
            self.wish(made.person_id, made.address_id, _yes(on))
        return self._with_links(made.person_id, made.address_id, mailing)

    def wish(self, person_id: PersonId, address_id: AddressId, change: Change) -> None:
        """Let a wish come in through another door."""
        self.parts.opt_outs.change(person_id, change, address_id=address_id)

    def standing(self, customer: Customer) -> permission.Standing:
        """How a customer stands now."""
        with self.parts.database.reading() as session:
            standing = permission.standing_of(session, customer.person_id)
        assert standing is not None
        return standing

    def everything(self) -> str:
        """All that the house holds about wishes, to compare before and after."""
        with self.parts.database.reading() as session:
            rows = [
                session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all()
                for table in ABOUT_WISHES
            ]
        return repr(rows)

    def _with_links(
        self, person_id: PersonId, address_id: AddressId, mailing: MailingId
    ) -> Customer:
        sign = self.parts.links.sign
        return Customer(
            person_id,
            address_id,
            sign(Purpose.UNSUBSCRIBE, person_id, address_id, mailing),
            sign(Purpose.PREFERENCES, person_id, address_id),
        )


def _yes(topics: tuple[Topic, ...]) -> Change:
    return Change(
        door=Door.SIGN_UP,
        policy_version="2026-11",
        words="Send me these by e-mail.",
        topics_on=frozenset(topics),
    )
