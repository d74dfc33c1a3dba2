"""An opt-out that meets a batch in hand waits for it, names what left, and nothing follows."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from mailer import delivery, people
from mailer.delivery import Acknowledgement
from mailer.failpoints import Failpoint, acting
from mailer.journal import JournalLine, JournalUnwritable, read_journal
from mailer.permission import Change, NewSuppression, NotAdmitted
from mailer.providers import Outgoing, Unknown
from mailer.vocabulary import Door, Lane, PersonId, Scope, SuppressionReason, Topic
from tests.delivery.conftest import Road

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)


class Meanwhile:
    """Somebody else's wish, spoken in another thread while a batch is in hand."""

    def __init__(self, road: Road, wish: Callable[[], Acknowledgement]) -> None:
        self.answer: Acknowledgement | None = None
        self._road = road
        self._wish = wish
        self._thread: threading.Thread | None = None

    def __call__(self, _: Outgoing) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._speak)
            self._thread.start()
            assert self._road.is_no_waiting.wait(30)
            assert self.answer is None, "acknowledged while the batch was in hand"

    def _speak(self) -> None:
        self.answer = self._wish()

    def result(self) -> Acknowledgement:
        assert self._thread is not None
        self._thread.join(10)
        assert self.answer is not None
        return self.answer


@pytest.mark.clause("C08")
def test_an_opt_out_waits_for_a_batch_in_hand_and_names_what_left(road: Road) -> None:
    jo = road.customer("Jo Example")
    mailing = road.campaign()
    meanwhile = Meanwhile(road, lambda: road.opt_outs.change(jo.person_id, STOP))
    road.provider.before_each(meanwhile)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    answer = meanwhile.result()
    assert [each.mailing_id for each in answer.left] == [mailing]
    assert not answer.may_still_arrive


@pytest.mark.clause("C08")
def test_a_sweep_whose_clock_is_hours_ahead_ends_no_wait(road: Road) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    meanwhile = Meanwhile(road, lambda: road.opt_outs.change(jo.person_id, STOP))

    def sweep_and_speak(message: Outgoing) -> None:
        road.sweep(ahead=timedelta(hours=3))
        meanwhile(message)

    road.provider.before_each(sweep_and_speak)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert meanwhile.result().left


@pytest.mark.clause("C08")
def test_an_opt_out_says_when_one_mail_may_still_arrive(road: Road) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    road.provider.answer_for(jo.email, Unknown("no answer to the final dot"))
    meanwhile = Meanwhile(road, lambda: road.opt_outs.change(jo.person_id, STOP))
    road.provider.before_each(meanwhile)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    answer = meanwhile.result()
    assert answer.left == ()
    assert answer.may_still_arrive


@pytest.mark.clause("C08")
@pytest.mark.parametrize("how", ["topic", "pause", "merge", "address", "list"])
def test_every_kind_of_no_goes_the_same_way(road: Road, how: str) -> None:
    jo = road.customer("Jo Example")
    anna = road.customer("Anna Becker")
    wishes: dict[str, Callable[[], Acknowledgement]] = {
        "topic": lambda: road.opt_outs.change(
            jo.person_id,
            Change(
                door=Door.PREFERENCE_PAGE,
                policy_version="2026-11",
                topics_off=frozenset({Topic.COMPANY_NEWS}),
            ),
        ),
        "pause": lambda: road.opt_outs.change(
            jo.person_id,
            Change(
                door=Door.PREFERENCE_PAGE,
                policy_version="2026-11",
                paused_until=road.now.replace(year=2027),
            ),
        ),
        "merge": lambda: road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id),
        "address": lambda: road.opt_outs.change_address(jo.person_id, "jo@new.example.com"),
        "list": lambda: road.opt_outs.suppress(
            NewSuppression(
                Scope.PROMOTIONAL,
                SuppressionReason.MANUAL,
                Door.API,
                address_id=jo.address_id,
            )
        )[1],
    }
    road.campaign()
    meanwhile = Meanwhile(road, wishes[how])
    road.provider.before_each(meanwhile)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert meanwhile.result().left


def test_a_yes_waits_for_nobody(road: Road) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    answers: list[Acknowledgement] = []

    def say_yes(_: Outgoing) -> None:
        yes = Change(
            door=Door.PREFERENCE_PAGE,
            policy_version="2026-11",
            topics_on=frozenset({Topic.SOFTWARE_UPDATES}),
        )
        thread = threading.Thread(
            target=lambda: answers.append(road.opt_outs.change(jo.person_id, yes))
        )
        thread.start()
        thread.join(1.0)

    road.provider.before_each(say_yes)
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert len(answers) == 1


@pytest.mark.clause("C08")
def test_the_no_of_somebody_erased_holds_by_the_address_of_their_link(road: Road) -> None:
    jo = road.customer("Jo Example")
    with road.database.transaction() as session:
        people.erase(session, road.vault, jo.person_id, now=road.now)
        from mailer import permission

        permission.forget(session, jo.person_id)
    answer = road.opt_outs.change(jo.person_id, STOP, address_id=jo.address_id)
    assert answer.acts == (("stop", None),)
    again = road.customer("Jo Example", topics=())
    assert again.address_id == jo.address_id
    listed = permission.ImportedYes(again.person_id, frozenset(Topic), "shop")
    with road.database.transaction() as session:
        permission.import_permissions(
            session, [listed], policy_version="2026-11", reference="P-LIST-0001", now=road.now
        )
    road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []


def test_a_wish_of_nobody_is_refused(road: Road) -> None:
    with pytest.raises(NotAdmitted):
        road.opt_outs.change(PersonId(424242), STOP)


@pytest.mark.clause("C08")
def test_a_merged_customers_no_reaches_the_survivor(road: Road) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    road.opt_outs.change(jo.person_id, STOP, address_id=jo.address_id)
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    assert road.got() == []
    with road.database.reading() as session:
        assert delivery.books(session, mailing).balance


def test_an_opt_out_looks_for_batches_after_its_commit(road: Road) -> None:
    jo = road.customer("Jo Example")
    road.campaign()
    in_hand, is_done = threading.Event(), threading.Event()

    def take_in_hand(point: Failpoint) -> None:
        if point is Failpoint.WISH_WRITING:  # before the commit of the no
            sending.start()
            assert in_hand.wait(30)
        elif point is Failpoint.GATE_ARMED:  # which the gate does not know of yet
            in_hand.set()
            assert road.is_no_waiting.wait(30), "it looked before the batch was in hand"
        elif point is Failpoint.SETTLED:
            is_done.set()

    sending = threading.Thread(target=road.sender.deliver_one, args=(Lane.PROMOTIONAL,))
    with acting(take_in_hand):
        answer = road.opt_outs.change(jo.person_id, STOP)
        assert is_done.wait(30)
    sending.join(30)
    assert len(answer.left) == 1


def test_a_wish_that_the_journal_cannot_take_is_not_acknowledged(road: Road) -> None:
    jo = road.customer("Jo Example")
    road.journal.folder.write_text("no folder")  # as a disk that fails
    with pytest.raises(JournalUnwritable):
        road.opt_outs.change(jo.person_id, STOP)
    road.journal.folder.unlink()
    assert road.opt_outs.change(jo.person_id, STOP).already_since == road.now


def test_each_wish_is_in_the_journal_before_it_is_acknowledged(road: Road) -> None:
    jo = road.customer("Jo Example")
    answer = road.opt_outs.change(jo.person_id, STOP)
    lines = [line for line in read_journal(road.journal.folder) if isinstance(line, JournalLine)]
    assert [line.kind for line in lines] == ["no"]
    assert lines[0].ids["person"] == jo.person_id
    assert lines[0].ids["reference"] == answer.reference
