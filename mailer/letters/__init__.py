"""WHAT WE SAY: a typed catalogue, compiled once per mailing, rendered per person, checked before.

A letter is one class here and three files of its name under templates/email. `compile_order_letter`
and `compile_promotional` give a `Compiled`; its `render` fills it for one person; `write_message`
makes the message. Needs no database.
"""

from mailer.letters.advice import advice_on, read_without
from mailer.letters.brand import Brand, BrandInvalid
from mailer.letters.catalogue import CATALOGUE, letter_from
from mailer.letters.compile import (
    LARGEST_HTML,
    compile_order_letter,
    compile_promotional,
)
from mailer.letters.compiled import Compiled, PersonLinks, Reference, Rendered
from mailer.letters.content import ContentInvalid, Problem, PromotionalContent, check_content
from mailer.letters.digest import DIGEST, MOST_HELD_BACK, DigestContent, HeldBack
from mailer.letters.fields import Money, OrderLine, PaymentMethod, Tracking
from mailer.letters.headers import AddressUnusable
from mailer.letters.letter import FieldProblem, FieldsInvalid, Letter, LetterUnknown
from mailer.letters.message import Envelope, EnvelopeInvalid, list_id_of, write_message
from mailer.letters.person import MERGE_FIELDS, person_fields
from mailer.letters.rehearsal import KNOWN, UNKNOWN, RehearsalLinks, rehearse
from mailer.letters.subjects import subject_for, subject_for_anybody, subject_of_kind

__all__ = [
    "CATALOGUE",
    "DIGEST",
    "KNOWN",
    "LARGEST_HTML",
    "MERGE_FIELDS",
    "MOST_HELD_BACK",
    "UNKNOWN",
    "AddressUnusable",
    "Brand",
    "BrandInvalid",
    "Compiled",
    "ContentInvalid",
    "DigestContent",
    "Envelope",
    "EnvelopeInvalid",
    "FieldProblem",
    "FieldsInvalid",
    "HeldBack",
    "Letter",
    "LetterUnknown",
    "Money",
    "OrderLine",
    "PaymentMethod",
    "PersonLinks",
    "Problem",
    "PromotionalContent",
    "Reference",
    "RehearsalLinks",
    "Rendered",
    "Tracking",
    "advice_on",
    "check_content",
    "compile_order_letter",
    "compile_promotional",
    "letter_from",
    "list_id_of",
    "person_fields",
    "read_without",
    "rehearse",
    "subject_for",
    "subject_for_anybody",
    "subject_of_kind",
    "write_message",
]
