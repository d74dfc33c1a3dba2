"""FROM DUE TO DONE: batches and their states, the gate, the barrier, pace, what was heard back."""

from mailer.delivery.acknowledgement import Acknowledgement, Left
from mailer.delivery.ahead import verdict_now, verdicts_ahead
from mailer.delivery.books import (
    Books,
    DryRun,
    Gauges,
    MessageRecord,
    books,
    dry_run,
    due_lanes,
    finished_among,
    gauges,
    messages_of,
    unfinished,
)
from mailer.delivery.brake import Brake, Braked, Cause, Share, Tally, shares
from mailer.delivery.budgets import forget_ended, set_pace
from mailer.delivery.by_zone import Moments, count_by_zone, prepare_by_zone
from mailer.delivery.clearance import (
    Clearance,
    Halt,
    clear,
    halt,
    halt_sentence,
    halts,
    lift_halt,
    withdraw,
)
from mailer.delivery.clocks import SenderClock
from mailer.delivery.collecting import (
    HeldBackMailing,
    collected,
    held_back,
    one_at_a_time,
    prepare_sets,
)
from mailer.delivery.cutting import BATCH_SIZE, Cut, prepare_audience
from mailer.delivery.doubles import doubles
from mailer.delivery.evidence import UnknownBatch, unknown_batches
from mailer.delivery.gate import Gate
from mailer.delivery.heard import News, hear
from mailer.delivery.limits import NO_LIMITS, Limits
from mailer.delivery.mailings import (
    Mailing,
    MailingNotFound,
    NewMailing,
    create_mailing,
    fields_place,
    mailing_by_key,
    mailing_of,
    send_to_one,
    set_mailing_state,
    targets_of,
)
from mailer.delivery.mails import Mail, mails_of
from mailer.delivery.optout import Clocks, OptOuts
from mailer.delivery.pace import Pace, PaceInvalid, read_pace, read_warm_up
from mailer.delivery.part_books import books_by_part
from mailer.delivery.press import LettersPress, Senders, compile_mailing
from mailer.delivery.reach import (
    REST,
    handed_over_of,
    handed_over_when,
    heard_of,
    held_out_of,
    may_have_left,
    people_of,
)
from mailer.delivery.reaper import BatchNotUnknown, Reaper, settle_unknown
from mailer.delivery.restoring import (
    GivenUp,
    InHand,
    Kept,
    give_up_handed,
    kept_mailings,
    never_in_hand,
    number_batches_beyond,
)
from mailer.delivery.roll import messages_of_mailing
from mailer.delivery.sender import Sender, SenderSettings
from mailer.delivery.silencing import NOBODY
from mailer.delivery.slowing import forget_recovered, slow_scopes
from mailer.delivery.splitting import (
    Part,
    Stands,
    drawn,
    part_of,
    prepare_split,
    release,
    stands_of,
)
from mailer.delivery.standing import Standing, standing_of
from mailer.delivery.states import BatchState, MailingState
from mailer.delivery.tally import braked_among, braked_of, first_braked, release_brake, set_brake
from mailer.delivery.trial import TestReader, new_test
from mailer.delivery.variants import HELD_OUT, WHOLE, Variant, digest_of, mark_at
from mailer.delivery.window import BARRIER, StartWindow, start_window

__all__ = [
    "BARRIER",
    "BATCH_SIZE",
    "HELD_OUT",
    "NOBODY",
    "NO_LIMITS",
    "REST",
    "WHOLE",
    "Acknowledgement",
    "BatchNotUnknown",
    "BatchState",
    "Books",
    "Brake",
    "Braked",
    "Cause",
    "Clearance",
    "Clocks",
    "Cut",
    "DryRun",
    "Gate",
    "Gauges",
    "GivenUp",
    "Halt",
    "HeldBackMailing",
    "InHand",
    "Kept",
    "Left",
    "LettersPress",
    "Limits",
    "Mail",
    "Mailing",
    "MailingNotFound",
    "MailingState",
    "MessageRecord",
    "Moments",
    "NewMailing",
    "News",
    "OptOuts",
    "Pace",
    "PaceInvalid",
    "Part",
    "Reaper",
    "Sender",
    "SenderClock",
    "SenderSettings",
    "Senders",
    "Share",
    "Standing",
    "Stands",
    "StartWindow",
    "Tally",
    "TestReader",
    "UnknownBatch",
    "Variant",
    "books",
    "books_by_part",
    "braked_among",
    "braked_of",
    "clear",
    "collected",
    "compile_mailing",
    "count_by_zone",
    "create_mailing",
    "digest_of",
    "doubles",
    "drawn",
    "dry_run",
    "due_lanes",
    "fields_place",
    "finished_among",
    "first_braked",
    "forget_ended",
    "forget_recovered",
    "gauges",
    "give_up_handed",
    "halt",
    "halt_sentence",
    "halts",
    "handed_over_of",
    "handed_over_when",
    "hear",
    "heard_of",
    "held_back",
    "held_out_of",
    "kept_mailings",
    "lift_halt",
    "mailing_by_key",
    "mailing_of",
    "mails_of",
    "mark_at",
    "may_have_left",
    "messages_of",
    "messages_of_mailing",
    "never_in_hand",
    "new_test",
    "number_batches_beyond",
    "one_at_a_time",
    "part_of",
    "people_of",
    "prepare_audience",
    "prepare_by_zone",
    "prepare_sets",
    "prepare_split",
    "read_pace",
    "read_warm_up",
    "release",
    "release_brake",
    "send_to_one",
    "set_brake",
    "set_mailing_state",
    "set_pace",
    "settle_unknown",
    "shares",
    "slow_scopes",
    "standing_of",
    "stands_of",
    "start_window",
    "targets_of",
    "unfinished",
    "unknown_batches",
    "verdict_now",
    "verdicts_ahead",
    "withdraw",
]
