"""How a conversation begins, without a socket: what we say to what we hear."""

import base64

import pytest

from mailer.providers.handshake import (
    NO_REPLY,
    SECURE,
    Features,
    Secure,
    Unwelcome,
    read_features,
    shake_hands,
)
from mailer.providers.replies import Reply
from mailer.providers.server import Security, SmtpServer, SmtpUrlInvalid, read_smtp_url

OFFER = "250-mx.example.com|250-PIPELINING|250-SIZE 1000|250-STARTTLS|250 AUTH LOGIN PLAIN"


def server(security: Security = Security.NONE, user: str = "") -> SmtpServer:
    return SmtpServer("mx.example.com", 25, security, user, "secret" if user else "")


def reply(text: str) -> Reply:
    lines = text.split("|")
    return Reply(int(lines[0][:3]), tuple(line[4:].encode() for line in lines))


def talk(who: SmtpServer, *heard: str) -> tuple[list[bytes | Secure], Features]:
    """Say what was heard, in turn; return what was said and the features learnt."""
    handshake = shake_hands(who, "mail.example.com")
    said = [next(handshake)]
    try:
        for text in heard:
            if said[-1] is SECURE:
                said.append(handshake.send(NO_REPLY))
            said.append(handshake.send(reply(text)))
    except StopIteration as end:
        return said, end.value
    raise AssertionError("the handshake did not end")


def test_a_plain_beginning_is_one_ehlo() -> None:
    said, features = talk(server(), "220 hi", OFFER)
    assert said == [b"", b"EHLO mail.example.com\r\n"]
    assert features == Features(
        pipelining=True, size=1000, starttls=True, login=frozenset({"LOGIN", "PLAIN"})
    )


def test_an_old_server_is_greeted_with_helo() -> None:
    said, features = talk(server(), "220 hi", "502 what?", "250 hello")
    assert said == [b"", b"EHLO mail.example.com\r\n", b"HELO mail.example.com\r\n"]
    assert features == Features()


def test_starttls_is_followed_by_a_second_ehlo_and_the_first_is_forgotten() -> None:
    said, features = talk(
        server(Security.STARTTLS), "220 hi", OFFER, "220 go", "250-mx|250 PIPELINING"
    )
    hello = b"EHLO mail.example.com\r\n"
    assert said == [b"", hello, b"STARTTLS\r\n", SECURE, hello]
    assert features == Features(pipelining=True)


def test_without_starttls_nothing_is_said_in_clear() -> None:
    with pytest.raises(Unwelcome, match="no STARTTLS"):
        talk(server(Security.STARTTLS, "user"), "220 hi", "250-mx|250 AUTH PLAIN")


def test_smtps_begins_with_tls() -> None:
    said, _ = talk(server(Security.TLS), "220 hi", OFFER)
    assert said == [SECURE, b"", b"EHLO mail.example.com\r\n"]


def test_plain_is_preferred_to_login() -> None:
    said, _ = talk(server(user="jo"), "220 hi", OFFER, "235 welcome")
    assert said[-1] == b"AUTH PLAIN " + base64.b64encode(b"\0jo\0secret") + b"\r\n"


def test_login_answers_two_questions() -> None:
    said, _ = talk(
        server(user="jo"),
        "220 hi",
        "250-mx|250-AUTH=LOGIN|250 AUTH LOGIN",
        "334 VXNlcm5hbWU6",
        "334 UGFzc3dvcmQ6",
        "235 welcome",
    )
    assert said[-3:] == [
        b"AUTH LOGIN\r\n",
        base64.b64encode(b"jo") + b"\r\n",
        base64.b64encode(b"secret") + b"\r\n",
    ]


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        (["554 no"], 554),
        (["220 hi", "550 no"], 550),
        (["220 hi", OFFER, "535 5.7.8 wrong"], 535),
        (["220 hi", OFFER, "454 4.7.0 later"], 454),
        (["220 hi", "250-mx|250 AUTH CRAM-MD5"], 0),
    ],
)
def test_who_is_not_welcome_learns_why(heard: list[str], code: int) -> None:
    with pytest.raises(Unwelcome) as unwelcome:
        talk(server(user="jo"), *heard)
    assert unwelcome.value.about_us.code == code
    assert "secret" not in str(unwelcome.value)


@pytest.mark.parametrize(
    ("line", "size"), [("SIZE", 0), ("SIZE 0", 0), ("SIZE 99", 99), ("SIZE ²", 0), ("HELP", None)]
)
def test_the_size_limit_is_read_where_there_is_one(line: str, size: int | None) -> None:
    assert read_features(Reply(250, (b"mx", line.encode()))).size == size


@pytest.mark.parametrize(
    ("url", "is_read_as"),
    [
        ("smtp://127.0.0.1:2525", SmtpServer("127.0.0.1", 2525, Security.NONE)),
        ("smtp://mx.example.com", SmtpServer("mx.example.com", 25, Security.NONE)),
        ("smtps://mx.example.com/", SmtpServer("mx.example.com", 465, Security.TLS)),
        (
            "smtp+starttls://jo%40example.com:p%2Fw%3A@mx.example.com",
            SmtpServer("mx.example.com", 587, Security.STARTTLS, "jo@example.com", "p/w:"),
        ),
        ("smtp://jo:pw@localhost:25", SmtpServer("localhost", 25, Security.NONE, "jo", "pw")),
        ("smtp://[::1]:2525", SmtpServer("::1", 2525, Security.NONE)),
    ],
)
def test_the_url_names_the_server(url: str, is_read_as: SmtpServer) -> None:
    assert read_smtp_url(url) == is_read_as


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mx.example.com",
        "http://mx.example.com",
        "smtp://",
        "smtp://mx.example.com:port",
        "smtp://mx.example.com:99999",
        "smtp://mx.example.com/path",
        "smtp://mx.example.com?tls=no",
        "smtp://jo:hunter2secret@mx.example.com",
    ],
)
def test_a_url_that_will_not_do_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SmtpUrlInvalid) as refused:
        read_smtp_url(url)
    assert "hunter2secret" not in str(refused.value)


def test_a_server_never_shows_its_password() -> None:
    assert "secret" not in repr(server(user="jo"))
