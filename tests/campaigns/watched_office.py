"""What is true of an office's campaigns after every step, whatever happened."""

from collections import Counter

from hypothesis.stateful import invariant

from tests.campaigns import on_file
from tests.campaigns.clocked_office import ClockedOffice
from tests.campaigns.life import Life


class WatchedOffice(ClockedOffice):
    """Holds the rooms against the model of each campaign, and the sink against both."""

    @invariant()
    def every_campaign_stands_where_it_should_and_its_story_is_told(self) -> None:
        found, told = on_file.stories(self.database, list(self.lives))
        for each, life in self.lives.items():
            assert found[each].state.value == life.state
            assert (found[each].braked is not None) == life.is_braked or life.is_over
            assert (found[each].approved_by is not None) == life.is_approved or life.mailing
            assert told[each] == life.story

    @invariant()
    def the_books_balance_person_by_person(self) -> None:
        self.account()
        all_books = on_file.books(self.database, self.mailings)
        for life in self.lives.values():
            if life.mailing is None:
                continue
            account, books = self.accounts[life.mailing], all_books[life.mailing]
            assert account.keys() == life.people, "somebody is missing"
            assert books.balance
            assert books.audience == len(life.people)
            assert Counter(account.values()) == +Counter(
                accepted=books.accepted,
                refused=books.refused_in_all,
                rejected=books.rejected,
                unknown=books.unknown,
                cancelled=books.cancelled,
                to_go=books.to_go,
            )
            for person, outcome in account.items():
                self.it_came_about(life, person, outcome)

    def it_came_about(self, life: Life, person: int, outcome: str) -> None:
        """Hold what the books say of somebody against what the provider and they themselves know."""
        where = (life.mailing or 0, person)
        said = type(self.answers.get(where)).__name__
        is_lost = where in self.lost
        is_heard = any(each[:2] == where for each in self.heard)
        is_late = life.deadline is not None and self.desk.now > life.deadline
        is_held_out = life.trial is not None and life.trial.is_held_out(person)
        why = {
            "accepted": said == "Accepted" or is_heard,
            "rejected": said in {"Rejected", "Later"},
            "unknown": (said == "Unknown" or is_lost) and not is_heard,
            "refused": person in self.silent or is_late or is_held_out,
            "cancelled": life.state == "cancelled",
            "to_go": not life.is_over or is_lost,
        }
        assert why[outcome], f"{where} is {outcome}; the provider said {said}"
        if said == "Accepted":
            assert outcome == "accepted"
        if said == "Unknown":
            assert outcome in {"unknown", "accepted"}
        self.met[outcome] += 1
        self.met["late"] += outcome == "refused" and is_late and person not in self.silent
        self.met["held out"] += outcome == "refused" and is_held_out

    @invariant()
    def nothing_came_to_the_provider_that_should_not_have(self) -> None:
        assert [each for each in self.offers if each.wrong] == []
