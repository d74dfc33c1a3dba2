"""MAY WE SEND: topics, the consent ledger, suppressions; `decision.py` is pure."""

from mailer.permission.changes import (
    Applied,
    Change,
    NotAdmitted,
    admit,
    apply,
    lock,
)
from mailer.permission.decision import Facts, Suppression, decide, decide_test, gives_way
from mailer.permission.facts import facts_from, facts_of, facts_of_many
from mailer.permission.joining import follow, forget, merge
from mailer.permission.measuring import measurable, opt_outs_by
from mailer.permission.quiet import Curfew
from mailer.permission.reasons import DOORS, IN_SHORT, SENTENCES, sentence
from mailer.permission.rhythm import NO_CAP, Cap, CapInvalid, Limit, read_cap
from mailer.permission.standing import (
    ConsentRecord,
    Standing,
    SuppressionRecord,
    TopicStanding,
    consents_of,
    receipt_of,
    standing_of,
    suppressions_page,
    topic_on,
    tracking_of,
)
from mailer.permission.suppression import (
    ImportedYes,
    NewSuppression,
    OptOutIsTheirs,
    SuppressionNotFound,
    import_permissions,
    lift,
    suppress,
    suppress_person,
    suppression_of,
)

__all__ = [
    "DOORS",
    "IN_SHORT",
    "NO_CAP",
    "SENTENCES",
    "Applied",
    "Cap",
    "CapInvalid",
    "Change",
    "ConsentRecord",
    "Curfew",
    "Facts",
    "ImportedYes",
    "Limit",
    "NewSuppression",
    "NotAdmitted",
    "OptOutIsTheirs",
    "Standing",
    "Suppression",
    "SuppressionNotFound",
    "SuppressionRecord",
    "TopicStanding",
    "admit",
    "apply",
    "consents_of",
    "decide",
    "decide_test",
    "facts_from",
    "facts_of",
    "facts_of_many",
    "follow",
    "forget",
    "gives_way",
    "import_permissions",
    "lift",
    "lock",
    "measurable",
    "merge",
    "opt_outs_by",
    "read_cap",
    "receipt_of",
    "sentence",
    "standing_of",
    "suppress",
    "suppress_person",
    "suppression_of",
    "suppressions_page",
    "topic_on",
    "tracking_of",
]
