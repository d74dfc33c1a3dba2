"""WHO: customers' profiles, their addresses by number, and who is one and the same person.

What names a customer is sealed under their own key and found again by keyed hashes only.
"""

from mailer.people.address_book import address_id_of, domain_tags, number_without_customer
from mailer.people.addresses import Address, AddressInvalid, canonical_address
from mailer.people.audience import (
    AudienceFilter,
    audience_of,
    living,
    mailboxes_of_merged,
    merged_customers,
    shared_addresses,
    survivor_of,
    with_survivors,
    zones_of,
)
from mailer.people.cards import (
    CardNumberFound,
    holds_card_number,
    refuse_card_numbers,
    refuse_card_numbers_in,
)
from mailer.people.facts import (
    SAID,
    CheckedProfile,
    FieldInvalid,
    NewProfile,
    TooYoung,
    check_profile,
    check_said,
)
from mailer.people.gaps import Headcount, headcount, said
from mailer.people.identity import (
    IDENTITY_OF_PERSON,
    Identity,
    PersonGone,
    address_of,
    addresses_of,
    change_address,
    erase,
    hold,
    identity_of,
    merge,
    persons_at,
    persons_ever_at,
    reach_of,
    survivors_of,
)
from mailer.people.mailboxes import MAILBOX_DOMAINS, OTHER_DOMAINS, mailboxes_had, mailboxes_of
from mailer.people.naming import Named, named
from mailer.people.newcomers import Newcomers, Reserved, make_ready, reserve, welcome
from mailer.people.profiles import Profile, customers_page, profile_of, profiles_of
from mailer.people.readers import Reader, readers_of
from mailer.people.reindexing import left_to_reindex, missing_index_keys, reindex
from mailer.people.restoring import (
    AddressMark,
    addresses_by_mark,
    customers_since,
    known_customers,
    marks_of,
    number_beyond,
)
from mailer.people.search import (
    find_by_any_email,
    find_by_email,
    find_by_external_id,
    find_by_name,
    find_by_phone,
)
from mailer.people.upserts import Upserted, upsert, upsert_checked, upsert_many

__all__ = [
    "IDENTITY_OF_PERSON",
    "MAILBOX_DOMAINS",
    "OTHER_DOMAINS",
    "SAID",
    "Address",
    "AddressInvalid",
    "AddressMark",
    "AudienceFilter",
    "CardNumberFound",
    "CheckedProfile",
    "FieldInvalid",
    "Headcount",
    "Identity",
    "Named",
    "NewProfile",
    "Newcomers",
    "PersonGone",
    "Profile",
    "Reader",
    "Reserved",
    "TooYoung",
    "Upserted",
    "address_id_of",
    "address_of",
    "addresses_by_mark",
    "addresses_of",
    "audience_of",
    "canonical_address",
    "change_address",
    "check_profile",
    "check_said",
    "customers_page",
    "customers_since",
    "domain_tags",
    "erase",
    "find_by_any_email",
    "find_by_email",
    "find_by_external_id",
    "find_by_name",
    "find_by_phone",
    "headcount",
    "hold",
    "holds_card_number",
    "identity_of",
    "known_customers",
    "left_to_reindex",
    "living",
    "mailboxes_had",
    "mailboxes_of",
    "mailboxes_of_merged",
    "make_ready",
    "marks_of",
    "merge",
    "merged_customers",
    "missing_index_keys",
    "named",
    "number_beyond",
    "number_without_customer",
    "persons_at",
    "persons_ever_at",
    "profile_of",
    "profiles_of",
    "reach_of",
    "readers_of",
    "refuse_card_numbers",
    "refuse_card_numbers_in",
    "reindex",
    "reserve",
    "said",
    "shared_addresses",
    "survivor_of",
    "survivors_of",
    "upsert",
    "upsert_checked",
    "upsert_many",
    "welcome",
    "with_survivors",
    "zones_of",
]
