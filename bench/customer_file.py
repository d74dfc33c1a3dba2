"""A file of made-up customers, some of them spoilt, as `fpmail import customers` takes it."""

import csv
import random
from pathlib import Path

COLUMNS = (
    "external_id", "email", "name", "phone", "street", "city", "region", "postal_code", "country",
    "language", "timezone", "birth_year", "source", "topics", "proof",
)  # fmt: skip
FIRST = [
    "Anna",
    "Jürgen",
    "Zoë",
    "Jo",
    "Lena",
    "Omar",
    "Tomáš",
    "Marie",
    "Łukasz",
    "小明",
    "Алексей",
]
LAST = ["Becker", "Groß", "Brändli", "Example", "Smith", "Lefèvre", "Źdźbło", "王", "Щербаков"]
PLACES = (
    ("DE", "Europe/Berlin", "de", "030"),
    ("US", "America/New_York", "en-US", "212"),
    ("GB", "Europe/London", "en-GB", "020"),
    ("FR", "Europe/Paris", "fr", "01"),
)
SPOILT: tuple[tuple[str, str], ...] = (
    ("email", "no-at-sign"),
    ("name", "Mallory\r\nBcc: anna@example.com"),
    ("birth_year", "2020"),
    ("source", "paper"),
    ("timezone", "Mars/Olympus_Mons"),
    ("street", "4111 1111 1111 1111"),
    ("topics", "everything"),
)


def write_customers(file: Path, *, rows: int, bad: float, seed: int = 7) -> int:
    """Write a file of made-up customers, a share of them spoilt; return how many are."""
    dice, spoilt = random.Random(seed), 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for number in range(rows):
            row = _customer(number, dice)
            if dice.random() < bad:
                spoilt += 1
                row.update([dice.choice(SPOILT)])
            writer.writerow(row)
    return spoilt


def _customer(number: int, dice: random.Random) -> dict[str, str]:
    country, zone, language, prefix = PLACES[number % len(PLACES)]
    return {
        "external_id": f"c-{number}",
        "email": f"person{number}@example{number % 200}.com",
        "name": f"{dice.choice(FIRST)} {dice.choice(LAST)}",
        "phone": f"{prefix}{dice.randrange(10**6, 10**7)}",
        "street": f"Main Street {number % 300}",
        "city": "Springfield",
        "region": "",
        "postal_code": f"{number % 100_000:05}",
        "country": country,
        "language": language,
        "timezone": zone,
        "birth_year": str(dice.randrange(1940, 2008)),
        "source": "shop",
        "topics": dice.choice(["company_news", "company_news product_information", ""]),
        "proof": "",
    }
