"""Whom a campaign would leave out or has left out, from the command line: each reason in words."""

from collections.abc import Mapping

from mailer.cli.output import table
from mailer.vocabulary import Reason


def say_refused(refused: Mapping[str, object]) -> None:
    """Print the refused by reason, if there are any: its code, how many, and what they are."""
    from mailer.permission import IN_SHORT

    rows = [(code, people, IN_SHORT[Reason(code)]) for code, people in sorted(refused.items())]
    if rows:
        table("Refused", ["Reason", "People", "They"], rows)
