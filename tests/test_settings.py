"""Settings: what is weak, missing or contradictory refuses to start and says what would be right."""

import base64
import os
from pathlib import Path

import pytest

from mailer.settings import Environment, Settings, SettingsInvalid, read_settings

KEYS = ("MAILER_SECRET_KEYS", "MAILER_VAULT_KEYS", "MAILER_INDEX_KEYS")


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def production(tmp_path: Path) -> dict[str, str]:
    return {
        **{name: a_key() for name in KEYS},
        "MAILER_ENV": "production",
        "MAILER_DATA_DIR": str(tmp_path),
        "MAILER_DATABASE_URL": "postgresql://mail@db/mail",
        "MAILER_BROKER_URL": "redis://broker/0",
        "MAILER_PUBLIC_URL": "https://mail.example.com",
        "MAILER_SMTP_URL": "smtp+starttls://relay.example.com:587",
    }


def told(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(environment)
    return str(caught.value)


def test_a_complete_environment_is_read(tmp_path: Path) -> None:
    settings = read_settings(production(tmp_path))
    assert settings.env is Environment.PRODUCTION
    assert [len(key) for key in settings.secret_keys] == [32]


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "missing"),
        ("change this!", "base64"),
        (base64.b64encode(b"short").decode(), "bytes instead of 32"),
        (base64.b64encode(b"\0" * 32).decode(), "pattern"),
        (base64.b64encode(b"secret" * 6)[:44].decode(), "bytes instead of 32"),
    ],
)
def test_a_weak_or_missing_secret_refuses_and_says_how_to_make_one(
    tmp_path: Path, name: str, value: str, problem: str
) -> None:
    said = told({**production(tmp_path), name: value})
    assert name in said
    assert problem in said
    assert "fpmail keys create" in said


@pytest.mark.parametrize("name", KEYS)
def test_a_refused_secret_is_not_repeated(tmp_path: Path, name: str) -> None:
    assert "hunter2hunter2" not in told({**production(tmp_path), name: "hunter2hunter2"})


def test_one_key_in_two_places_is_refused(tmp_path: Path) -> None:
    same = a_key()
    environment = {**production(tmp_path), KEYS[0]: same, KEYS[1]: same}
    assert "two places" in told(environment)


def test_keys_are_lists_oldest_first(tmp_path: Path) -> None:
    older, newer = a_key(), a_key()
    settings = read_settings({**production(tmp_path), KEYS[0]: f"{older}, {newer}"})
    assert settings.secret_keys == (base64.b64decode(older), base64.b64decode(newer))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("MAILER_PROVIDER", "memory", "sends nothing"),
        ("MAILER_PROVIDER", "sendgrid", "not supported yet"),
        ("MAILER_PUBLIC_URL", "http://mail.example.com", "https://"),
        ("MAILER_SMTP_URL", "", "MAILER_SMTP_URL is missing"),
        ("MAILER_MAIL_CATCHER", "caught", "development only"),
        ("MAILER_SMPT_URL", "smtp://relay", "no setting"),
        ("MAILER_WORKER_PROCESSES", "1", "MAILER_WORKER_PROCESSES"),
    ],
)
def test_what_production_cannot_use_refuses_to_start(
    tmp_path: Path, name: str, value: str, problem: str
) -> None:
    assert problem in told({**production(tmp_path), name: value})


def test_the_mail_catcher_cannot_be_switched_on_beside_a_real_provider(tmp_path: Path) -> None:
    environment = {
        **production(tmp_path),
        "MAILER_ENV": "development",
        "MAILER_MAIL_CATCHER": str(tmp_path),
    }
    assert "catcher" in told(environment)
    beside = {**environment, "MAILER_SMTP_URL": "smtp://127.0.0.1:2525"}
    assert read_settings(beside).mail_catcher == str(tmp_path)


def test_only_the_environment_that_is_given_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_POSTAL_ADDRESS", "Somewhere else")
    assert read_settings(production(tmp_path)).postal_address == ""


def test_settings_are_frozen_and_show_no_secret(tmp_path: Path) -> None:
    settings = read_settings(production(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        settings.env = Environment.DEVELOPMENT  # type: ignore[misc]  # the point of the test
    shown = repr(settings)
    for name in ("secret_keys", "vault_keys", "index_keys"):
        assert repr(getattr(settings, name)) not in shown
    assert isinstance(settings, Settings)
