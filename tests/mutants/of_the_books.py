"""Weakenings of claims, places, children, unknown fates and late words: of the books."""

from tests.mutants.values import Mutant, mutant

ROAD = "tests/delivery/test_the_road.py::"
FATE = "tests/delivery/test_unknown_fate.py::"
LATE = "tests/delivery/test_late_and_broken.py::"
PLACES_TEST = "tests/delivery/test_places.py::"
BATCHES, PLACES, SETTLE, REAPER, RETRY, MAILINGS = (
    f"mailer/delivery/{each}.py"
    for each in ("batches", "places", "settle", "reaper", "retry", "mailings")
)

OF_THE_BOOKS: tuple[Mutant, ...] = (
    mutant(
        "M17",
        "promotional mail of unknown fate is sent again",
        FATE + "test_a_promotional_mail_of_unknown_fate_is_never_sent_again",
        RETRY,
        "return stream is Stream.ORDER_UPDATE and doubts + 1 < UNKNOWN_ATTEMPTS",
        "return doubts + 1 < UNKNOWN_ATTEMPTS",
    ),
    mutant(
        "M18",
        "order updates of unknown fate are not tried again",
        FATE + "test_an_order_update_of_unknown_fate_is_tried_three_times_in_all",
        RETRY,
        "return stream is Stream.ORDER_UPDATE and doubts + 1 < UNKNOWN_ATTEMPTS",
        "return stream is None",
    ),
    mutant(
        "M19",
        "a batch whose sender died goes back in line: its state is set backwards",
        FATE + "test_a_batch_left_in_hand_becomes_unknown_and_stays_so",
        REAPER,
        '    row.state = "settled" if arrived and not row.unknown else "unknown"\n',
        '    row.state = "settled" if arrived and not row.unknown else "prepared"\n',
    ),
    mutant(
        "M20",
        "a batch is given up while its sender may still begin or hear",
        FATE + "test_a_batch_left_in_hand_becomes_unknown_and_stays_so",
        REAPER,
        "seen_by = self._monotonic() - BARRIER - reply_timeout.total_seconds()",
        "seen_by = self._monotonic() + reply_timeout.total_seconds()",
    ),
    mutant(
        "M21",
        "a batch in hand may be claimed again",
        FATE + "test_a_batch_left_in_hand_is_claimed_by_nobody",
        BATCHES,
        "AND b.state IN ('prepared', 'claimed')",
        "AND b.state IN ('prepared', 'claimed', 'handing')",
    ),
    mutant(
        "M22",
        "a claim does not wait for the lease of another",
        FATE + "test_a_batch_whose_lease_is_over_is_taken_again_and_loses_nobody",
        BATCHES,
        "AND (b.state = 'prepared' OR b.lease_until <= :now)",
        "AND (b.state = 'prepared' OR b.lease_until IS NOT NULL)",
    ),
    mutant(
        "M23",
        "a child batch loses its last person",
        ROAD + "test_who_was_not_begun_in_time_goes_with_the_next_batch",
        BATCHES,
        "            persons=list(persons),\n            addresses=",
        "            persons=list(persons)[:-1],\n            addresses=",
    ),
    mutant(
        "M24",
        "who waits in a child is not taken off the batch that they were in",
        ROAD + "test_who_was_not_begun_in_time_goes_with_the_next_batch",
        BATCHES,
        "    _take_off(session, batch, persons, BatchId(child))\n",
        "",
    ),
    mutant(
        "M25",
        "a place that another batch has is taken as free",
        PLACES_TEST + "test_a_place_that_another_batch_has_stays_theirs",
        PLACES,
        "    return own | left | _take(session, batch, free, now)\n",
        "    taken_over = {who for _, who in contested}\n"
        "    return own | left | taken_over | _take(session, batch, free, now)\n",
    ),
    mutant(
        "M26",
        "of two customers with one mailbox both are mailed",
        ROAD + "test_two_customers_with_one_mailbox_get_a_campaign_once",
        PLACES,
        "    return own | left | _take(session, batch, free, now)\n",
        "    _take(session, batch, free, now)\n    return {*persons}\n",
    ),
    mutant(
        "M27",
        "who was merged with somebody that has had it gets it again",
        "tests/delivery/test_merged_on_the_way.py",
        PLACES,
        "    persons = [who for who in persons if who not in reached]\n",
        "",
    ),
    mutant(
        "M28",
        "the same cause makes a second mailing: the key of a mailing is dropped",
        "tests/orders/test_events.py::"
        "test_the_same_event_again_makes_no_second_mail_and_the_first_fields_count",
        MAILINGS,
        "            key=new.key,\n            letter=new.letter,\n",
        "            key=f\"{new.key}:{__import__('uuid').uuid4()}\",\n            letter=new.letter,\n",
    ),
    mutant(
        "M29",
        "a cancelled mailing's batches stay in line",
        ROAD + "test_a_cancelled_mailing_hands_nobody_over_and_everybody_is_accounted_for",
        MAILINGS,
        '        .values(state="cancelled", token=None)\n',
        "        .values(token=None)\n",
    ),
    mutant(
        "M30",
        "the late word of a sender is not believed",
        LATE + "test_a_late_settlement_is_believed_and_who_was_not_begun_still_gets_the_mail",
        SETTLE,
        "WHERE id = :batch_id AND token = :token AND state IN ('handing', 'unknown')\n      AND size",
        "WHERE id = :batch_id AND token = :token AND state IN ('handing')\n      AND size",
    ),
    mutant(
        "M31",
        "the copy of an order update is not recalled when the sender's late word comes",
        LATE + "test_the_late_word_about_an_order_update_recalls_its_copy",
        SETTLE,
        "    _take_back(session, batch)\n    reopened",
        "    reopened",
    ),
    mutant(
        "M43",
        "the clocks of two hosts tell how long a batch is in hand",
        FATE + "test_a_batch_is_given_up_by_how_long_it_was_seen_in_hand_whatever_the_time_of_day",
        REAPER,
        "        overdue = [token for token, since in self._since.items() if since < seen_by]\n",
        "        deadline = now - timedelta(seconds=BARRIER) - reply_timeout\n"
        "        in_hand = select(BatchRow.token).where(BatchRow.handing_at < deadline)\n"
        "        overdue = session.exec(in_hand).all() if seen_by else []\n",
    ),
    mutant(
        "M44",
        "a sweep that was stopped before its look counts from before it",
        FATE + "test_who_was_stopped_on_the_way_to_its_look_has_seen_nothing_in_that_time",
        REAPER,
        "        tokens = session.execute(_IN_HAND).scalars().all()\n"
        "        # Read after the answer: whoever was stopped before it has seen nothing in that time.\n"
        "        seen = self._monotonic()\n",
        "        seen = self._monotonic()\n"
        "        tokens = session.execute(_IN_HAND).scalars().all()\n",
    ),
    mutant(
        "M49",
        "a sender in doubt says nothing once its batch was given up",
        LATE + "test_a_doubt_that_outlasts_the_senders_time_is_resolved_all_the_same",
        "mailer/delivery/sender.py",
        '        if state in ("handing", "unknown"):\n',
        '        if state == "handing":\n',
    ),
)
