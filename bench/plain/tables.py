"""The plain way's two tables: a person, and a row per mail."""

import psycopg
from sqlalchemy import BigInteger, Identity, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.crowd import NAMES, PLACES


class Base(DeclarativeBase):
    """Tables of the yardstick, apart from ours."""


class PlainPerson(Base):
    """Whom to mail."""

    __tablename__ = "plain_person"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    city: Mapped[str]
    country: Mapped[str]
    language: Mapped[str]
    is_opted_out: Mapped[bool] = mapped_column(default=False)


class PlainMail(Base):
    """That somebody was mailed."""

    __tablename__ = "plain_mail"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, index=True)
    state: Mapped[str]


def make_people(url: str, count: int) -> None:
    """Make the tables and the people."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([_person(n) for n in range(count)])
        session.commit()
    engine.dispose()


def count_sent(url: str) -> int:
    """Return how many mails are on record."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM plain_mail WHERE state = 'sent'").fetchone()
        return int(row[0]) if row else 0


def _person(n: int) -> PlainPerson:
    country, city, language, _ = PLACES[n % len(PLACES)]
    return PlainPerson(
        email=f"customer{n}@example.com",
        name=f"{NAMES[n % len(NAMES)]} {n}",
        city=city,
        country=country,
        language=language,
    )
