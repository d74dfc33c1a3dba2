"""The sentence for each reason: one catalogue for customer, support and footer."""

from collections.abc import Mapping

from mailer.vocabulary import Reason

SENTENCES: Mapping[Reason, str] = {
    Reason.SENT_ORDER: "Because your order {number} was {event} on {date}.",
    Reason.SENT_ACCOUNT: "Because you asked to {act} at {time}.",
    Reason.SENT_FEE: "Because your plan {event} on {date}.",
    Reason.SENT_TOPIC: "Because “{topic}” has been on since {date}, by {door}. You agreed to: “{words}”.",
    Reason.SENT_TWICE: "The provider didn't answer the first time. Order mail may then come twice.",
    Reason.HELD_QUIET: "Held until {time}, outside your quiet hours.",
    Reason.NOT_ALL: "You stopped all promotional mail on {time}, by {door}.",
    Reason.NOT_TOPIC: "“{topic}” has been off since {time}.",
    Reason.NOT_NEVER: "You never turned “{topic}” on.",
    Reason.NOT_UNCONFIRMED: "Sign-up wasn't confirmed.",
    Reason.NOT_PAUSED: "You paused promotional mail until {until}.",
    Reason.NOT_OFTEN: "You asked for at most {frequency}; the last left on {date}.",
    Reason.NOT_CAP: "You'd had as much promotional mail as we send at most; the last left on {date}.",
    Reason.NOT_GPC: "Your browser asks sites not to share data, so no partner offers.",
    Reason.NOT_BOUNCE: "Mail to this address came back on {date}: {detail}.",
    Reason.NOT_COMPLAINT: "A message was reported as spam on {date}, so all promotional mail stopped.",
    Reason.NOT_SUPPRESSED: "This address is on our never-mail list.",
    Reason.NOT_GONE: "This customer record was merged or deleted before its turn.",
    Reason.NOT_MOVED: "The address had changed before its turn.",
    Reason.NOT_SAME: "The same message had already left for this address.",
    Reason.NOT_DATA: "The message needed {field}, which we don't hold.",
    Reason.NOT_LATE: "Its time had passed before your turn.",
    Reason.NOT_HOLDOUT: "You were in a comparison group that got nothing.",
    Reason.NOT_CANCELLED: "The campaign was cancelled on {time}, before your turn.",
    Reason.NOT_REFUSED: "The mail provider refused it: {detail}.",
    Reason.UNKNOWN: (
        "The provider didn't say whether it took the message. "
        "Promotions are never sent again to make sure."
    ),
    Reason.UNKNOWN_RESTORED: (
        "Our records were restored from a backup, and no longer say whether it had left. "
        "Promotions are never sent again to make sure."
    ),
}

IN_SHORT: Mapping[Reason, str] = {
    Reason.NOT_ALL: "stopped all promotional mail",
    Reason.NOT_TOPIC: "turned this topic off",
    Reason.NOT_NEVER: "never turned this topic on",
    Reason.NOT_UNCONFIRMED: "did not confirm their sign-up",
    Reason.NOT_PAUSED: "paused promotional mail",
    Reason.NOT_OFTEN: "asked for less mail, and had some lately",
    Reason.NOT_CAP: "had as much mail as the company sends at most",
    Reason.NOT_GPC: "have a browser that asks not to share data",
    Reason.NOT_BOUNCE: "have an address from which mail came back",
    Reason.NOT_COMPLAINT: "reported a message as spam",
    Reason.NOT_SUPPRESSED: "have an address on the never-mail list",
    Reason.NOT_GONE: "were merged or deleted before their turn",
    Reason.NOT_MOVED: "changed their address before their turn",
    Reason.NOT_SAME: "had the same message already",
    Reason.NOT_DATA: "lack something that the message needed",
    Reason.NOT_LATE: "had their turn after the message's time had passed",
    Reason.NOT_HOLDOUT: "were in the comparison group that got nothing",
    Reason.NOT_CANCELLED: "had their turn after the campaign was cancelled",
    Reason.NOT_REFUSED: "were refused by the mail provider",
}
"""What people did who got no mail for a reason, as the end of `They …`; for the shop's staff."""

DOORS: Mapping[str, str] = {
    "one_click": "the unsubscribe button in your mail program",
    "unsubscribe_page": "the link in a message",
    "preference_page": "the preference page",
    "api": "our shop",
    "import": "a list that was brought in",
    "sign_up": "the sign-up form",
    "support": "customer care",
    "command_line": "customer care",
    "complaint": "a spam report",
    "bounce": "returned mail",
    "merge": "joining two records of yours",
    "address_change": "a change of address",
}


class _Gaps(dict[str, str]):
    """A fact that nobody holds reads as a plain word, never as a hole."""

    def __missing__(self, key: str) -> str:
        return {
            "detail": "no detail was given",
            "time": "an earlier day",
            "date": "an earlier day",
            "until": "a later day",
            "number": "",
            "topic": "this topic",
            "event": "changed",
            "door": "a link",
            "words": "the words on the form",
            "frequency": "what you chose",
        }.get(key, "something")


def sentence(reason: Reason, **facts: str) -> str:
    """Say a reason in words that customers and support read alike; gaps never show as holes."""
    return SENTENCES[reason].format_map(_Gaps(facts))
