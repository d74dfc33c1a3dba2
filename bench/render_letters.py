"""What does one person's message cost? `python -m bench.render_letters`: needs nothing running."""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

from bench.letter import large_letter
from mailer.development.screens import SAMPLE_BRAND
from mailer.letters import (
    KNOWN,
    Compiled,
    Envelope,
    compile_promotional,
    list_id_of,
    write_message,
)
from mailer.links import Links, PersonLinks
from mailer.vocabulary import AddressId, MailingId, PersonId, Topic

LINKS = Links([bytes(range(32))], "https://mail.focalpointsystem.com")
TOPIC = Topic.SOFTWARE_UPDATES
MOMENT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def links_of(n: int) -> PersonLinks:
    return LINKS.for_person(
        mailing_id=MailingId(12345), person_id=PersonId(900_000 + n), address_id=AddressId(n)
    )


def envelope_of(n: int, links: PersonLinks) -> Envelope:
    return Envelope(
        from_="FocalPoint <news@focalpointsystem.com>",
        to_address=f"jo{n}@example.com",
        to_name="Jo Example",
        message_id=f"<12345.{n}@focalpointsystem.com>",
        date=MOMENT,
        list_unsubscribe=links.unsubscribe,
        list_id=list_id_of(TOPIC, "focalpointsystem.com"),
        mailing="m12345",
    )


def whole(compiled: Compiled, n: int) -> bytes:
    links = links_of(n)
    rendered = compiled.render(KNOWN, links, tracking=True)
    return b"".join(write_message(rendered, envelope_of(n, links)))


def naive(compiled: Compiled, n: int) -> bytes:
    """The same message by plain rendering and the standard library."""
    links = links_of(n)
    reference = compiled.reference(KNOWN, links, tracking=True)
    message = EmailMessage()
    message["Subject"] = reference.subject
    message["To"] = f"Jo Example <jo{n}@example.com>"
    message.set_content(reference.text)
    message.add_alternative(reference.html, subtype="html")
    return message.as_bytes()


def microseconds(work: Callable[[int], object], people: int, rounds: int) -> tuple[float, float]:
    """Give the best and the median processor time per person over the rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        for n in range(people):
            work(n)
        taken.append((time.process_time() - start) / people * 1e6)
    return min(taken), statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    compiled = compile_promotional(large_letter(MOMENT), topic=TOPIC, brand=SAMPLE_BRAND)
    ready = links_of(0)
    for name in ("open", "unsubscribe", "preferences"):
        getattr(ready, name)
    rendered = compiled.render(KNOWN, ready, tracking=True)
    envelope = envelope_of(0, ready)
    size = len(whole(compiled, 0))
    print(f"message of {size:,} bytes, {len(rendered.page):,} of them HTML before encoding")
    works: dict[str, Callable[[int], object]] = {
        "sign the links": lambda n: [getattr(links_of(n), x) for x in ("open", "preferences")],
        "render (links signed)": lambda _: compiled.render(KNOWN, ready, tracking=True),
        "write the message": lambda _: write_message(rendered, envelope),
        "all of it": lambda n: whole(compiled, n),
        "plain Jinja, no message": lambda _: compiled.reference(KNOWN, ready, tracking=True),
    }
    for name, work in works.items():
        best, median = microseconds(work, options.people, options.rounds)
        print(f"{name:26} {best:9.1f} µs at best, {median:9.1f} median")
    best, median = microseconds(lambda n: naive(compiled, n), 10, 3)
    print(f"{'plain Jinja, EmailMessage':26} {best:9.1f} µs at best, {median:9.1f} median")


if __name__ == "__main__":
    main()
