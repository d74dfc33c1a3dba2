"""Audiences and lists from the command line: the same rules and counts as in the API."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from mailer.cli.exits import PartlyDone, Refused
from mailer.cli.house import ACTOR, the_parts
from mailer.cli.output import facts, json_option, say, say_json, table
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
    from mailer.campaigns.audience import NameTaken, ReferenceUnknown, save

    rule = _read(file)
    with the_parts() as parts:
        try:
            with parts.database.transaction() as session:
                made = save(session, name=name, rule=rule, by=ACTOR, now=parts.clock())
        except (NameTaken, ReferenceUnknown) as error:
            raise Refused(str(error)) from None
        told = _told(parts, made)
    if as_json:
        say_json(told)
    else:
        say(f"Audience {made.audience_id} “{made.name}”: {told['sentence']}")


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
    from mailer.campaigns.audience import published_count

    with the_parts() as parts:
        found = _found(parts, audience_id)
        shown = published_count(_counted(parts, found.rule, Topic(topic)))
        sentence = _told(parts, found)["sentence"]
    refused = {reason.value: people for reason, people in shown.refused.items()}
    if as_json:
        say_json({"audience": shown.audience, "allowed": shown.allowed, "refused": refused})
        return
    say(str(sentence))
    facts({"audience": shown.audience, "allowed": shown.allowed, **refused})


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
    from mailer.campaigns.audience import NameTaken
    from mailer.campaigns.audience import create_list as make

    with the_parts() as parts:
        try:
            with parts.database.transaction() as session:
                made = make(session, name=name, by=ACTOR, now=parts.clock())
        except NameTaken as error:
            raise Refused(str(error)) from None
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
    from mailer import people
    from mailer.campaigns.audience import ListId, ListNotFound, put_on_list

    names = _lines(file)
    by_id = [(line, name) for line, name in names if "@" not in name]
    by_address = [(line, name) for line, name in names if "@" in name]
    with the_parts() as parts, parts.database.transaction() as session:
        found = people.named(
            session,
            parts.vault,
            external_ids=[name for _, name in by_id],
            emails=[name for _, name in by_address],
        )
        try:
            added = put_on_list(
                session, ListId(list_id), found.persons, by=ACTOR, now=parts.clock()
            )
        except ListNotFound as error:
            raise Refused(str(error)) from None
    unknown = [by_id[place][0] for place in found.unknown_ids]
    unknown = sorted(unknown + [by_address[place][0] for place in found.unknown_emails])
    if as_json:
        say_json({"list": list_id, "added": added, "unknown_lines": unknown})
    else:
        say(f"List {list_id}: {added} people added.")
    if unknown:
        raise PartlyDone(f"nobody is known by lines {', '.join(map(str, unknown))}")


def _counted(parts: "Parts", rule: "Rule", topic: Topic) -> "Count":
    from mailer.campaigns.audience import count_step

    now = parts.clock()
    while True:
        with parts.database.transaction() as session:
            told = count_step(session, rule, topic=topic, now=now)
        if told.is_whole:
            return told


def _found(parts: "Parts", audience_id: int) -> "SavedAudience":
    from mailer.campaigns.audience import AudienceId, AudienceNotFound, saved_of

    try:
        with parts.database.reading() as session:
            return saved_of(session, AudienceId(audience_id))
    except AudienceNotFound as error:
        raise Refused(str(error)) from None


def _told(parts: "Parts", found: "SavedAudience") -> dict[str, Any]:
    from mailer.campaigns.audience import names_in, sentence

    with parts.database.reading() as session:
        said = sentence(found.rule, names_in(session, found.rule))
    rule = found.rule.model_dump(mode="json", exclude_none=True)
    return {"audience": found.audience_id, "name": found.name, "sentence": said, "rule": rule}


def _read(file: Path) -> "Rule":
    from mailer.campaigns.audience import Audience, field_path

    given = json.loads("\n".join(_text(file)))
    try:
        return Audience.model_validate_json(json.dumps({"rule": given})).rule
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, field_path(each['loc'])))}: {each['msg']}"
            for each in error.errors()
        )
        raise Refused("; ".join(faults)) from None


def _lines(file: Path) -> list[tuple[int, str]]:
    """Give every line that says something, with its number from 1."""
    return [(n, line.strip()) for n, line in enumerate(_text(file), 1) if line.strip()]


def _text(file: Path) -> list[str]:
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    return text.splitlines()
