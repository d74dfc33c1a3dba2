"""Who speaks in a letter: the company's name, how to reach it, and where its links may lead."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

BRACES = re.compile(r"[{\[][{%#\[]")


class BrandInvalid(Exception):
    """A value of the brand cannot stand in a letter; the text names it and what would be right."""


@dataclass(frozen=True, slots=True)
class Brand:
    """The sender as every letter shows it (C27).

    `postal_address` is one line, its parts divided by commas; while it is empty, no promotional
    letter can be compiled. `known_hosts` adds hosts to which marketing may link, beside those of
    the two URLs and of the care address; a host also stands for its subdomains.
    """

    company: str
    postal_address: str
    care_email: str
    care_phone: str
    public_url: str
    shop_url: str
    known_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("company", "postal_address", "care_email", "care_phone"):
            if BRACES.search(getattr(self, name)) or not getattr(self, name).isprintable():
                raise BrandInvalid(f"{name} holds template marks or control characters")
        for name in ("public_url", "shop_url"):
            url = urlsplit(getattr(self, name))
            if url.scheme not in ("http", "https") or not url.hostname or url.query:
                raise BrandInvalid(f"{name} is not an http(s) address without a query")

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that links written by marketing may lead to, lower case, subdomains implied."""
        own = {urlsplit(self.public_url).hostname, urlsplit(self.shop_url).hostname}
        own.add(self.care_email.rpartition("@")[2])
        return frozenset(host.lower() for host in {*own, *self.known_hosts} if host)

    def knows(self, host: str) -> bool:
        """Say whether `host` is one of ours or below one of ours."""
        labels = host.lower().rstrip(".").split(".")
        return any(".".join(labels[start:]) in self.hosts for start in range(len(labels)))

    @property
    def account_url(self) -> str:
        """Where a customer sees their orders, bills and profile."""
        return self.shop_url.rstrip("/") + "/account"

    @property
    def phone_link(self) -> str:
        """The care phone as a `tel:` address."""
        return "tel:" + re.sub(r"[^+\d]", "", self.care_phone)
