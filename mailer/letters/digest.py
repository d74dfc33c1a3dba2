"""A digest: what marketing writes for it, and of each letter that was held back its first lines."""

from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field

from mailer.letters.content import PromotionalContent
from mailer.letters.fields import Part, is_web_address
from mailer.letters.markdown import opening, written
from mailer.vocabulary import Topic

DIGEST = "digest"
MOST_HELD_BACK = 6
"""Letters that a digest tells of at most: it has one letter for each set of them, 63 in all."""
READ_MORE = "Read more"


class HeldBack(Part):
    """One letter that was held back, as a digest tells of it; its texts keep their merge fields."""

    mailing: int
    topic: Topic
    heading: str = Field(max_length=300)
    opening: str = ""
    label: str = Field(default=READ_MORE, max_length=100)
    url: str = Field(default="", max_length=1500)

    @classmethod
    def of(cls, content: PromotionalContent, *, mailing: int, topic: Topic) -> Self:
        """Tell of a letter: its subject, the first paragraph that everybody reads, its main link.

        That is the link of its button, else the first one in its text.
        """
        return cls(
            mailing=mailing,
            topic=topic,
            heading=content.subject,
            opening=opening(content.body_markdown),
            label=content.button_label.strip() or READ_MORE,
            url=content.button_url or next(_web_links(content), ""),
        )


def _web_links(content: PromotionalContent) -> Iterator[str]:
    for link in written(content.body_markdown).links:
        if link.kind == "href" and is_web_address(link.url):
            yield link.url


class DigestContent(PromotionalContent):
    """A promotional letter of its own, and below it the letters that were held back.

    Which of them somebody gets is a set, written as a number: the bit of each, from the first on.
    """

    name: ClassVar[str] = DIGEST
    held_back: tuple[HeldBack, ...] = Field(default=(), max_length=MOST_HELD_BACK)

    def only(self, bits: int) -> Self:
        """Return the letter of one set."""
        chosen = tuple(each for n, each in enumerate(self.held_back) if bits >> n & 1)
        return self.model_copy(update={"held_back": chosen})

    def topics(self, topic: Topic) -> tuple[Topic, ...]:
        """Return all topics that the letter is about, its own first, each once."""
        return tuple(dict.fromkeys([topic, *(each.topic for each in self.held_back)]))

    @classmethod
    def sample(cls) -> Self:
        """Give an invented letter about two that were held back."""
        return cls(
            subject="This month at FocalPoint, in one mail",
            preheader="Two things that we did not want to send you one by one.",
            heading="What else happened, {{ first_name }}",
            body_markdown="We send you little, so this mail brings together what you missed.\n",
            held_back=(
                HeldBack.of(PromotionalContent.sample(), mailing=1, topic=Topic.SOFTWARE_UPDATES),
                HeldBack.of(_invitation(), mailing=2, topic=Topic.SERVICE_AND_EVENTS),
            ),
        )


def _invitation() -> PromotionalContent:
    return PromotionalContent(
        subject="An evening about stock counts in {{ city }}",
        heading="Come by",
        body_markdown="Bring your questions: our service team shows how others count their stock.",
        button_label="Take a seat",
        button_url="https://www.focalpointsystem.com/events/stock",
    )
