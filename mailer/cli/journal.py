"""The journal, from the command line: is it whole, is the database behind it, and bringing back."""

from typing import TYPE_CHECKING, Any

import click

from mailer.cli.exits import Refused
from mailer.cli.house import the_parts
from mailer.cli.output import facts, json_option, progress, say, say_json

if TYPE_CHECKING:
    from mailer.recovery import Replayed, Verified


@click.group()
def journal() -> None:
    """Verify the journal of opt-outs, and bring back from it what a restored database lacks."""


@journal.command()
@json_option
def verify(*, as_json: bool) -> None:
    """Read all of the journal and say whether the database is behind it; changes nothing.

    Ends with 1 where a file is broken, the database lacks something, or promotional mail is still
    refused on account of this journal: what was put right is known from a replay on.
    """
    from mailer.recovery import verify as look_through

    with the_parts() as parts:
        found = look_through(parts.database, parts.journal.folder)
    told = _verified(found)
    if as_json:
        say_json(told)
    else:
        facts({name.replace("_", " "): _words(value) for name, value in told.items()})
    if not found.is_sound:
        raise Refused("the journal is broken; decide with: fpmail journal replay --up-to-the-break")
    if found.is_behind:
        raise Refused("the database is older than the journal; run: fpmail journal replay")
    if found.refused:
        raise Refused("promotional mail stays refused until you run: fpmail journal replay")


@journal.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--up-to-the-break",
    is_flag=True,
    help="Leave what lies behind the break of a broken file, and know it as looked at.",
)
@json_option
def replay(*, dry_run: bool, up_to_the_break: bool, as_json: bool) -> None:
    """Bring back every no of the journal that the database lacks, and let campaigns go on.

    May be interrupted and repeated. Campaigns of which more had left than the database knows stay
    paused until somebody resumes or cancels them.
    """
    from mailer.recovery import replay as bring_back

    with the_parts() as parts, progress("Bringing back") as advance:
        done = bring_back(
            parts.database,
            parts.journal.folder,
            up_to_the_break=up_to_the_break,
            dry_run=dry_run,
            progress=advance,
            now=parts.clock(),
        )
    told = {"dry_run": dry_run, **_replayed(done)}
    if as_json:
        say_json(told)
        return
    facts({name.replace("_", " "): _words(value) for name, value in told.items()})
    if not dry_run:
        say("Promotional mail goes on within seconds, but for what is named as stopped.")


def _verified(found: "Verified") -> dict[str, Any]:
    return {
        "files": found.files,
        "lines": found.lines,
        "first": found.first,
        "last": found.last,
        "torn": found.torn,
        "broken": [each.told() for each in found.broken],
        "cut": found.cut,
        "other_journals": found.other_journals,
        "behind": found.is_behind,
        "persons_behind": len(found.lacking.persons),
        "addresses_behind": len(found.lacking.addresses),
        "mailings_behind": len(found.lacking.mailings),
        "refused": found.refused,
    }


def _replayed(done: "Replayed") -> dict[str, Any]:
    return {
        "lines": done.lines,
        "persons": done.persons,
        "brought_back": done.brought_back,
        "addresses": done.addresses,
        "merges": done.merges,
        "batches_unknown": done.batches,
        "people_unknown": done.people_unknown,
        "campaigns_stopped": done.campaigns_stopped,
        "campaigns_taken_back": done.campaigns_taken_back,
        "skipped": [each.told() for each in done.skipped],
    }


def _words(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_place(each) for each in value) or "none"
    return value


def _place(each: Any) -> str:
    return f"{each['file']} line {each['line']}" if isinstance(each, dict) else str(each)
