"""Weakenings of what an opt-out writes, journals and waits for, and of what a no reaches."""

from tests.mutants.values import Edit, Mutant, mutant

BARRIER = "tests/delivery/test_the_barrier.py::"
ALONG = "tests/delivery/test_a_no_goes_along.py::"
CHANGES = "tests/permission/test_changes.py::"
OPT_OUT = "mailer/delivery/optout.py"
DATABASE = "mailer/database.py"

OF_WISHES: tuple[Mutant, ...] = (
    mutant(
        "M32",
        "an opt-out does not wait for batches in hand",
        BARRIER + "test_an_opt_out_waits_for_a_batch_in_hand_and_names_what_left",
        OPT_OUT,
        "while open_batches and self._clocks.monotonic() < end:",
        "while open_batches and self._clocks.monotonic() < 0:",
    ),
    mutant(
        "M33",
        "an opt-out does not look for batches in hand",
        BARRIER + "test_an_opt_out_waits_for_a_batch_in_hand_and_names_what_left",
        OPT_OUT,
        "waiting = {} if only_gives(applied) else self._in_hand(person_id, addresses)",
        "waiting: dict[BatchId, Left] = {}",
    ),
    mutant(
        "M34",
        "an opt-out looks for batches before its no is committed",
        BARRIER + "test_an_opt_out_looks_for_batches_after_its_commit",
        OPT_OUT,
        "        survivor, addresses, applied, marks = self._write(person_id, change, address_id)\n",
        "        with self._database.reading() as session:\n"
        "            known = people.identity_of(session, person_id)\n"
        "        seen = self._in_hand(known.survivor, known.addresses)\n"
        "        self._in_hand = lambda *_: seen\n"
        "        survivor, addresses, applied, marks = self._write(person_id, change, address_id)\n",
    ),
    mutant(
        "M35",
        "what was still open when the wait ended is not named",
        BARRIER + "test_an_opt_out_says_when_one_mail_may_still_arrive",
        OPT_OUT,
        "[waiting[batch] for batch in sorted({*open_batches, *doubtful})],",
        "[waiting[batch] for batch in sorted(open_batches - {*doubtful})],",
    ),
    mutant(
        "M36",
        "a wish is acknowledged though the journal did not take it",
        BARRIER + "test_a_wish_that_the_journal_cannot_take_is_not_acknowledged",
        OPT_OUT,
        "        self._journal_line(kind, applied.at, addresses, line, marks)\n        reached(",
        "        from contextlib import suppress\n"
        "        with suppress(Exception):\n"
        "            self._journal_line(kind, applied.at, addresses, line, marks)\n"
        "        reached(",
    ),
    mutant(
        "M37",
        "the journal is written after the acknowledgement",
        BARRIER + "test_each_wish_is_in_the_journal_before_it_is_acknowledged",
        OPT_OUT,
        "        self._journal_line(kind, applied.at, addresses, line, marks)\n        reached(",
        "        from threading import Timer\n"
        "        Timer(1.0, self._journal_line, (kind, applied.at, addresses, line, marks)).start()\n"
        "        reached(",
    ),
    mutant(
        "M38",
        "a line of the journal is not on the disk when it is said to be",
        "tests/test_journal.py::test_a_line_is_on_the_disk_before_anybody_is_told",
        "mailer/journal.py",
        "            os.fsync(self._descriptor)\n",
        "            pass\n",
    ),
    mutant(
        "M39",
        "a commit does not wait for the disk",
        "tests/test_database.py::test_a_commit_waits_for_the_disk_whatever_the_server_was_told",
        DATABASE,
        '        "synchronous_commit=on",\n',
        "",
    ),
    mutant(
        "M40",
        "a warning on COMMIT is taken for a success",
        "tests/test_database.py::test_a_commit_that_comes_back_with_a_warning_is_in_doubt",
        DATABASE,
        '        if notices:\n            raise CommitInDoubt("COMMIT came back with a warning")\n',
        "",
    ),
    mutant(
        "M41",
        "a yes from a page that is out of date is written",
        CHANGES + "test_a_yes_from_an_old_page_is_asked_again_while_its_nos_hold",
        "mailer/permission/changes.py",
        "    return change.seen_version is None or change.seen_version == row.version\n",
        "    return change.seen_version is None or change.seen_version <= row.version\n",
    ),
    mutant(
        "M42",
        "a merge leaves the merged customer's nos behind",
        ALONG + "test_a_no_of_the_merged_customers_address_holds_for_the_survivor",
        "mailer/permission/joining.py",
        "    _repeat(session, nos, to=survivor, at=addresses, door=Door.MERGE)\n",
        "",
    ),
    Mutant(
        "M45",
        "how much of the present a transaction sees is left to the server",
        "tests/test_database.py::"
        "test_each_statement_sees_what_is_committed_before_it_whatever_the_server_was_told",
        (
            Edit(DATABASE, '            isolation_level="READ COMMITTED",\n', ""),
            Edit(DATABASE, '        r"default_transaction_isolation=read\\ committed",\n', ""),
        ),
    ),
    mutant(
        "M46",
        "a no is looked for by person, and not by address",
        "tests/delivery/test_the_gate.py::"
        "test_a_no_that_names_an_address_and_nobody_is_met_at_the_claim_and_at_the_gate",
        "mailer/permission/facts.py",
        "    each = by_person.union_all(held(_suppression.c.address_id, addresses)).subquery",
        "    each = by_person.where(func.cardinality(addresses) >= 0).subquery",
    ),
    mutant(
        "M47",
        "of two customers that are merged the more permissive wish holds",
        ALONG + "test_a_merge_makes_no_permission_of_what_the_merged_customer_asked_for",
        "mailer/permission/joining.py",
        "    kept.topics_on &= ~off\n",
        "    kept.topics_on |= gone.topics_on\n",
    ),
    mutant(
        "M48",
        "promotional mail is claimed by who has not looked at the journal in this database",
        "tests/delivery/test_clearance.py::"
        "test_a_token_that_the_database_lacks_claims_nothing_promotional",
        "mailer/delivery/batches.py",
        "          AND (CAST(:lane AS text) <> 'promotional' OR {CLEARED})\n",
        "          AND (CAST(:lane AS text) <> 'promotional' OR {CLEARED} OR TRUE)\n",
    ),
)
