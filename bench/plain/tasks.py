"""The plain way: one Celery task mails one person, as tutorials write it.

It reads its settings from the environment, because Celery imports it by name.
"""

import os
import smtplib
from email.message import EmailMessage
from functools import cache

from celery import Celery
from itsdangerous import URLSafeSerializer
from jinja2 import Environment, Template
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from bench.letter import LINKS
from bench.plain.tables import PlainMail, PlainPerson

app = Celery("plain", broker=os.environ.get("PLAIN_BROKER", "memory://"))
app.conf.update(task_ignore_result=True, task_default_queue="plain")
signer = URLSafeSerializer("a secret of the plain way")
templates = Environment(autoescape=True)


@cache
def engine() -> Engine:
    url = os.environ["PLAIN_DATABASE"]
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))


@cache
def cached_template() -> Template:
    return templates.from_string(os.environ["PLAIN_LETTER"])


@app.task(name="bench.plain.tasks.mail_one")  # type: ignore[untyped-decorator]
def mail_one(person_id: int, is_cached: bool) -> None:
    """Load, decide, render, sign, send over a connection of its own, write it down."""
    with Session(engine()) as session:
        person = session.get_one(PlainPerson, person_id)
        if person.is_opted_out:
            return
        mail = PlainMail(person_id=person_id, state="sending")
        session.add(mail)
        session.commit()
        message = _message(person, is_cached)
        with smtplib.SMTP("127.0.0.1", int(os.environ["PLAIN_SMTP_PORT"])) as smtp:
            smtp.send_message(message)
        mail.state = "sent"
        session.commit()


def _message(person: PlainPerson, is_cached: bool) -> EmailMessage:
    template = cached_template() if is_cached else templates.from_string(os.environ["PLAIN_LETTER"])
    links = [
        f"https://mail.focalpointsystem.com/c/{signer.dumps([1, person.id, n])}"
        for n in range(LINKS)
    ]
    page = template.render(
        name=person.name, first_name=person.name.split()[0], city=person.city,
        country=person.country, country_code=person.country, language=person.language,
        language_code=person.language[:2], links=links,
    )  # fmt: skip
    message = EmailMessage()
    message["Subject"] = f"Autumn release for {person.name}"
    message["From"] = "news@focalpointsystem.com"
    message["To"] = person.email
    message.set_content("Read this mail as a page.")
    message.add_alternative(page, subtype="html")
    return message
