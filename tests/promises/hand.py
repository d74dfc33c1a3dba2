"""Processes of the house that call its rooms as a door does, and die where a plan says so.

`python -m tests.promises.hand DOOR` waits at a Unix socket and forks one for each who comes, so that
the next is there at once when one died. A hand takes one JSON line after the other, and answers each.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from mailer import campaigns, intake, orders, support
from mailer.campaigns import CampaignError, CampaignId, CannotDo
from mailer.database import CommitInDoubt, DatabaseAway
from mailer.delivery import Acknowledgement, News
from mailer.development.aiming import aimed_at
from mailer.failpoints import act_on_points
from mailer.intake import ImportTaken
from mailer.journal import JournalUnwritable
from mailer.orders import EventKind, Line, NewOrder, OrderEvent
from mailer.permission import Change
from mailer.settings import Settings, read_settings
from mailer.vocabulary import AddressId, Door, Heard, MailingId, PersonId, Scope
from mailer.wiring import Parts, build
from workers.doorbell import BrokerDoorbell

BY = "hand"
FAILED = (DatabaseAway, CommitInDoubt, JournalUnwritable, ImportTaken)
"""What a door answers with 'try again'."""
Told = dict[str, Any]


def opt_out(parts: Parts, told: Told) -> Told:
    """Stop all promotional mail of a person, as a page does."""
    change = Change(door=Door.SUPPORT, policy_version="2026-11", stop_all=True)
    address = AddressId(told["address_id"])
    return named([parts.opt_outs.change(PersonId(told["person"]), change, address_id=address)])


def remove(parts: Parts, told: Told) -> Told:
    """Remove an address from promotional mail, as the removal desk does."""
    removed = support.remove(
        parts.database,
        parts.vault,
        parts.opt_outs,
        told["email"],
        support.Removal(Scope.PROMOTIONAL, None),
        by=support.Remover(Door.SUPPORT, BY, parts.clock()),
    )
    return named([said for _, said in removed.acknowledgements])


def merge(parts: Parts, told: Told) -> Told:
    """Make one customer of two."""
    survivor, merged = PersonId(told["survivor"]), PersonId(told["merged"])
    carry_over = partial(orders.follow_merge, survivor=survivor, merged=merged)
    return named([parts.opt_outs.merge(survivor=survivor, merged=merged, also=carry_over)])


def move(parts: Parts, told: Told) -> Told:
    """Give a customer another address."""
    return named([parts.opt_outs.change_address(PersonId(told["person"]), told["email"])])


def hear(parts: Parts, told: Told) -> Told:
    """Take in that a mailbox complained about a mailing."""
    who = PersonId(told["person"])
    parts.opt_outs.hear(News(MailingId(told["mailing"]), who, Heard.COMPLAINED, parts.clock()))
    return {}


def order(parts: Parts, told: Told) -> Told:
    """Place an order and tell that it is confirmed."""
    now, number = parts.clock(), told["order"]
    line = Line(sku="POS-1", name="Receipt printer", quantity=1, unit_price=19_900)
    new = NewOrder(number, PersonId(told["person"]), "USD", (line,), 19_900, now)
    with parts.database.transaction() as session:
        orders.place(session, parts.vault, new, now=now)
        event = OrderEvent(EventKind.CONFIRMED, now, number=number)
        taken = orders.accept_event(session, parts.vault, event, brand=parts.brand, now=now)
    return {"mailing": taken.mailing_id}


def bring_in(parts: Parts, told: Told) -> Told:
    """Import a file of customers, as the command does."""
    options, now = intake.ImportOptions(), parts.clock()
    intake.import_customers(
        parts.database, parts.vault, Path(told["file"]), options=options, now=now
    )
    return {}


def campaign(parts: Parts, told: Told) -> Told:
    """Approve, start, pause, resume or cancel a campaign; what cannot be done is done already."""
    number, what, now = CampaignId(told["campaign"]), told["act"], parts.clock()
    more: Told = {"brand": parts.brand} if what in {"approve", "start"} else {"reason": "a run"}
    try:
        with parts.database.transaction() as session:
            getattr(campaigns, what)(session, number, by=f"{BY} {what}", now=now, **more)
    except (CampaignError, CannotDo) as error:
        return {"refused": type(error).__name__}
    return {}


def named(said: list[Acknowledgement]) -> Told:
    return {
        "left": [each.mailing_id for one in said for each in one.left],
        "unsure": [each.mailing_id for one in said for each in one.unsure],
    }


DOES: dict[str, Callable[[Parts, Told], Told]] = {
    each.__name__: each for each in (opt_out, remove, merge, move, hear, order, bring_in, campaign)
}


def _serve(settings: Settings, end: socket.socket) -> None:
    """Do what is told until nobody tells any more."""
    act_on_points(aimed_at(Path(settings.failpoints)))
    ring = BrokerDoorbell(settings)
    parts = build(settings, process="hand", ring=ring, clock=lambda: datetime.now(UTC))
    with end.makefile("rwb") as lines:
        for line in lines:
            told = json.loads(line)
            try:
                answer = DOES[told["do"]](parts, told)
            except FAILED as error:
                answer = {"failed": type(error).__name__}
            except Exception as error:
                answer = {"unforeseen": repr(error)}
            lines.write(json.dumps(answer).encode() + b"\n")
            lines.flush()


def main(door: str) -> None:
    """Fork a hand for each who comes to a door (a socket's path), until standard input ends."""
    settings = read_settings()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they died
    with socket.socket(socket.AF_UNIX) as at_the_door:
        at_the_door.bind(door)
        at_the_door.listen()
        os.write(sys.stdout.fileno(), b"open\n")
        while sys.stdin not in select.select([at_the_door, sys.stdin], [], [])[0]:
            end, _ = at_the_door.accept()
            if os.fork() == 0:
                at_the_door.close()
                _be_a_hand(settings, end)
            end.close()


def _be_a_hand(settings: Settings, end: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        _serve(settings, end)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
