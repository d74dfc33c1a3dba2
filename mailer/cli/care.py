"""Why somebody gets mail or does not, and removing them: what customer care asks."""

from datetime import UTC, datetime
from typing import Any

import click

from mailer.cli.exits import Refused
from mailer.cli.house import AddressArgument, the_actor, the_parts
from mailer.cli.output import facts, json_option, say, say_json, table
from mailer.vocabulary import Scope, Topic

ADDRESS = AddressArgument()


@click.command()
@click.argument("address", type=ADDRESS)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@json_option
def explain(*, address: str, limit: int, as_json: bool) -> None:
    """Say why the customers of ADDRESS get mail or do not, and what became of each mailing.

    `-` reads the address from standard input. The look is on record.
    """
    from mailer import support
    from mailer.people import AddressInvalid

    with the_parts() as parts, parts.database.transaction() as session:
        try:
            told = support.explain(
                session,
                parts.vault,
                address,
                actor=the_actor(),
                cap=parts.cap,
                now=parts.clock(),
                limit=limit,
            )
        except AddressInvalid as error:
            raise Refused(f"the address {error}") from None
    if as_json:
        say_json(_explanation(told))
        return
    if told.halted:
        say(f"{told.halted} Until then a no may be missing below.")
    if not told.customers:
        say(_of_a_stranger(told))
    for story in told.customers:
        _say_story(story, is_halted=told.halted is not None)


@click.command()
@click.argument("reference")
@json_option
def reference(*, reference: str, as_json: bool) -> None:
    """Say what was acknowledged under a REFERENCE, such as P-7K2M-93QD. The look is on record.

    A no that held already stands in the journal of the host that answered and nowhere else: ask
    on each host.
    """
    from mailer import support

    with the_parts() as parts, parts.database.transaction() as session:
        found = support.find_acknowledged(
            session, parts.journal.folder, reference, actor=the_actor(), now=parts.clock()
        )
    if not found:
        raise Refused(
            f"nothing is known of {reference} here; one that reads like P-7K2M-93QD another"
            " host's journal may know"
        )
    if as_json:
        say_json([_found(each) for each in found])
        return
    for each in found:
        facts({name.replace("_", " "): _in_words(value) for name, value in _found(each).items()})
        for line in _where_it_is_not(each):
            say(line)


def _where_it_is_not(each: Any) -> list[str]:
    lines = []
    if each.held_already:
        lines.append("It is not in the consent record: it changed nothing there.")
    elif not each.is_on_record:
        lines.append("It is not in the consent record.")
    if not each.is_in_journal:
        lines.append("This host’s journal does not have it: a no that held already may be missing.")
    return lines


def _found(each: Any) -> dict[str, object]:
    return {
        "reference": each.reference,
        "at": each.at,
        "customer": each.person_id,
        "door": each.door,
        "acts": list(each.acts),
        "in_the_consent_record": each.is_on_record,
        "in_this_journal": each.is_in_journal,
    }


def _in_words(value: object) -> object:
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, datetime):
        return _moment(value)
    return ", ".join(value) if isinstance(value, list) else value


@click.command()
@click.argument("address", type=ADDRESS)
@click.option(
    "--scope",
    type=click.Choice(["promotional", "topic", "all"]),
    default="promotional",
    show_default=True,
    help="All promotional mail, one topic, or every mail, order updates too.",
)
@click.option("--topic", type=click.Choice([each.value for each in Topic]))
@json_option
def remove(*, address: str, scope: str, topic: str | None, as_json: bool) -> None:
    """Remove ADDRESS from mail: the same opt-out as the customer's own click.

    It is in force when the command ends. `-` reads the address from standard input.
    """
    from mailer import support
    from mailer.people import AddressInvalid
    from mailer.vocabulary import Door

    try:
        removal = support.Removal(Scope(scope), Topic(topic) if topic else None)
    except support.TopicMissing as error:
        raise click.UsageError(str(error)) from None
    with the_parts() as parts:
        by = support.Remover(Door.COMMAND_LINE, the_actor(), parts.clock())
        try:
            done = support.remove(
                parts.database, parts.vault, parts.opt_outs, address, removal, by=by
            )
        except AddressInvalid as error:
            raise Refused(f"the address {error}") from None
    if as_json:
        say_json(_removed(done))
        return
    for line in _removal_lines(done):
        say(line)


def _removal_lines(done: Any) -> list[str]:
    lines = [_acknowledged(person_id, said) for person_id, said in done.acknowledgements]
    if done.suppression_id is not None:
        lines.append(f"The address is on the never-mail list: suppression {done.suppression_id}.")
    return lines


def _acknowledged(person_id: int, said: Any) -> str:
    text = f"Customer {person_id}: in force since {_moment(said.at)}, reference {said.reference}."
    if said.left:
        text += f" Had already left: {len(said.left)}."
    if said.may_still_arrive:
        text += " One mail may still arrive."
    return text


def _say_story(story: Any, *, is_halted: bool) -> None:
    table(
        f"Customer {story.person_id}: what would leave now",
        ["Mail", "Leaves", "Why"],
        [
            (
                each.topic.label if each.topic else "Order updates",
                _yes(each.allowed and not (each.topic and is_halted)),
                each.sentence,
            )
            for each in story.now
        ],
    )
    table(
        "What was and was not sent",
        ["When", "What", "Outcome", "Why"],
        [
            (each.at, each.subject, each.outcome.value.replace("_", " "), each.sentence)
            for each in story.messages
        ],
    )


def _yes(allowed: bool) -> str:
    return "yes" if allowed else "no"


def _of_a_stranger(told: Any) -> str:
    if told.suppressions:
        return "No customer has this address. It is on the never-mail list."
    return "No customer has this address, and nothing is known about it."


def _explanation(told: Any) -> dict[str, object]:
    return {
        "customers": [_story(each) for each in told.customers],
        "address_known": told.address_known,
        "halted": told.halted,
        "suppressions": [_suppression(each) for each in told.suppressions],
    }


def _story(story: Any) -> dict[str, object]:
    return {
        "customer": story.person_id,
        "now": [
            {
                "topic": each.topic,
                "allowed": each.allowed,
                "reason": each.reason,
                "sentence": each.sentence,
            }
            for each in story.now
        ],
        "suppressions": [_suppression(each) for each in story.suppressions],
        "messages": [
            {
                "mailing": each.mailing_id,
                "letter": each.letter,
                "subject": each.subject,
                "outcome": each.outcome,
                "reason": each.reason,
                "at": each.at,
                "sentence": each.sentence,
            }
            for each in story.messages
        ],
    }


def _suppression(each: Any) -> dict[str, object]:
    return {
        "id": each.id,
        "scope": each.scope,
        "topic": each.topic,
        "reason": each.reason,
        "since": each.since,
        "until": each.until,
    }


def _removed(done: Any) -> dict[str, object]:
    return {
        "acknowledgements": [
            {
                "customer": person_id,
                "reference": said.reference,
                "at": said.at,
                "already_since": said.already_since,
                "left": len(said.left),
                "may_still_arrive": said.may_still_arrive,
            }
            for person_id, said in done.acknowledgements
        ],
        "suppression": done.suppression_id,
    }


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
