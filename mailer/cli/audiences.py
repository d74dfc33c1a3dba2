"""Audiences and lists from the command line: the same rules and counts as in the API."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailer.cli.exits import PartlyDone, Refused
from mailer.cli.faults import told_faults
from mailer.cli.house import the_actor, the_parts
from mailer.cli.output import facts, json_option, say, say_json, table
from mailer.cli.refused import say_refused
from mailer.vocabulary import Topic

if TYPE_CHECKING:
    from mailer.campaigns import Count
    from mailer.campaigns.audience import PeopleList, Rule, SavedAudience
    from mailer.wiring import Parts

Id = click.IntRange(1, 2**63 - 1)
Json = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.group()
def audience() -> None:
    """Keep rules under a name, say them in a sentence, and count whom they let in."""


@audience.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List saved audiences, each with its sentence."""
    from mailer.campaigns.audience import saved_page

    with the_parts() as parts, parts.database.reading() as session:
        found: list[SavedAudience] = []
        while page := saved_page(session, after=found[-1].audience_id if found else None):
            found += page
        told = [_told(parts, each) for each in found]
    if as_json:
        say_json(told)
        return
    rows = [(each["audience"], each["name"], each["sentence"]) for each in told]
    table("Audiences", ["Id", "Name", "Who"], rows)


@audience.command()
@click.argument("name")
@click.argument("file", type=Json)
@json_option
def create(*, name: str, file: Path, as_json: bool) -> None:
    """Keep the rule of a JSON FILE under a NAME (`-` reads standard input)."""
    from mailer.campaigns.audience import save

    rule = _read(file)
    with the_parts() as parts:
        with parts.database.transaction() as session, _refusing():
            made = save(session, name=name, rule=rule, by=the_actor(), now=parts.clock())
        _say(parts, made, as_json)


@audience.command()
@click.argument("audience_id", type=Id)
@click.option("--name", help="Another name; the old one stays if not given.")
@click.option("--rule", "file", type=Json, help="A JSON file with another rule; `-` reads stdin.")
@json_option
def change(*, audience_id: int, name: str | None, file: Path | None, as_json: bool) -> None:
    """Change a saved audience's name or rule, for campaigns that are written from now on."""
    from mailer.campaigns import audience as room

    if name is None and file is None:
        raise click.UsageError("say what changes: --name, --rule or both")
    with the_parts() as parts:
        old = _found(parts, audience_id)
        rule = _read(file) if file is not None else old.rule
        with parts.database.transaction() as session, _refusing():
            made = room.change(
                session,
                old.audience_id,
                name=name or old.name,
                rule=rule,
                by=the_actor(),
                now=parts.clock(),
            )
        _say(parts, made, as_json)


@audience.command()
@click.argument("audience_id", type=Id)
@json_option
def delete(*, audience_id: int, as_json: bool) -> None:
    """Delete a saved audience; campaigns keep the rule that they took from it."""
    from mailer.campaigns.audience import AudienceId, forget

    with the_parts() as parts, parts.database.transaction() as session, _refusing():
        forget(session, AudienceId(audience_id), by=the_actor(), now=parts.clock())
    if as_json:
        say_json({"audience": audience_id, "deleted": True})
    else:
        say(f"Audience {audience_id} is deleted.")


@audience.command()
@click.argument("audience_id", type=Id)
@json_option
def show(*, audience_id: int, as_json: bool) -> None:
    """Show a saved audience: its sentence and its rule."""
    with the_parts() as parts:
        told = _told(parts, _found(parts, audience_id))
    if as_json:
        say_json(told)
    else:
        facts({**told, "rule": json.dumps(told["rule"], ensure_ascii=False)})


@audience.command()
@click.argument("audience_id", type=Id)
@click.option(
    "--topic",
    type=click.Choice([each.value for each in Topic]),
    required=True,
    help="The topic for which the sender's decision is made.",
)
@json_option
def count(*, audience_id: int, topic: str, as_json: bool) -> None:
    """Count whom a saved audience lets in, and who of them would get mail of a topic now."""
    from mailer.campaigns.audience import doubts_about, published_count

    with the_parts() as parts:
        found = _found(parts, audience_id)
        with parts.database.reading() as session:
            notes = doubts_about(session, found.rule)
        shown = published_count(_counted(parts, found.rule, Topic(topic)))
        sentence = _told(parts, found)["sentence"]
    refused = {reason.value: people for reason, people in shown.refused.items()}
    if as_json:
        told = {"audience": shown.audience, "allowed": shown.allowed, "refused": refused}
        say_json({**told, "notes": notes})
        return
    for line in (str(sentence), *notes):
        say(line)
    facts({"audience": shown.audience, "allowed": shown.allowed})
    say_refused(refused)


@click.group("list")
def lists() -> None:
    """Put people on lists, to let them into audiences or to leave them out."""


@lists.command("list")
@json_option
def list_lists(*, as_json: bool) -> None:
    """List the lists, with how many people were put on each."""
    from mailer.campaigns.audience import lists_page

    with the_parts() as parts, parts.database.reading() as session:
        found: list[PeopleList] = []
        while page := lists_page(session, after=found[-1].list_id if found else None):
            found += page
    if as_json:
        names = [{"list": each.list_id, "name": each.name, "people": each.people} for each in found]
        say_json(names)
        return
    table(
        "Lists",
        ["Id", "Name", "People"],
        [(each.list_id, each.name, each.people) for each in found],
    )


@lists.command("create")
@click.argument("name")
@json_option
def create_list(*, name: str, as_json: bool) -> None:
    """Make an empty list under a NAME."""
    from mailer.campaigns.audience import create_list as make

    with the_parts() as parts, parts.database.transaction() as session, _refusing():
        made = make(session, name=name, by=the_actor(), now=parts.clock())
    if as_json:
        say_json({"list": made.list_id, "name": made.name})
    else:
        say(f"List {made.list_id} “{made.name}” is made.")


@lists.command()
@click.argument("list_id", type=Id)
@click.argument("file", type=Json)
@json_option
def add(*, list_id: int, file: Path, as_json: bool) -> None:
    """Put the customers of a FILE on a list: an id of the shop's or an address in each line.

    Lines that name nobody are told by their number and never repeated; it ends with 5 then.
    """
    from mailer.campaigns.audience import put_on_list

    _members(list_id, file, put_on_list, "added", as_json)


@lists.command()
@click.argument("list_id", type=Id)
@click.argument("file", type=Json)
@json_option
def remove(*, list_id: int, file: Path, as_json: bool) -> None:
    """Take the customers of a FILE off a list: an id of the shop's or an address in each line.

    Lines that name nobody are told by their number and never repeated; it ends with 5 then.
    """
    from mailer.campaigns.audience import take_off_list

    _members(list_id, file, take_off_list, "removed", as_json)


@lists.command("delete")
@click.argument("list_id", type=Id)
@json_option
def delete_list(*, list_id: int, as_json: bool) -> None:
    """Delete a list, unless a saved audience or a campaign that waits speaks of it."""
    from mailer.campaigns.audience import ListId, forget_list

    with the_parts() as parts, parts.database.transaction() as session, _refusing():
        forget_list(session, ListId(list_id), by=the_actor(), now=parts.clock())
    if as_json:
        say_json({"list": list_id, "deleted": True})
    else:
        say(f"List {list_id} is deleted.")


def _members(list_id: int, file: Path, act: "Callable[..., int]", done: str, as_json: bool) -> None:
    """Do something with a list and the customers that a file names; say who is unknown, by line."""
    from mailer import people
    from mailer.campaigns.audience import ListId

    names = _lines(file)
    by_id = [(line, name) for line, name in names if "@" not in name]
    by_address = [(line, name) for line, name in names if "@" in name]
    with the_parts() as parts, parts.database.transaction() as session, _refusing():
        found = people.named(
            session,
            parts.vault,
            external_ids=[name for _, name in by_id],
            emails=[name for _, name in by_address],
        )
        changed = act(session, ListId(list_id), found.persons, by=the_actor(), now=parts.clock())
    unknown = [by_id[place][0] for place in found.unknown_ids]
    unknown = sorted(unknown + [by_address[place][0] for place in found.unknown_emails])
    if as_json:
        say_json({"list": list_id, done: changed, "unknown_lines": unknown})
    else:
        say(f"List {list_id}: {changed} people {done}.")
    if unknown:
        raise PartlyDone(f"nobody is known by lines {', '.join(map(str, unknown))}")


@contextmanager
def _refusing() -> Iterator[None]:
    """Say in a line what the room refuses; the transaction around it is rolled back."""
    from mailer.campaigns import audience as room

    refusals = (room.NameTaken, room.ReferenceUnknown, room.ListNotFound, room.ListInUse)
    try:
        yield
    except (*refusals, room.AudienceNotFound) as error:
        raise Refused(str(error)) from None


def _counted(parts: "Parts", rule: "Rule", topic: Topic) -> "Count":
    from mailer.campaigns.audience import Terms, count_step

    now = parts.clock()
    while True:
        with parts.database.transaction() as session:
            told = count_step(session, rule, topic=topic, terms=Terms(cap=parts.cap), now=now)
        if told.is_whole:
            return told


def _found(parts: "Parts", audience_id: int) -> "SavedAudience":
    from mailer.campaigns.audience import AudienceId, saved_of

    with parts.database.reading() as session, _refusing():
        return saved_of(session, AudienceId(audience_id))


def _say(parts: "Parts", made: "SavedAudience", as_json: bool) -> None:
    told = _told(parts, made)
    if as_json:
        say_json(told)
    else:
        say(f"Audience {made.audience_id} “{made.name}”: {told['sentence']}")


def _told(parts: "Parts", found: "SavedAudience") -> dict[str, Any]:
    from mailer.campaigns.audience import names_in, sentence

    with parts.database.reading() as session:
        said = sentence(found.rule, names_in(session, found.rule))
    rule = found.rule.model_dump(mode="json", exclude_none=True)
    return {"audience": found.audience_id, "name": found.name, "sentence": said, "rule": rule}


def _read(file: Path) -> "Rule":
    from pydantic import ValidationError

    from mailer.campaigns.audience import Audience

    given = json.loads("\n".join(_text(file)))
    try:
        return Audience.model_validate_json(json.dumps({"rule": given})).rule
    except ValidationError as error:
        raise Refused(told_faults(error)) from None


def _lines(file: Path) -> list[tuple[int, str]]:
    """Give every line that says something, with its number from 1."""
    return [(n, line.strip()) for n, line in enumerate(_text(file), 1) if line.strip()]


def _text(file: Path) -> list[str]:
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    return text.splitlines()
