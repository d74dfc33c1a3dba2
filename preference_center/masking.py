"""An address that its owner recognises and nobody else can use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked address: `shown` for the eye, `heard` for a screen reader."""

    shown: str
    heard: str


NOBODY = Masked(shown="your address", heard="your address")
"""Where the address is not known any more: erased, or another one since."""


def masked(address: str | None) -> Masked:
    """Mask an address down to its first letters and its top-level domain.

    `jo@example.com` reads `j•••@e•••.com`. The number of dots says nothing of the length.
    """
    name, at, domain = (address or "").rpartition("@")
    host, dot, top = domain.rpartition(".")
    if not (name and at and host and dot and top):
        return NOBODY
    return Masked(
        shown=f"{name[0]}•••@{host[0]}•••.{top}",
        heard=f"address starting with {name[0]}, at a domain starting with {host[0]}",
    )
