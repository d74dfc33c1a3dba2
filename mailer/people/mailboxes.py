"""Which mailbox provider an address is with, for figures: by the keyed hash of its domain.

Only the domains of large providers are ever named. Any other name could be a company of three, or
somebody's own, and is not stored in plain text anyway (C09, C15).
"""

from typing import Any

from sqlalchemy import BigInteger, Select, Text, column, func, select, values
from sqlmodel import col

from mailer.people._tables import AddressUse, PeopleAddress
from mailer.people.address_book import domain_tags
from mailer.vault import Vault

OTHER_DOMAINS = "other domains"
MAILBOX_DOMAINS = (
    *("gmail.com", "googlemail.com"),
    *("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr"),
    *("yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.co.jp", "ymail.com", "aol.com"),
    *("icloud.com", "me.com", "mac.com"),
    *("gmx.de", "gmx.net", "web.de", "t-online.de", "freenet.de"),
    *("orange.fr", "free.fr", "laposte.net", "libero.it", "btinternet.com"),
    *("comcast.net", "verizon.net", "att.net", "proton.me", "protonmail.com"),
    *("mail.ru", "yandex.ru", "qq.com", "163.com", "126.com", "naver.com", "uol.com.br"),
)


def mailboxes_of(vault: Vault) -> Select[*tuple[Any, ...]]:
    """Select address_id, domain_tag and `domain`: a known provider's domain, or OTHER_DOMAINS."""
    named = [(tag, domain) for domain in MAILBOX_DOMAINS for tag in domain_tags(vault, domain)]
    known = (
        values(column("tag", BigInteger), column("domain", Text), name="known").data(named)
    ).alias("known")
    columns: list[Any] = [
        col(PeopleAddress.id).label("address_id"),
        col(PeopleAddress.domain_tag),
        func.coalesce(known.c.domain, OTHER_DOMAINS).label("domain"),
    ]
    return select(*columns).outerjoin(known, known.c.tag == col(PeopleAddress.domain_tag))


def mailboxes_had() -> Select[*tuple[Any, ...]]:
    """Select person_id, address_id and domain_tag of every mailbox that anybody has or had.

    Of the merged and the erased as well, under the number that they had.
    """
    columns: list[Any] = [
        col(AddressUse.person_id),
        col(AddressUse.address_id),
        col(PeopleAddress.domain_tag),
    ]
    return select(*columns).join(PeopleAddress, col(PeopleAddress.id) == col(AddressUse.address_id))
