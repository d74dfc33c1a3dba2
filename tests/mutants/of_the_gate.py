"""Weakenings of the gate, of the start window, and of how a batch is taken in hand."""

from tests.mutants.values import Edit, Mutant, mutant

GATE_TEST = "tests/delivery/test_the_gate.py::"
START = "tests/delivery/test_start_window.py::"
GATE, SENDER, FACTS = (f"mailer/delivery/{each}.py" for each in ("gate", "sender", "facts"))
WINDOW = "mailer/delivery/window.py"
DROPPED = GATE_TEST + "test_a_no_that_is_acknowledged_before_the_gate_drops_the_person"

OF_THE_GATE = (
    mutant(
        "M01",
        "the gate is deleted: whoever was printed is handed over",
        DROPPED,
        GATE,
        "passed = self._decide_again(batch, prepared, now)",
        "passed = Passed([each.outgoing for each in prepared.values()])",
    ),
    Mutant(
        "M02",
        "the gate is asked before the batch is in hand",
        DROPPED,
        (
            Edit(
                SENDER,
                "        with self._clock.window() as window:\n            reached(Failpoint.WINDOW_OPEN)\n",
                "        asked = self._gate._decide_again(batch, turn.prepared, self._clock.now())\n"
                "        self._gate._decide_again = lambda *_: asked\n"
                "        with self._clock.window() as window:\n"
                "            reached(Failpoint.WINDOW_OPEN)\n",
            ),
            Edit(FACTS, '_batch.c.state == "handing",', '_batch.c.state == "claimed",'),
        ),
    ),
    Mutant(
        "M03",
        "the gate decides by a snapshot from before the batch was in hand",
        DROPPED,
        (
            Edit(
                GATE,
                "        return self._provider.make_ready(messages)",
                "        self._old = self._database.engine.connect().execution_options(\n"
                '            isolation_level="REPEATABLE READ"\n'
                "        )\n"
                '        self._old.exec_driver_sql("SELECT 1")\n'
                "        return self._provider.make_ready(messages)",
            ),
            Edit(
                GATE,
                "        in_hand = read_gate(rows)\n",
                "        in_hand = read_gate(rows)\n"
                "        from dataclasses import replace\n"
                "        from sqlmodel import Session\n"
                "        from mailer.delivery.facts import Limits, facts_of\n"
                "        if in_hand is not None:\n"
                "            in_hand = replace(in_hand, same=facts_of(\n"
                "                Session(self._old), batch.people, batch.mailing.id, zoned=False,\n"
                "                limits=Limits.NOBODYS, cap=self._cap, now=now,\n"
                "            ))\n"
                "        self._old.close()\n",
            ),
        ),
    ),
    mutant(
        "M04",
        "what the gate refused is not committed before the hand-over",
        GATE_TEST + "test_what_the_gate_refuses_is_committed_before_anybody_is_handed_over",
        GATE,
        "        if passed.refused and not self._refuse(batch, passed.refused, now):\n",
        "        if passed.refused and not prepared:\n",
    ),
    mutant(
        "M05",
        "the gate does not ask whether the mailing is paused",
        GATE_TEST + "test_a_pause_that_comes_after_the_batch_was_taken_in_hand_stops_it",
        GATE,
        "if in_hand.mailing_state is not MailingState.SENDING:",
        "if in_hand.mailing_state is None:",
    ),
    mutant(
        "M06",
        "the gate asks whether the batch is in hand, and not by whom",
        GATE_TEST + "test_the_gate_lets_nobody_through_for_a_batch_that_is_in_another_hand",
        FACTS,
        '            _batch.c.token == bindparam("token"),\n',
        "",
    ),
    mutant(
        "M07",
        "a letter is handed over though what it says of its reader has changed",
        GATE_TEST + "test_a_letter_whose_reader_has_changed_since_is_printed_anew",
        GATE,
        "if message.version != same.versions[who] or message.tracking != same.tracking:",
        "if message.tracking != same.tracking:",
    ),
    mutant(
        "M08",
        "the gate does not ask whether it is too late for the mailing",
        GATE_TEST + "test_what_has_grown_too_late_since_it_was_claimed_is_refused_at_the_gate",
        GATE,
        "if in_hand.use_by is not None and in_hand.use_by < moment.now:",
        "if in_hand.use_by is None and moment.now is None:",
    ),
    mutant(
        "M09",
        "the kernel's timer is not armed",
        START + "test_a_sender_that_never_disarms_is_ended_before_an_opt_out_stops_waiting",
        WINDOW,
        "signal.setitimer(signal.ITIMER_REAL, seconds)",
        "signal.setitimer(signal.ITIMER_REAL, 0)",
    ),
    mutant(
        "M10",
        "who comes to the provider too late begins all the same",
        START + "test_who_passed_the_gate_too_late_waits_and_whose_no_was_met_there_is_refused",
        GATE,
        "if not window.arm():",
        "if window.arm() is None:",
    ),
    mutant(
        "M11",
        "the timer counts from when it was armed, not from when the window opened",
        START + "test_the_kernel_comes_at_the_windows_end_however_late_it_was_armed",
        WINDOW,
        "self._opened + WINDOW - before)",
        "WINDOW)",
    ),
    mutant(
        "M12",
        "an opt-out waits for less than a start window",
        START + "test_the_times_stand_in_the_order_that_the_promise_needs",
        WINDOW,
        "BARRIER = 3.0",
        "BARRIER = 2.0",
    ),
    mutant(
        "M13",
        "the deadline of a slice is ignored",
        "tests/providers/test_smtp_doubt.py::"
        "test_nobody_is_begun_after_the_deadline_however_slow_the_server",
        "mailer/providers/slice.py",
        "if not self._waiting or time.monotonic() >= self.begin_before:",
        "if not self._waiting:",
    ),
    mutant(
        "M14",
        "a slice is larger than what begins in its time",
        START + "test_who_was_late_takes_half_as_many_people_next_time",
        "mailer/delivery/turns.py",
        "size = min(pace.slice_of(per_second), room_for(session, batch, pace, now=now))",
        "size = min(pace.slice_of(500), room_for(session, batch, pace, now=now))",
    ),
    mutant(
        "M15",
        "a batch is taken in hand whoever has claimed it since",
        GATE_TEST + "test_a_sender_whose_batch_another_has_claimed_takes_nothing_in_hand",
        SENDER,
        "WHERE id = :batch_id AND state = 'claimed' AND token = :token",
        "WHERE id = :batch_id AND state = 'claimed' AND :token IS NOT NULL",
    ),
    mutant(
        "M16",
        "a doubtful commit of taking in hand is taken for a success",
        "tests/delivery/test_late_and_broken.py::"
        "test_a_doubtful_commit_of_taking_in_hand_loses_nobody",
        SENDER,
        "            return Taken.IN_DOUBT\n",
        "            return Taken.YES\n",
    ),
)
