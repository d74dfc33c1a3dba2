"""The command line itself: help, settings, keys, whether it is fit to send, the demo."""

import pytest

from mailer import access
from mailer.cli.exits import Exit
from mailer.settings import KEY_BYTES, read_settings
from tests.cli.conftest import House, Run


def test_help_answers_without_any_setting(
    fpmail: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in environment:
        monkeypatch.delenv(name)
    said = fpmail("--help")
    assert (said.code, said.err) == (Exit.DONE, "")
    assert "explain" in said.out


def test_a_command_that_is_not_there_ends_with_2_in_one_line(fpmail: Run) -> None:
    for words in (("nothing",), ("campaign", "start"), ("campaign", "start", "x"), ("check", "-x")):
        said = fpmail(*words)
        assert said.code == Exit.USAGE
        assert said.err.startswith("fpmail: ")
        assert said.err.count("\n") == 1


def test_missing_settings_end_with_3_and_name_each(
    fpmail: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILER_DATABASE_URL")
    said = fpmail("campaign", "list")
    assert said.code == Exit.CONFIGURATION
    assert "MAILER_DATABASE_URL" in said.err
    monkeypatch.delenv("MAILER_SECRET_KEYS")
    said = fpmail("campaign", "list")
    assert said.code == Exit.CONFIGURATION
    assert "MAILER_SECRET_KEYS" in said.err
    assert "fpmail keys create" in said.err


@pytest.mark.parametrize("part", ["web", "worker", "beat"])
def test_a_part_without_a_broker_refuses_and_says_so(fpmail: Run, part: str) -> None:
    said = fpmail(part)
    assert said.code == Exit.CONFIGURATION
    assert "MAILER_BROKER_URL" in said.err
    assert "fpmail up" in said.err


def test_a_database_that_is_away_ends_with_4(fpmail: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    said = fpmail("campaign", "list")
    assert said.code == Exit.AWAY
    assert said.err.count("\n") == 1
    assert "secret" not in said.err
    assert "MAILER_DATABASE_URL" in said.err
    assert "Error" not in said.err
    assert "DatabaseAway" not in said.err


def test_new_keys_are_strong_enough_for_the_settings(
    fpmail: Run, environment: dict[str, str]
) -> None:
    made = fpmail("keys", "create", "--json").json
    settings = read_settings({**environment, **made})
    assert {len(key) for key in (*settings.secret_keys, *settings.vault_keys)} == {KEY_BYTES}
    lines = fpmail("keys", "create").out.splitlines()
    assert [line.partition("=")[0] for line in lines] == list(made)
    assert made["MAILER_VAULT_KEYS"] not in "".join(lines)


def test_keys_rotate_brings_everybody_under_the_newest(
    fpmail: Run, house: House, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.customer("Jo Example")
    new = fpmail("keys", "create", "--json").json
    for name in ("MAILER_VAULT_KEYS", "MAILER_INDEX_KEYS"):
        monkeypatch.setenv(name, f"{environment[name]},{new[name]}")
    assert fpmail("keys", "rotate", "--json").json == {"wrapped": 1, "hashed": 1}
    assert fpmail("keys", "rotate", "--json").json == {"wrapped": 0, "hashed": 0}
    monkeypatch.setenv("MAILER_VAULT_KEYS", new["MAILER_VAULT_KEYS"])
    assert len(fpmail("explain", "jo.example@example.com", "--json").json["customers"]) == 1


def test_an_api_key_is_shown_once_and_can_be_revoked(fpmail: Run, house: House) -> None:
    made = fpmail("api-keys", "create", "--name", "shop", "--scope", "orders", "--json").json
    with house.parts.database.reading() as session:
        assert access.key_of(session, made["key"]) is not None
    listed = fpmail("api-keys", "list", "--json")
    assert [(each["name"], each["scopes"]) for each in listed.json] == [("shop", ["orders"])]
    assert made["key"] not in listed.out + fpmail("api-keys", "list").out
    assert fpmail("api-keys", "revoke", made["id"]).code == Exit.DONE
    with house.parts.database.reading() as session:
        assert access.key_of(session, made["key"]) is None
    assert fpmail("api-keys", "revoke", made["id"]).code == Exit.FAILED
    assert fpmail("api-keys", "create", "--name", "x", "--scope", "all").code == Exit.USAGE


def test_an_installation_that_lacks_something_is_not_fit_to_send(fpmail: Run, house: House) -> None:
    said = fpmail("check", "--json")
    assert said.code == Exit.FAILED
    found = {each["check"]: each for each in said.json["checks"]}
    assert found["database"]["ok"]
    assert found["primary"]["ok"]
    assert not found["broker"]["ok"]
    assert found["broker"]["say"]
    assert not said.json["fit"]
    assert "Not fit to send." in fpmail("check").out


def test_the_demo_leaves_a_used_database_alone(fpmail: Run, house: House) -> None:
    house.customer("Jo Example")
    said = fpmail("demo")
    assert said.code == Exit.FAILED
    assert "customers already" in said.err
    assert fpmail("demo", "--if-empty", "--json").json == {"made": False}


def test_the_demo_is_refused_outside_development(
    fpmail: Run, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("MAILER_ENV", "production"),
        ("MAILER_PROVIDER", "smtp"),
        ("MAILER_SMTP_URL", "smtp://mail.example.com:587"),
        ("MAILER_PUBLIC_URL", "https://mail.example.com"),
    ):
        monkeypatch.setenv(name, value)
    assert fpmail("demo").code == Exit.CONFIGURATION
