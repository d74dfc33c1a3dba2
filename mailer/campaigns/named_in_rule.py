"""What the checks say of the lists and campaigns that the rule of an audience names."""

from collections.abc import Iterator

from sqlmodel import Session

from mailer.campaigns.audience import ReferenceUnknown, Rule, check_references, never_started
from mailer.campaigns.findings import Check, Finding, Weight


def of_references(session: Session, rule: Rule) -> Iterator[Finding]:
    """Look for what is gone, and for campaigns that never left, of which nobody can have mail."""
    try:
        check_references(session, rule)
    except ReferenceUnknown:
        # A list that is not there would keep nobody out.
        text = "The rule names a list or a campaign that there is not any more."
        fix = "Take it out of the rule, or put the list together again."
        yield Finding(Weight.STOP, Check.AUDIENCE, "audience", text, fix)
    for number in never_started(session, rule):
        text = (
            f"The rule asks who clicked or opened mail of campaign {number}, which has not"
            " started: nobody did, so it lets nobody in, and under `not` nobody out."
        )
        fix = "Name a campaign that has started, wait until it has, or take it out of the rule."
        yield Finding(Weight.WARNING, Check.AUDIENCE, "audience", text, fix)
