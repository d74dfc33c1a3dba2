"""Customers of a promise run who do not stay what they were, and whose nos and orders go along."""

import time

from tests.promises.callers import Unforeseen
from tests.promises.clients import DoneBefore, Named, as_done, as_listed
from tests.promises.town import Somebody
from tests.promises.trade import Seller

FEWEST = 700
"""People below whom no two are found to be the same any more."""


class Movers(Seller):
    """Customers who get another address, or turn out to be the same as another.

    Some have just ordered: what is in line for them goes along.
    """

    _merges_begun = 0
    """How often the merge at hand was asked for: an earlier one may have been done."""

    def act(self) -> None:
        time.sleep(self.chance.uniform(0.3, 1.2))
        is_full = len(self.world.town) > FEWEST
        (self._merge if is_full and self.chance.random() < 0.35 else self._move)()

    def _move(self) -> None:
        who = self.world.town.borrow_movable(self.chance)
        if who is None:
            return
        try:
            self._buy_first(who)
            self._move_to(who, f"moved{self.chance.getrandbits(48):x}@example.com")
        finally:
            self.world.town.give_back(who)

    def _buy_first(self, who: Somebody) -> None:
        if self.chance.random() < 0.5:
            self.sell_by_hand(who)

    def _move_to(self, who: Somebody, email: str) -> None:
        asked = who.as_asked() | {"addresses": [*who.addresses, email]}
        if self.insist("move", lambda: self._moved(who, email), **asked):
            self._learn_address(who, email)

    def _moved(self, who: Somebody, email: str) -> Named:
        if self.chance.random() < 0.5:
            return as_done(self.hand.do("move", person=who.person, email=email))
        answer = self.web.ask("POST", f"/customers/{who.person}/address", {"email": email})
        return as_listed(answer)

    def _learn_address(self, who: Somebody, email: str) -> None:
        who.addresses.insert(0, email)
        rows = self.world.system.seen(
            "SELECT address_id FROM people_customer WHERE id = %s", who.person
        )
        who.address_ids.insert(0, rows[0][0])
        who.persons.insert(1, who.person)  # as many numbers as addresses: links are made of both

    def _merge(self) -> None:
        town = self.world.town
        survivor, merged = (town.borrow_movable(self.chance) for _ in range(2))
        both = [each for each in (survivor, merged) if each is not None]
        try:
            if survivor is not None and merged is not None:
                self._buy_first(merged)
                self._merge_both(survivor, merged)
        finally:
            town.give_back(*both)

    def _merge_both(self, survivor: Somebody, merged: Somebody) -> None:
        also = merged.as_asked()
        two = {name: [*each, *also[name]] for name, each in survivor.as_asked().items()}
        self._merges_begun = 0
        if self.insist("merge", lambda: self._merged(survivor, merged), **two):
            self.world.town.merge(survivor, merged)

    def _merged(self, survivor: Somebody, merged: Somebody) -> Named:
        self._merges_begun += 1
        try:
            if self.chance.random() < 0.5:
                both = {"survivor": survivor.person, "merged": merged.person}
                return as_done(self.hand.do("merge", **both))
            path = f"/customers/{survivor.person}/merge"
            return as_listed(self.web.ask("POST", path, {"merged": merged.person}))
        except Unforeseen:
            if self._merges_begun == 1:
                raise
            raise DoneBefore from None
