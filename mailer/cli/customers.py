"""Customers: brought in from a file, and tagged."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.cli.exits import PartlyDone, Refused
from mailer.cli.house import AddressArgument, the_actor, the_parts
from mailer.cli.output import facts, json_option, progress, say, say_json

if TYPE_CHECKING:
    from mailer.intake import ImportReport
    from mailer.vocabulary import PersonId

READABLE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group("import")
def import_() -> None:
    """Bring data in."""


@import_.command()
@click.argument("file", type=READABLE)
@click.option("--dry-run", is_flag=True, help="Do everything but keep it.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused rows are listed; beside the file if not given.",
)
@click.option(
    "--source", default="", help="Where the customers come from, for rows that do not say."
)
@click.option("--proof", default="", help="Where the permission of an offline source can be found.")
@click.option(
    "--ignore", multiple=True, metavar="COLUMN", help="A column to leave out; repeatable."
)
@json_option
def customers(
    *,
    file: Path,
    dry_run: bool,
    rejects: Path | None,
    source: str,
    proof: str,
    ignore: tuple[str, ...],
    as_json: bool,
) -> None:
    """Import customers from a CSV FILE (docs/import.md).

    An import never weakens an opt-out. Interrupted, it goes on where it stopped when the same
    command is given again. Ends with 5 when rows were refused; they are in the rejects file. Ends
    with 1, and keeps nothing, when the file as a whole cannot be read.
    """
    from mailer.intake import FileUnreadable, ImportOptions, ImportTaken, import_customers

    options = ImportOptions(
        source=source,
        proof=proof,
        ignore=frozenset(each.lower() for each in ignore),
        rejects=rejects,
        dry_run=dry_run,
    )
    try:
        with the_parts() as parts, progress(f"Importing {file.name}") as advance:
            report = import_customers(
                parts.database,
                parts.vault,
                file,
                options=options,
                now=parts.clock(),
                progress=advance,
            )
    except FileUnreadable as error:
        raise Refused(f"{file.name} {error}") from None
    except ImportTaken:
        raise Refused(f"{file.name} is being imported by another process") from None
    _say(report, as_json)
    if report.rejected:
        raise PartlyDone(f"{report.rejected} rows were refused; see {report.rejects}")


@click.command()
@click.argument("customer", type=AddressArgument())
@click.option("--add", multiple=True, metavar="TAG", help="A tag to put on; repeatable.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag to take off; repeatable.")
@json_option
def tag(*, customer: str, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Put tags on a CUSTOMER and take others off: an address, or the shop's own id.

    The tags that are not named stay. An address means everybody who has it; `-` reads either
    from standard input.
    """
    if not (add or remove):
        raise click.UsageError("name a tag with --add or --remove")
    if {each.lower() for each in add} & {each.lower() for each in remove}:
        raise click.UsageError("a tag cannot be added and removed at once")
    tagged = _tagged(customer, add, remove)
    if as_json:
        say_json([{"customer": each, "tags": tags} for each, tags in tagged.items()])
        return
    for each, tags in tagged.items():
        say(f"Customer {each}: {', '.join(tags) if tags else 'no tags'}.")


def _tagged(name: str, add: Sequence[str], remove: Sequence[str]) -> "dict[PersonId, list[str]]":
    from mailer import ledger, people

    by_id, by_address = ([], [name]) if "@" in name else ([name], [])
    with the_parts() as parts, parts.database.transaction() as session:
        found = people.named(session, parts.vault, external_ids=by_id, emails=by_address).persons
        if not found:
            raise Refused("no customer has this address, or this id of the shop's")
        told = {}
        for each in sorted(found):
            try:
                told[each] = people.change_tags(session, each, add=add, remove=remove)
            except (people.FieldInvalid, people.CardNumberFound) as error:
                raise Refused(str(error)) from None
            except people.PersonGone:  # merged or erased since the look
                raise Refused(f"customer {each} is gone; ask again") from None
            ledger.record(
                session, "customer.tagged", at=parts.clock(), actor=the_actor(), person_id=each
            )
    return told


def _say(report: "ImportReport", as_json: bool) -> None:
    told = {
        "rows": report.rows,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "duplicates": report.duplicates,
        "rejected": report.rejected,
        "topics_on": report.topics_on,
        "dry_run": report.dry_run,
        "rejects": str(report.rejects) if report.rejects else None,
    }
    if as_json:
        say_json({**told, "reasons": report.reasons})
    else:
        facts({name.replace("_", " "): value for name, value in told.items()})
