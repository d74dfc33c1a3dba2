"""The life of a campaign: what leads where, and what an impossible wish is told."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.campaigns.lifecycle import NEXT, Act, CannotDo, State, after, possible

ACTS = st.lists(st.sampled_from(Act), max_size=30)


def play(acts: list[Act]) -> list[State]:
    """Try each act in turn and return the states gone through; an impossible act changes nothing."""
    states = [State.DRAFT]
    for act in acts:
        try:
            states.append(after(states[-1], act))
        except CannotDo:
            states.append(states[-1])
    return states


@pytest.mark.parametrize(
    ("acts", "end"),
    [
        ([Act.SCHEDULE, Act.START, Act.FINISH], State.FINISHED),
        ([Act.START, Act.PAUSE, Act.RESUME, Act.FINISH], State.FINISHED),
        ([Act.SCHEDULE, Act.UNSCHEDULE, Act.EDIT], State.DRAFT),
        ([Act.SCHEDULE, Act.CANCEL], State.CANCELLED),
        ([Act.START, Act.PAUSE, Act.CANCEL, Act.FINISH], State.CANCELLED),
        ([Act.START, Act.PAUSE, Act.FINISH], State.FINISHED),
    ],
)
def test_a_campaign_walks_its_road(acts: list[Act], end: State) -> None:
    state = State.DRAFT
    for act in acts:
        state = after(state, act)
    assert state is end


@given(ACTS)
def test_nothing_leads_out_of_a_final_state(acts: list[Act]) -> None:
    states = play(acts)
    for before, later in pairwise(states):
        assert not before.is_final or later is before


@given(ACTS)
def test_a_campaign_that_was_sending_is_never_edited_or_scheduled_again(acts: list[Act]) -> None:
    states = play(acts)
    if State.SENDING in states:
        rest = states[states.index(State.SENDING) :]
        assert not {State.DRAFT, State.SCHEDULED} & set(rest)


@given(st.sampled_from(State), st.sampled_from(Act))
def test_doing_the_same_twice_never_fails_the_second_time(state: State, act: Act) -> None:
    if (state, act) not in NEXT:
        return
    once = after(state, act)
    assert after(once, act) is once


@given(st.sampled_from(State), st.sampled_from(Act))
def test_an_impossible_act_is_told_what_would_be_possible(state: State, act: Act) -> None:
    if (state, act) in NEXT:
        assert isinstance(after(state, act), State)
        return
    with pytest.raises(CannotDo) as told:
        after(state, act)
    assert told.value.possible == possible(state)
    assert act not in told.value.possible
    assert all((state, offered) in NEXT for offered in told.value.possible)


def test_final_states_offer_a_copy_alone_and_a_draft_offers_the_start() -> None:
    assert possible(State.FINISHED) == possible(State.CANCELLED) == (Act.CLONE,)
    assert possible(State.DRAFT) == (
        Act.EDIT,
        Act.SCHEDULE,
        Act.START,
        Act.CANCEL,
        Act.APPROVE,
        Act.TEST,
        Act.CLONE,
        Act.PACE,
        Act.BRAKE,
        Act.DELETE,
    )
    assert possible(State.PAUSED) == (Act.RESUME, Act.CANCEL, Act.CLONE, Act.PACE, Act.BRAKE)


STATES = tuple(State)
LEADS = {
    Act.EDIT: "draft - - - - -",
    Act.SCHEDULE: "scheduled scheduled - - - -",
    Act.UNSCHEDULE: "draft draft - - - -",
    Act.START: "sending sending sending - - -",
    Act.PAUSE: "- - paused paused - -",
    Act.RESUME: "- - sending sending - -",
    Act.CANCEL: "cancelled cancelled cancelled cancelled - cancelled",
    Act.FINISH: "- - finished finished finished cancelled",
    Act.APPROVE: "draft scheduled - - - -",
    Act.TEST: "draft scheduled - - - -",
    Act.CLONE: "draft scheduled sending paused finished cancelled",
    Act.PACE: "draft scheduled sending paused - -",
    Act.BRAKE: "draft scheduled sending paused - -",
    Act.DELETE: "draft - - - - -",
}
"""Where each act leads from draft, scheduled, sending, paused, finished and cancelled."""


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("state", State)
def test_every_act_in_every_state_leads_where_it_should_or_nowhere(act: Act, state: State) -> None:
    wanted = LEADS[act].split()[STATES.index(state)]
    if wanted == "-":
        with pytest.raises(CannotDo):
            after(state, act)
    else:
        assert after(state, act) == wanted
