"""Each checker finds the fault that was planted for it, and nothing where there is none."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from mailer.failpoints import Failpoint
from tests.promises.clients_log import Said
from tests.promises.evidence import Batch, Evidence, Mailing
from tests.promises.verdicts import (
    BOUND,
    NAMED_FOR,
    Verdict,
    it_ends,
    it_meant_something,
    judge,
    no_hand_over_after_the_answer,
    no_opt_out_is_missing,
    nobody_twice,
    order_updates_leave,
    the_books_balance,
)
from tests.promises.witness import Handed

ANNA, BEN, CARA = 1, 2, 3
CAMPAIGN, ORDER = 10, 20


def address_of(person: int) -> str:
    return f"person{person}@example.com"


def came(
    person: int, begun: float, *, mailing: int = CAMPAIGN, accepted: bool = True, **more: Any
) -> Handed:
    """A message as the witness has it; order updates have no List-ID."""
    headers = {"message-id": f"<{mailing}.{person}@mail.example.com>"}
    if mailing != ORDER:
        headers |= {"list-id": "<company_news.example.com>", "subject": f"Release-{mailing}"}
    handed = Handed(address_of(person), 1, "news@example.com", begun, begun, headers=headers)
    return replace(handed, accepted=accepted, dot=begun + 0.01, **more)


def said(kind: str, person: int, at: float, answered: float | None = None, **more: Any) -> Said:
    known = {
        "persons": [person],
        "addresses": [address_of(person)],
        "address_ids": [100 + person],
        "batch": 1,
    }
    return Said(int(at * 10), kind, at, at, answered=answered, **{**known, **more})


def a_run(**more: Any) -> Evidence:
    """A run in which everything held and every danger was met.

    Anna and Ben were taken; Cara said no, and the gate dropped her; Ben's answer named his mail.
    Of the order update the first attempt is in doubt, and its copy came.
    """
    evidence = Evidence(
        handed=[
            came(ANNA, 1.0),
            came(BEN, 2.0),
            came(CARA, 3.0, mailing=ORDER),
            came(CARA, 9.0, mailing=ORDER),
        ],
        said=[
            said("no", CARA, 1.5, 2.5),
            said("no", BEN, 1.6, 2.6, left=[CAMPAIGN]),
            Said(99, "event", 2.0, 2.0, event="A-1", answered=2.1, mailing=ORDER),
            Said(98, "residents", 0.1, 0.1, persons=[ANNA, BEN, CARA, 4]),
            Said(97, "campaign", 0.5, 0.5, campaign="Release-10", answered=0.6),
        ],
        hits=Counter({(point.value, "kill"): 1 for point in Failpoint}),
        mailings={
            CAMPAIGN: Mailing(CAMPAIGN, "promotional", "company_news", "sending", 4, "Release-10"),
            ORDER: Mailing(ORDER, "order_update", None, "sending", 1),
        },
        batches=[
            Batch(1, CAMPAIGN, "promotional", "settled", 0, 3, 2, 1, 0, 0, 1.0, 2.0),
            Batch(2, CAMPAIGN, "promotional", "unknown", 0, 1, 0, 0, 0, 1, 1.0, 9.0),
            Batch(3, ORDER, "orders", "unknown", 0, 0, 0, 0, 0, 0, 3.0, 8.0),
            Batch(4, ORDER, "orders", "settled", 1, 1, 1, 0, 0, 0, 9.0, 9.1),
        ],
        outcomes={
            (CAMPAIGN, ANNA): "accepted",
            (CAMPAIGN, BEN): "accepted",
            (CAMPAIGN, CARA): "refused",
            (CAMPAIGN, 4): "unknown",
            (ORDER, CARA): "accepted",
        },
        rosters=Counter({CAMPAIGN: 4, ORDER: 1}),
        people_of=Counter({CAMPAIGN: 4, ORDER: 1}),
        gate_drops={(1, CARA)},
        silent_persons={(BEN, None), (CARA, None)},
        silent_addresses={(100 + BEN, None), (100 + CARA, None)},
        ended_after=5.0,
    )
    return replace(evidence, **more)


def with_words(*words: Said) -> Evidence:
    run = a_run()
    return replace(run, said=[*run.said, *words])


def with_mail(*mail: Handed) -> Evidence:
    run = a_run()
    return replace(run, handed=[*run.handed, *mail])


def with_batch(number: int, **more: Any) -> Evidence:
    run = a_run()
    batches = [replace(each, **more) if each.id == number else each for each in run.batches]
    return replace(run, batches=batches)


def test_a_run_without_a_fault_is_found_without_one() -> None:
    verdicts = judge(a_run())
    assert [each.name for each in verdicts] == ["C1", "C2", "C3", "C4", "C5", "C7", "C8"]
    assert [each.faults for each in verdicts] == [()] * 7
    assert verdicts[-1].counts == {
        "gate drops": 1,
        "barrier waits for a message not yet begun": 1,
        "ambiguous hand-overs": 2,
    }


def no_1(*words: Said, mail: Handed) -> Verdict:
    run = with_words(*words)
    return no_hand_over_after_the_answer(replace(run, handed=[*run.handed, mail]))


def test_c1_finds_a_message_that_began_after_the_answer() -> None:
    assert len(no_1(mail=came(CARA, 2.51)).faults) == 1
    assert not no_1(mail=came(CARA, 2.49)).faults, "it began before the answer"


def test_c1_counts_what_was_begun_and_never_finished() -> None:
    cut_off = replace(came(CARA, 2.6, accepted=False), headers={}, dot=None)
    assert len(no_1(mail=cut_off).faults) == 1
    order = replace(cut_off, sender="orders@example.com")
    assert not no_1(mail=order).faults, "an order update needs no permission"


def test_c1_lets_order_updates_through() -> None:
    assert not no_1(mail=came(CARA, 5.0, mailing=ORDER)).faults


def test_c1_holds_until_the_next_yes_is_asked_and_from_the_next_answer_on() -> None:
    back = said("yes", CARA, 4.0, 4.2)
    assert len(no_1(back, mail=came(CARA, 3.9)).faults) == 1
    assert not no_1(back, mail=came(CARA, 4.1)).faults
    again = said("no", CARA, 5.0, 5.5)
    assert not no_1(back, again, mail=came(CARA, 5.4)).faults
    assert len(no_1(back, again, mail=came(CARA, 5.6)).faults) == 1


def test_c1_takes_no_unanswered_no_for_a_promise() -> None:
    assert not no_1(said("no", ANNA, 4.0), mail=came(ANNA, 5.0, mailing=11)).faults


def test_c1_asks_a_no_to_one_topic_of_that_topic_only() -> None:
    run = with_words(said("no", ANNA, 4.0, 4.1, topics=["partner_offers"]))
    later = [*run.handed, came(ANNA, 5.0, mailing=11)]
    news = Mailing(11, "promotional", "company_news", "sending", 1)
    offers = Mailing(11, "promotional", "partner_offers", "sending", 1)
    kept = replace(run, handed=later, mailings={**run.mailings, 11: news})
    broken = replace(run, handed=later, mailings={**run.mailings, 11: offers})
    assert not no_hand_over_after_the_answer(kept).faults
    assert len(no_hand_over_after_the_answer(broken).faults) == 1


@pytest.mark.parametrize("kind", ["merge", "move"])
def test_c1_carries_a_no_along_when_customers_merge_or_move(kind: str) -> None:
    both: dict[str, Any] = {
        "persons": [ANNA, CARA],
        "addresses": [address_of(ANNA), address_of(CARA)],
    }
    joined = said(kind, ANNA, 4.0, 4.5, **both)
    assert not no_1(joined, mail=came(ANNA, 4.4, mailing=11)).faults
    assert len(no_1(joined, mail=came(ANNA, 4.6, mailing=11)).faults) == 1
    lost = said(kind, ANNA, 4.0, **both)
    assert not no_1(lost, mail=came(ANNA, 4.6, mailing=11)).faults


def test_c1_spares_what_the_answer_named_and_few_of_these() -> None:
    named = said("no", ANNA, 4.0, 4.1, unsure=[11])
    waits = [said("no", BEN, 1.0 + n / 100, 2.0, left=[12]) for n in range(40)]
    assert not no_1(named, *waits, mail=came(ANNA, 4.2, mailing=11)).faults
    assert no_1(named, *waits, mail=came(ANNA, 4.2, mailing=11)).counts == {
        "begun after an answer that had named them": 1
    }
    assert len(no_1(named, *waits, mail=came(ANNA, 4.2, mailing=13)).faults) == 1
    assert len(no_1(named, mail=came(ANNA, 4.2, mailing=11)).faults) == 1, "one of two waits"


@pytest.mark.parametrize("unsure", [[11], [0]])
def test_c1_spares_what_was_named_for_seconds_only(unsure: list[int]) -> None:
    named = said("no", ANNA, 4.0, 4.1, unsure=unsure)
    waits = [said("no", BEN, 1.0 + n / 100, 2.0, left=[12]) for n in range(40)]
    soon, late = 4.1 + NAMED_FOR - 0.1, 4.1 + NAMED_FOR + 0.1
    assert not no_1(named, *waits, mail=came(ANNA, soon, mailing=11)).faults
    assert len(no_1(named, *waits, mail=came(ANNA, late, mailing=11)).faults) == 1


def test_c2_finds_who_was_accepted_twice_by_address_or_person() -> None:
    assert len(nobody_twice(with_mail(came(ANNA, 4.0))).faults) == 2
    elsewhere = replace(came(ANNA, 4.0), recipient="anna.new@example.com")
    assert len(nobody_twice(with_mail(elsewhere)).faults) == 1
    assert not nobody_twice(with_mail(came(ANNA, 4.0, accepted=False))).faults
    assert not nobody_twice(with_mail(came(ANNA, 4.0, mailing=11))).faults


def test_c2_finds_a_campaign_that_was_sent_under_two_numbers() -> None:
    again = came(ANNA, 4.0, mailing=11)
    again.headers["subject"] = "Release-10"
    assert nobody_twice(with_mail(again)).faults == (
        f"campaign Release-10: {address_of(ANNA)} 2 times",
        f"campaign Release-10: {ANNA} 2 times",
    )


def test_c3_finds_an_opt_out_that_is_missing_for_person_or_address() -> None:
    forgotten = a_run(silent_persons={(BEN, None)})
    assert no_opt_out_is_missing(forgotten).faults == ("no 15: person 3 is not silent for all",)
    half = a_run(silent_addresses={(100 + BEN, None)})
    assert no_opt_out_is_missing(half).faults == ("no 15: address 103 is not silent for all",)


def test_c3_asks_the_survivor_and_forgets_what_a_yes_undid() -> None:
    merged = a_run(survivors={CARA: ANNA})
    assert len(no_opt_out_is_missing(merged).faults) == 1
    carried = replace(merged, silent_persons={(BEN, None), (ANNA, None)})
    assert not no_opt_out_is_missing(carried).faults
    back = with_words(said("yes", CARA, 4.0))
    forgiven = replace(back, silent_persons={(BEN, None)}, silent_addresses={(102, None)})
    assert not no_opt_out_is_missing(forgiven).faults


def test_c3_finds_a_topic_that_is_on_again() -> None:
    run = with_words(said("no", ANNA, 4.0, 4.1, topics=["partner_offers"]))
    assert len(no_opt_out_is_missing(run).faults) == 2
    kept: dict[str, Any] = {
        "silent_persons": {*run.silent_persons, (ANNA, "partner_offers")},
        "silent_addresses": {*run.silent_addresses, (101, None)},
    }
    assert not no_opt_out_is_missing(replace(run, **kept)).faults


def test_c4_finds_who_is_missing_or_stands_twice() -> None:
    assert the_books_balance(a_run(rosters=Counter({CAMPAIGN: 3, ORDER: 1}))).faults
    assert the_books_balance(a_run(people_of=Counter({CAMPAIGN: 3, ORDER: 1}))).faults
    assert the_books_balance(with_batch(1, accepted=1)).faults == (
        "batch 1 is settled and does not add up",
    )


def test_c4_holds_the_books_against_the_witness() -> None:
    outcomes = a_run().outcomes
    taken = replace(a_run(), outcomes={**outcomes, (CAMPAIGN, ANNA): "refused"})
    assert the_books_balance(taken).faults == (
        f"mailing {CAMPAIGN}: person {ANNA} was taken, and is refused in the books",
    )
    never_came = replace(a_run(), outcomes={**outcomes, (CAMPAIGN, CARA): "accepted"})
    assert the_books_balance(never_came).faults == (
        f"mailing {CAMPAIGN}: person {CARA} is accepted, and never came",
    )
    in_doubt = replace(a_run(), outcomes={**outcomes, (CAMPAIGN, ANNA): "unknown"})
    assert not the_books_balance(in_doubt).faults


def test_c4_asks_for_everybody_who_lives_here_by_the_clients_own_list() -> None:
    newcomer = Said(96, "residents", 0.2, 0.2, persons=[5])
    assert the_books_balance(with_words(newcomer)).faults == (
        "campaign Release-10: 1 who live here stand nowhere, as 5",
    )
    merged = said("merge", ANNA, 0.3, persons=[ANNA, 5])
    assert not the_books_balance(with_words(newcomer, merged)).faults


def test_c4_finds_a_campaign_that_was_started_and_has_no_books() -> None:
    lost = Said(96, "campaign", 4.0, 4.0, campaign="Release-11", answered=4.1)
    assert the_books_balance(with_words(lost)).faults == (
        "campaign Release-11: 4 who live here stand nowhere, as 1",
    )
    unanswered = replace(lost, answered=None)
    assert not the_books_balance(with_words(unanswered)).faults


def test_c5_finds_an_order_update_that_never_left() -> None:
    run = a_run()
    lost = replace(run, handed=run.handed[:2])
    assert order_updates_leave(lost).faults == (f"mailing {ORDER}: an order update never left",)


def test_c5_finds_a_copy_that_no_doubt_explains() -> None:
    assert not order_updates_leave(a_run()).faults
    third = with_mail(came(CARA, 12.0, mailing=ORDER))
    assert len(order_updates_leave(third).faults) == 1
    often_in_doubt = replace(third, batches=with_batch(4, doubts=7).batches)
    assert not order_updates_leave(often_in_doubt).faults, "three are the most"
    fourth = replace(often_in_doubt, handed=[*third.handed, came(CARA, 13.0, mailing=ORDER)])
    assert len(order_updates_leave(fourth).faults) == 1
    assert order_updates_leave(a_run()).counts["copies of order updates"] == 1


def test_c5_finds_copies_under_another_message_id_and_an_event_with_two_mailings() -> None:
    run = a_run()
    renamed = {"message-id": f"<{ORDER}.{CARA}@other.example.com>"}
    handed = [*run.handed[:3], replace(run.handed[3], headers=renamed)]
    assert len(order_updates_leave(replace(run, handed=handed)).faults) == 1
    again = Said(98, "event", 3.0, 3.0, event="A-1", answered=3.1, mailing=21)
    twice = with_words(again)
    assert "event A-1 made two mailings" in order_updates_leave(twice).faults


def test_c7_finds_work_that_does_not_end() -> None:
    assert not it_ends(a_run(ended_after=BOUND)).faults
    assert it_ends(a_run(ended_after=BOUND + 1)).faults


def test_c8_calls_a_run_vacuous_that_met_no_danger_or_left_a_point_out() -> None:
    assert it_meant_something(a_run(gate_drops=set())).faults == ("no gate drops",)
    waited = Counter({("sender.claimed", "wait"): 5})
    hits = a_run().hits
    del hits["sender.claimed", "kill"]
    faults = it_meant_something(a_run(hits=hits + waited)).faults
    assert faults == ("nobody was killed at sender.claimed",)
    calm = a_run(batches=[], outcomes={(CAMPAIGN, ANNA): "accepted"})
    assert "no ambiguous hand-overs" in it_meant_something(calm).faults


def test_a_wait_counts_only_for_a_message_that_the_witness_had_not_begun() -> None:
    had_begun = a_run()
    had_begun.handed[1].begun = 1.5
    assert it_meant_something(had_begun).faults == ("no barrier waits for a message not yet begun",)


def test_an_opt_out_counts_once_at_the_batch_it_was_aimed_at() -> None:
    drops = {(1, CARA), (7, CARA), (7, BEN)}
    waited_elsewhere = said("no", CARA, 1.7, 2.7, unsure=[11])
    counts = it_meant_something(replace(with_words(waited_elsewhere), gate_drops=drops)).counts
    assert counts["gate drops"] == 1
    assert counts["barrier waits for a message not yet begun"] == 1
