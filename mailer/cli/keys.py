"""Secrets of the installation, and the keys of those who call the API."""

import base64
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mailer.cli.exits import Refused
from mailer.cli.house import the_actor, the_parts
from mailer.cli.output import json_option, progress, say, say_json, table

if TYPE_CHECKING:
    from mailer.vault import RotationStep
    from mailer.wiring import Parts

NAMES = ("MAILER_SECRET_KEYS", "MAILER_VAULT_KEYS", "MAILER_INDEX_KEYS")
SLICE = 500
"""People whose keys are wrapped anew in one transaction."""


@click.group()
def keys() -> None:
    """Make and rotate the secrets of this installation."""


@keys.command("create")
@json_option
def create_secrets(*, as_json: bool) -> None:
    """Print new random keys for the environment; nothing is stored.

    To rotate, put the new key BEFORE the last one of its list, separated by a comma, and restart
    everything; then move it to the end, restart everything again, and run `keys rotate`. A
    process must know a key before another one writes with it.
    """
    made = {name: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() for name in NAMES}
    if as_json:
        say_json(made)
        return
    for name, value in made.items():
        say(f"{name}={value}")


@keys.command()
@json_option
def rotate(*, as_json: bool) -> None:
    """Bring all data under the newest vault and index keys, while everything goes on.

    May be interrupted and repeated. Afterwards older vault keys can be dropped; index keys that
    an erased person's address stands under, and keys that signed unsubscribe links, are kept.
    """
    from mailer import people

    with the_parts() as parts:
        vault, database = parts.vault, parts.database
        with database.reading() as session:
            wrapped_of = vault.left_to_rotate(session)
            hashed_of = people.left_to_reindex(session, vault)
        wrapped = _in_slices("Wrapping keys", parts, vault.rotate, wrapped_of)
        hashed = _in_slices(
            "Hashing addresses",
            parts,
            lambda session, *, after, limit: people.reindex(
                session, vault, after=after, limit=limit
            ),
            hashed_of,
        )
    if as_json:
        say_json({"wrapped": wrapped, "hashed": hashed})
    else:
        say(f"{wrapped} people's keys wrapped anew, {hashed} people's look-ups hashed anew.")


def _in_slices(label: str, parts: "Parts", step: "Callable[..., RotationStep]", total: int) -> int:
    """Do slice after slice, a transaction each, until one finds nothing; return what changed."""
    from mailer.vocabulary import PersonId

    after: PersonId = PersonId(0)
    seen = changed = 0
    with progress(label) as advance:
        while True:
            with parts.database.transaction() as session:
                done = step(session, after=after, limit=SLICE)
            if done.is_last:
                return changed
            after, seen, changed = done.last, seen + done.seen, changed + done.changed
            advance(seen, max(total, seen))


@click.group("api-keys")
def api_keys() -> None:
    """Let systems in, and shut them out."""


@api_keys.command("create")
@click.option("--name", required=True, help="Whose key it is, such as `shop`.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="What it may do; repeatable. customers, orders, campaigns, approve, suppressions, "
    "messages, consents, read, personal.",
)
@json_option
def create_api_key(*, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key and print it: this once, since only its hash is kept."""
    from mailer import access, ledger

    try:
        wanted = frozenset(access.ApiScope(each) for each in scopes)
    except ValueError:
        known = ", ".join(access.ApiScope)
        raise click.BadParameter(f"scopes are {known}", param_hint="--scope") from None
    with the_parts() as parts, parts.database.transaction() as session:
        now = parts.clock()
        made = access.create_key(
            session, name=name, scopes=wanted, secret_bytes=secrets.token_bytes(32), now=now
        )
        detail = {"key": made.id, "scopes": sorted(wanted)}
        ledger.record(session, "api_key.created", at=now, actor=the_actor(), detail=detail)
    if as_json:
        say_json({"id": made.id, "name": name, "key": made.plaintext})
    else:
        say(made.plaintext)


@api_keys.command("list")
@json_option
def list_api_keys(*, as_json: bool) -> None:
    """List every key ever made; no key can be shown again."""
    from mailer import access

    with the_parts() as parts, parts.database.reading() as session:
        found = access.list_keys(session)
    if as_json:
        say_json(
            [
                {
                    "id": each.id,
                    "name": each.name,
                    "scopes": sorted(each.scopes),
                    "created_at": each.created_at,
                    "revoked_at": each.revoked_at,
                }
                for each in found
            ]
        )
        return
    table(
        "API keys",
        ["Id", "Name", "Scopes", "Made", "Revoked"],
        [
            (each.id, each.name, ", ".join(sorted(each.scopes)), each.created_at, each.revoked_at)
            for each in found
        ],
    )


@api_keys.command()
@click.argument("key_id", type=click.IntRange(1, 2**63 - 1))
def revoke(*, key_id: int) -> None:
    """Shut a key out from now on."""
    from mailer import access, ledger

    with the_parts() as parts, parts.database.transaction() as session:
        now = parts.clock()
        if not access.revoke_key(session, access.ApiKeyId(key_id), now=now):
            raise Refused(f"there is no key {key_id} to revoke")
        ledger.record(session, "api_key.revoked", at=now, actor=the_actor(), detail={"key": key_id})
    say(f"Key {key_id} is revoked.")
