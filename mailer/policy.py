"""Versions of the privacy policy, and the exact words that people agree to under each.

What was published is never edited: a change is a new version, with its own date and words (C25,
C26). A test pins the fingerprint of every version.
"""

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import orjson

from mailer.vocabulary import Door, Topic


class UnknownPolicy(LookupError):
    """No version of the policy has this name."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of plain text, or a list where `items` is not empty."""

    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the policy: a heading and what stands under it."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask (C27)."""

    company: str
    street: str
    town: str
    email: str
    phone: str
    phone_abroad: str


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """The policy as it was published on a day."""

    version: str
    date: datetime.date
    summary: str
    sections: tuple[Section, ...] = ()
    contact: Contact | None = None
    words: Mapping[Topic, str] = field(default_factory=dict)
    tracking_words: str = ""

    @property
    def fingerprint(self) -> str:
        """The sha256 of everything in it, in hexadecimal: proof of what was shown."""
        options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
        return hashlib.sha256(orjson.dumps(asdict(self), option=options)).hexdigest()


def _paragraphs(*texts: str | tuple[str, ...]) -> tuple[Block, ...]:
    return tuple(Block(text) if isinstance(text, str) else Block("", text) for text in texts)


CONTACT = Contact(
    company="FocalPoint",
    street="10 Corporate Place South, Suite 101",
    town="Piscataway, NJ 08854",
    email="CustomerCare@FocalPointSystem.com",
    phone="(800) 363-5519",
    phone_abroad="(732) 582-0199",
)

SECTIONS_2026_11 = (
    Section(
        "collect",
        "What we collect",
        _paragraphs(
            "When you order or register, we ask for what we need to serve you: your name, e-mail"
            " address, postal address and phone number, and your language and time zone.",
            "We note the internet (IP) address from which you place an order, and keep it with"
            " that order.",
            "For payment we keep the kind of card, its last four digits, its expiry date and a"
            " token of our payment processor. This service never takes a card number: a message"
            " that contains one is turned away, and the number is not stored.",
        ),
    ),
    Section(
        "use",
        "What we use it for",
        _paragraphs(
            "To carry out your orders, and to tell you by e-mail how they stand: received,"
            " confirmed, paid, shipped, delivered, cancelled, refunded, or a payment that failed.",
            "To bill monthly fees and to send you the statements and receipts that go with them."
            " For this your information stays on file after your first order.",
            "To answer you when you ask for help, and to fit what we write to what you have"
            " ordered and to your language.",
            "To send you promotional mail on the topics that are switched on for you, and on no"
            " others.",
        ),
    ),
    Section(
        "topics",
        "Promotional mail, and how to stop it",
        _paragraphs(
            "Each topic of promotional mail is on or off for you alone. Partner offers are off"
            " unless you ask for them. The topics are:",
            (
                "Company news",
                "Software updates",
                "Product information",
                "Service and events",
                "Partner offers",
            ),
            "You can stop all promotional mail, or one topic, at any time and without signing in:"
            " with the unsubscribe button of your mail program, with the links in each"
            " promotional message, on your preference page, or by asking customer care.",
            "When we confirm that you have stopped, it is in force. No promotional message is"
            " given to our mail provider for you after that moment. If one had already left, or if"
            " we cannot yet tell, the confirmation says so.",
            "A stop stays a stop when your details are imported again, when you register again,"
            " when your address changes, and when two accounts of yours become one. Only you can"
            " lift it.",
            "Mail about your own orders and bills still comes after you have stopped promotional"
            " mail. It carries no advertising.",
        ),
    ),
    Section(
        "protect",
        "How we protect it",
        _paragraphs(
            "What you send to us travels over an encrypted connection.",
            "Your name, e-mail address, postal address, phone number and the IP addresses of your"
            " orders are encrypted in our database, each person under a key of their own.",
            "Only people whose work needs it may see it, and they are bound to keep it"
            " confidential.",
        ),
    ),
    Section(
        "cookies",
        "Cookies",
        _paragraphs(
            "FocalPoint's shop website may use cookies to learn which pages are popular, where"
            " visitors go and how long they stay. That can include the IP address, the kind of"
            " browser and operating system, the internet provider, the date and time, and the"
            " pages you came from and left by. Cookies may also keep your settings for the next"
            " visit and note who referred you to us.",
            "The shop website may use cookies for remarketing, which lets others, such as Google,"
            " show you our advertisements after a visit. You can switch that off in your browser"
            " or with the advertiser.",
            "The pages of this mail service, your preference page and the unsubscribe page among"
            " them, load nothing from anybody else, and work with cookies and scripts switched"
            " off.",
            "What we learn this way does not identify you. We use it to see trends, to run the"
            " site, and to know our visitors as a whole.",
        ),
    ),
    Section(
        "measuring",
        "Links and images in our mail",
        _paragraphs(
            "Links in our mail may lead through our server before they reach their destination,"
            " so that we can count which of them people follow. A small image in a message may"
            " tell us that it was opened. We keep which message, which link and when; we keep"
            " neither your IP address nor your kind of browser with it.",
            "You can switch this off on your preference page. New mail to you then carries plain"
            " links and no such image; links and images in old mail still work and record"
            " nothing.",
            "Requests by machines, such as security scanners and programs that fetch ahead, are"
            " noted apart from those of people.",
        ),
    ),
    Section(
        "others",
        "Who else gets it",
        _paragraphs(
            "We do not sell, trade or give away your information. It goes to another company only"
            " where that company helps us to deliver what you asked for, to run our website or"
            " to serve you, and has agreed to keep it confidential. Our mail provider is one.",
            "We may release information where the law, a subpoena or an order of a court or a"
            " public authority requires it, to enforce our policies, or to protect the rights,"
            " property or safety of others or of ourselves.",
            "Figures that identify nobody may be given to others for marketing, advertising or"
            " other uses.",
            "Other companies' products that we offer or link to come with privacy policies of"
            " their own, for which we are not responsible. Tell us if one of them troubles you.",
        ),
    ),
    Section(
        "yours",
        "Your choices",
        _paragraphs(
            "You can change your information at any time by signing in to your back office and"
            " opening 'Account Management', or by asking customer care. Your mail choices are also"
            " on your preference page, which every message links to, without signing in.",
            "You can pause promotional mail until a day of your choice, and have it come weekly or"
            " monthly at most.",
            "If your browser asks sites not to share your data (Global Privacy Control) when you"
            " save your choices on the preference page, we take that as a no to partner offers.",
            "As California's Online Privacy Protection Act asks, we do not pass your personal"
            " information to outside parties without your consent.",
        ),
    ),
    Section(
        "children",
        "Children",
        _paragraphs(
            "Our website, products and services are for people of 13 years and older. We do not"
            " knowingly collect anything from a child under 13. If we learn that we have, we"
            " delete it as soon as we can. Tell customer care if you know of a case.",
        ),
    ),
    Section(
        "scope",
        "What this policy covers",
        _paragraphs(
            "This policy is about information collected online. For permission that was given on"
            " paper or in person, we keep the proof with it and send nothing without.",
            "Please read our Terms and Conditions as well, which govern the use of our products"
            " and services.",
        ),
    ),
    Section(
        "consent",
        "Your consent, and changes to this policy",
        _paragraphs(
            "By using our site you agree to this policy. When you switch on a topic, we keep the"
            " words that you agreed to, the version of this policy, the time and the place, and"
            " never alter that record.",
            "When the policy changes, the new version is published here with its date, and the"
            " earlier ones stay listed.",
        ),
    ),
)

PROMISE = "I can stop at any time."
WORDS_2026_11 = {
    Topic.COMPANY_NEWS: f"Send me news about FocalPoint, the company, by e-mail. {PROMISE}",
    Topic.SOFTWARE_UPDATES: (
        f"Send me e-mail about new versions and updates of FocalPoint's software. {PROMISE}"
    ),
    Topic.PRODUCT_INFORMATION: (
        f"Send me information about FocalPoint's products by e-mail. {PROMISE}"
    ),
    Topic.SERVICE_AND_EVENTS: (
        f"Send me e-mail about FocalPoint's services, trainings and events. {PROMISE}"
    ),
    Topic.PARTNER_OFFERS: (
        "Send me offers of FocalPoint's partners by e-mail. FocalPoint sends them itself and gives"
        f" my address to none of the partners. {PROMISE}"
    ),
}
TRACKING_WORDS_2026_11 = (
    "Measure which messages I open and which links I follow, so that FocalPoint learns which mail"
    " is of use. I can switch this off at any time."
)

CURRENT = PolicyVersion(
    version="2026-11",
    date=datetime.date(2026, 11, 1),
    summary=(
        "Rewritten in plain words. New: five topics that are switched on and off one by one, an"
        " end to promotional mail that holds from its confirmation on, measuring that can be"
        " switched off, encryption under a key per person, and no card numbers in this service."
    ),
    sections=SECTIONS_2026_11,
    contact=CONTACT,
    words=WORDS_2026_11,
    tracking_words=TRACKING_WORDS_2026_11,
)

VERSIONS = (
    CURRENT,
    PolicyVersion(
        version="2014-09-29",
        date=datetime.date(2014, 9, 29),
        summary=(
            "The first policy kept here. Information is taken from orders and forms, used to serve"
            " customers, to process transactions and for periodic mail, and kept for monthly fees."
            " Promotional mail ends on a request to customer care. Cookies, counted links and"
            " pixel tags are used; not clicking is the way not to be counted. Nothing is sold or"
            " given away, except to trusted helpers and where the law asks."
        ),
        contact=CONTACT,
    ),
)
"""Every version that was ever in force, the newest first."""

AGREED_ELSEWHERE = {
    Door.IMPORT: "Agreed before it came to us; the import names where and how: ",
    Door.API: "Agreed on a FocalPoint site, which sent it to us: ",
    Door.SUPPORT: "Asked of customer care, who read this out: ",
    Door.COMMAND_LINE: "Asked of customer care, who read this out: ",
}
"""What goes before a topic's words where a person did not read them on a page of this service."""


def policy_of(version: str) -> PolicyVersion:
    """Return a version by its name. Raises UnknownPolicy."""
    for each in VERSIONS:
        if each.version == version:
            return each
    raise UnknownPolicy(version)


def the_policy() -> tuple[Section, ...]:
    """Return the text in force, as a page shows it."""
    return CURRENT.sections


def words_for(
    topic: Topic, *, door: Door = Door.PREFERENCE_PAGE, version: str = CURRENT.version
) -> str:
    """Return the exact words that somebody agrees to who switches `topic` on through `door`.

    They are shown, and kept with the consent (C26). Raises UnknownPolicy for a version that
    does not exist or had no words per topic.
    """
    words = policy_of(version).words
    if topic not in words:
        raise UnknownPolicy(version)
    return AGREED_ELSEWHERE.get(door, "") + words[topic]
