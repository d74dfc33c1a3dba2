"""The table of replies: what each means, for whom, and that no address is kept of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.providers import AboutUs, Later, Rejected
from mailer.providers.replies import (
    LONGEST_LINE,
    Confused,
    Reply,
    ReplyReader,
    Step,
    classify,
    scrubbed,
    sounds_meant_for_us,
)

ABOUT_US, LATER = "about us", "later"
DEAD, REFUSED = "rejected, the address is no good", "rejected, not the address"

TABLE = [
    # Before any mail, whatever is refused is about us
    (Step.GREETING, "554 no service", ABOUT_US),
    (Step.EHLO, "550 bad name", ABOUT_US),
    (Step.STARTTLS, "454 4.7.0 TLS not available", ABOUT_US),
    (Step.AUTH, "535 5.7.8 wrong password", ABOUT_US),
    (Step.AUTH, "454 4.7.0 temporary authentication failure", ABOUT_US),
    # At MAIL the server has heard of nobody else; but for the size of this message
    (Step.MAIL, "421 4.7.0 try again later, closing connection", ABOUT_US),
    (Step.MAIL, "450 4.7.1 client host rejected: cannot find your hostname", ABOUT_US),
    (Step.MAIL, "452 4.3.1 insufficient system storage", ABOUT_US),
    (Step.MAIL, "550 5.7.1 sender rejected", ABOUT_US),
    (Step.MAIL, "553 5.1.8 sender domain not found", ABOUT_US),
    (Step.MAIL, "552 5.3.4 message size exceeds fixed limit", REFUSED),
    (Step.MAIL, "552 too large", REFUSED),
    # A recipient who does not exist
    (Step.RCPT, "550 5.1.1 user unknown", DEAD),
    (Step.RCPT, "550 5.1.0 address rejected", DEAD),
    (Step.RCPT, "553 5.1.3 bad address syntax", DEAD),
    (Step.RCPT, "551 5.1.6 mailbox has moved", DEAD),
    (Step.RCPT, "556 5.1.10 recipient has null MX", DEAD),
    (Step.RCPT, "550 No such user here", DEAD),
    (Step.RCPT, "550 5.0.0 unknown user", DEAD),
    (Step.RCPT, "553 sorry, that domain isn't in my list", DEAD),
    # A recipient who exists, or may
    (Step.RCPT, "550 5.1.2 domain not found", REFUSED),
    (Step.RCPT, "550 5.2.1 receiving mail at a rate that prevents delivery", REFUSED),
    (Step.RCPT, "552 5.2.2 mailbox full", REFUSED),
    (Step.RCPT, "552 mailbox full", REFUSED),
    (Step.RCPT, "550 5.7.1 blocked using a list", REFUSED),
    (Step.RCPT, "550 blocked by our spam policy", REFUSED),
    (Step.RCPT, "554 no", REFUSED),
    (Step.RCPT, "450 4.2.0 greylisted", LATER),
    (Step.RCPT, "452 4.5.3 too many recipients", LATER),
    (Step.RCPT, "451 4.7.1 slow down", LATER),
    (Step.RCPT, "421 4.7.28 unusual rate of mail", ABOUT_US),
    (Step.RCPT, "530 5.7.0 must issue a STARTTLS command first", ABOUT_US),
    # The message
    (Step.DATA, "451 4.3.0 try later", LATER),
    (Step.DATA, "554 5.7.1 no", REFUSED),
    (Step.DOT, "250-would be accepted, and is not asked here", None),
    (Step.DOT, "452 4.3.1 disk full", LATER),
    (Step.DOT, "550 5.7.1 unauthenticated mail is blocked", REFUSED),
    (Step.DOT, "554 5.6.0 malformed", REFUSED),
    (Step.DOT, "550 5.1.1 unknown after all", DEAD),
    (Step.DOT, "550 unknown after all", REFUSED),
    (Step.DOT, "535 5.7.8 log in first", ABOUT_US),
]
SOUNDS_LIKE_US = [
    "554 5.7.1 Relay access denied",
    "550 relaying denied",
    "550 5.1.8 Sender address rejected: Domain not found",
    "553 5.7.1 Sender address rejected: not owned by user",
    "554 5.7.1 Client host rejected: Access denied",
    "550 5.7.1 not authorized to send on behalf of that domain",
]


def reply(line: str) -> Reply:
    return Reply(int(line[:3]), (line[4:].encode(),))


def meaning(verdict: object) -> str:
    if isinstance(verdict, AboutUs):
        return ABOUT_US
    if isinstance(verdict, Later):
        return LATER
    assert isinstance(verdict, Rejected)
    return DEAD if verdict.about_person else REFUSED


@pytest.mark.parametrize(("step", "line", "means"), [row for row in TABLE if row[2]])
def test_a_reply_means_what_the_table_says(step: Step, line: str, means: str) -> None:
    verdict = classify(step, reply(line), served=True, suspected=False)
    assert meaning(verdict) == means
    assert getattr(verdict, "code", None) == int(line[:3])


@pytest.mark.parametrize("line", SOUNDS_LIKE_US)
def test_what_sounds_meant_for_us_waits_for_a_second_opinion(line: str) -> None:
    heard = reply(line)
    assert sounds_meant_for_us(Step.RCPT, heard)
    first = classify(Step.RCPT, heard, served=False, suspected=False)
    second = classify(Step.RCPT, heard, served=False, suspected=True)
    after_service = classify(Step.RCPT, heard, served=True, suspected=True)
    assert [meaning(each) for each in (first, second, after_service)] == [LATER, ABOUT_US, REFUSED]


@pytest.mark.parametrize("line", ["550 5.1.1 user unknown", "550 5.7.1 spam", "452 4.2.2 full"])
def test_an_ordinary_refusal_does_not_sound_meant_for_us(line: str) -> None:
    assert not sounds_meant_for_us(Step.RCPT, reply(line))


@settings(deadline=None)
@given(
    st.sampled_from(Step),
    st.integers(400, 599),
    st.text(max_size=40),
    st.booleans(),
    st.booleans(),
)
def test_every_refusal_means_something(
    step: Step,
    code: int,
    text: str,
    served: bool,
    suspected: bool,
) -> None:
    heard = Reply(code, (text.encode("utf-8", "replace"),))
    verdict = classify(step, heard, served=served, suspected=suspected)
    assert code >= 500 or not isinstance(verdict, Rejected), "a 4xx is never the last word"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("550 5.1.1 <jo.example@example.com>: unknown", "5.1.1 <address>: unknown"),
        ("550 5.1.1 jo.example... User unknown", "5.1.1 <address>... User unknown"),
        ("550 JO.Example@EXAMPLE.COM unknown", "<address> unknown"),
        ("550 mailto:jo.example@example.com, no", "<address>, no"),
        ('550 "jo example"@example.com no', '"jo example"<address> no'),
        ("550 caf\xe9\x07 bell", "caf? bell"),
        ("250 2.0.0 Ok: queued as 4XyZ", "2.0.0 Ok: queued as 4XyZ"),
    ],
)
def test_no_address_is_kept_of_a_reply(line: str, kept: str) -> None:
    heard = Reply(int(line[:3]), (line[4:].encode("latin-1"),))
    assert scrubbed(heard, "jo.example@example.com") == kept


@settings(deadline=None)
@given(st.text(max_size=80), st.emails())
def test_no_recipient_survives_scrubbing(text: str, recipient: str) -> None:
    heard = Reply(550, (f"{text} {recipient} {text}".encode("utf-8", "replace"),))
    assert recipient not in scrubbed(heard, recipient)


def test_a_reply_of_many_lines_is_kept_short() -> None:
    assert len(scrubbed(Reply(550, (b"very long " * 9,) * 50))) <= 200


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), max_size=30))
def test_replies_are_read_in_pieces_of_any_size(sizes: list[int]) -> None:
    stream = b"220 hello\r\n250-one\r\n250-two words\r\n250 three\r\n354\r\n421 bye\n"
    reader = ReplyReader()
    replies: list[Reply] = []
    for size in [*sizes, len(stream)]:
        replies += reader.feed(stream[:size])
        stream = stream[size:]
    assert replies == [
        Reply(220, (b"hello",)),
        Reply(250, (b"one", b"two words", b"three")),
        Reply(354, (b"",)),
        Reply(421, (b"bye",)),
    ]
    assert reader.is_between_replies


@pytest.mark.parametrize(
    "stream",
    [
        b"hello\r\n",
        b"25 ok\r\n",
        b"250_ok\r\n",
        b"\r\n",
        b"2" * (LONGEST_LINE + 1),
        b"250-x\r\n" * 300,
    ],
)
def test_what_is_no_reply_is_confusion(stream: bytes) -> None:
    with pytest.raises(Confused):
        list(ReplyReader().feed(stream))


def test_replies_before_the_confusion_still_count() -> None:
    replies = ReplyReader().feed(b"250 ok\r\nwhat?\r\n")
    assert next(replies) == Reply(250, (b"ok",))
    with pytest.raises(Confused):
        next(replies)
