"""What may leave but would read badly, or look like spam: few rules, each with its reason."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from jinja2 import nodes

from mailer.letters.allowed import READER
from mailer.letters.content import Problem, PromotionalContent, place_of, shown_host
from mailer.letters.leftovers import leftovers
from mailer.letters.markdown import Link, written
from mailer.letters.person import FALLBACKS, MERGE_FIELDS, merged
from mailer.letters.slots import Mark, cut
from mailer.letters.subjects import subject_for_anybody
from mailer.letters.templates import second_stage

LONGEST_SUBJECT = 60
"""Characters; what is beyond is cut off in most lists of mail, and on telephones after 40."""
FEWEST_WORDS = 10
MOST_EXCLAMATIONS = 2
LOUD = ("subject", "preheader", "heading", "button_label")
"""The fields that are read first, by people and by filters."""
SENTENCES = ("subject", "preheader", "heading")
SPAM_WORDS = (
    "act now", "as seen on", "buy now", "cash bonus", "click here", "click below",
    "congratulations", "double your", "earn money", "extra cash", "free gift", "free money",
    "get paid", "guaranteed", "limited time", "lowest price", "make money", "no catch",
    "no obligation", "once in a lifetime", "risk free", "this is not spam", "urgent",
    "while supplies last", "winner", "you have been selected", "you have won",
)  # fmt: skip
"""What advertising that nobody asked for says; few, since each cries wolf at times."""
SPAM_SIGNS = {
    "It promises the whole, as spam does.": re.compile(r"\b100\s?%"),
    "It shows signs of money in a row, as spam does.": re.compile(r"[$€£]{2,}"),
}
FAKED_ANSWER = re.compile(r"\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)


def advice_on(content: PromotionalContent) -> list[Problem]:
    """Say what would read badly in content that `check_content` has nothing against.

    A subject too long to be seen whole, a line that begins with a field's fallback, capitals,
    exclamation marks, a letter of pictures or of conditions alone, pictures without a size,
    addresses shown as link words, links and HTML that stay signs; what spam says, and a subject
    that looks like an answer.
    """
    lines = [*_subject(content), *_beginnings(content), *_loud(content), *_like_spam(content)]
    return [*lines, *_body(content)]


def read_without(content: PromotionalContent) -> dict[str, str]:
    """Return the merge fields that the letter prints, and what is read where one is missing.

    A field inside a condition that asks for it is left out: who lacks it never gets there.
    """
    found: dict[str, str] = {}
    for name in type(content).model_fields:
        _collect(READER.parse(getattr(content, name)), frozenset(), found)
    return found


def _collect(node: nodes.Node, asked: frozenset[str], found: dict[str, str]) -> None:
    if isinstance(node, nodes.If | nodes.CondExpr):
        asked |= {each.name for each in nodes.Output([node.test]).find_all(nodes.Name)}
    if isinstance(node, nodes.Filter) and node.name == "default" and node.args:
        _collect_default(node, asked, found)
    elif isinstance(node, nodes.Name) and node.name in MERGE_FIELDS and node.name not in asked:
        found.setdefault(node.name, FALLBACKS[node.name])
    elif not isinstance(node, nodes.Compare):
        for child in _read(node):
            _collect(child, asked, found)


def _read(node: nodes.Node) -> Iterator[nodes.Node]:
    """Give what of a node can be printed: not what a condition asks for."""
    if isinstance(node, nodes.If | nodes.CondExpr):
        return (each for each in node.iter_child_nodes() if each is not node.test)
    return node.iter_child_nodes()


def _collect_default(node: nodes.Filter, asked: frozenset[str], found: dict[str, str]) -> None:
    field, words = node.node, node.args[0]
    if isinstance(field, nodes.Name) and field.name in MERGE_FIELDS and field.name not in asked:
        found[field.name] = str(words.value) if isinstance(words, nodes.Const) else ""


def _subject(content: PromotionalContent) -> Iterator[Problem]:
    length = len(subject_for_anybody(content.subject))
    if length > LONGEST_SUBJECT:
        text = f"It is {length} characters long; most programs show {LONGEST_SUBJECT}."
        yield Problem("subject", text, "Say what matters in the first 40, as telephones show them.")


def _beginnings(content: PromotionalContent) -> Iterator[Problem]:
    """Look how a line begins for whoever lacks the merge field that it begins with."""
    for name in SENTENCES:
        source = getattr(content, name)
        read = subject_for_anybody(source)
        if _begins_with_value(source) and read[:1].islower():
            text = f"It begins with a merge field: who has none there reads “{read}”."
            fix = 'Begin with a word, or give a fallback: {{ first_name | default("Hello") }}.'
            yield Problem(name, text, fix)


def _begins_with_value(source: str) -> bool:
    parts = (part for part in cut(source) if isinstance(part, Mark) or part.strip())
    first = next(parts, "")
    return isinstance(first, Mark) and first.is_value


def _loud(content: PromotionalContent) -> Iterator[Problem]:
    for name in LOUD:
        text = re.sub(r"\{.*?\}\}?", "", getattr(content, name))
        letters = [each for each in text if each.isalpha()]
        if len(letters) >= 8 and sum(map(str.isupper, letters)) > 0.7 * len(letters):
            yield Problem(name, "It is written in capitals, as spam is.", "Write small letters.")
        if text.count("!") > MOST_EXCLAMATIONS or "!!" in text:
            yield Problem(name, "It shouts with exclamation marks, as spam does.", "Take them out.")


def _like_spam(content: PromotionalContent) -> Iterator[Problem]:
    if FAKED_ANSWER.match(content.subject):
        text = "It looks like an answer or a forwarded mail, and is none."
        yield Problem("subject", text, "Begin with what the letter is about.")
    for name in LOUD:
        words = re.sub(r"[\s-]+", " ", getattr(content, name)).lower()
        for each in SPAM_WORDS:
            if re.search(rf"\b{each}\b", words):
                yield Problem(name, f"“{each}” is what spam says.", "Say it in other words.")
        for told, sign in SPAM_SIGNS.items():
            if sign.search(words):
                yield Problem(name, told, "Say in words what there is to have.")


def _body(content: PromotionalContent) -> Iterator[Problem]:
    body = written(content.body_markdown)
    read = second_stage(body.text, html=False, strict=False).render(merged({}))
    if not read.strip():
        text = "Who meets none of its conditions gets an empty letter."
        yield Problem("body_markdown", text, "Say something that everybody reads, or add an else.")
    elif len(re.sub(r"\[[^\]]*\]|https?:\S+", "", read).split()) < FEWEST_WORDS:
        text = "It hardly says anything in words, as letters of one picture do."
        yield Problem(
            "body_markdown", text, "Say in the text what the picture or the link is about."
        )
    yield from leftovers(body)
    for link in body.links:
        yield from _link(link)


def _link(link: Link) -> Iterator[Problem]:
    name = place_of(link)
    if not link.is_sized:
        text = "The picture has no size; the text jumps when it comes, and Outlook may blow it up."
        fix = 'Give its size in pixels as the title: ![words](address "600x200").'
        yield Problem(name, text, fix)
    if link.kind == "href" and shown_host(link.words) and urlsplit(link.url).scheme != "mailto":
        text = (
            "Its words are an address, but measured links lead over our own; programs warn of it."
        )
        yield Problem(name, text, "Say in words where it leads.")
