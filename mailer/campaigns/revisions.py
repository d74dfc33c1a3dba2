"""What an approval is given for, who may give it, and when it holds no longer: one rule each."""

from hashlib import sha256

import orjson

from mailer.campaigns._tables import CampaignRow

GROWTH = 10
"""Per cent by which an audience may have grown since its approval."""


def revision_of(row: CampaignRow) -> str:
    """Return a digest of what a campaign says, to whom and when.

    It changes with the letter, the topic, the rule, the plan, the split test, what a digest
    collects, the limits of its brake, and the members of a list that the rule names. Customers
    come and go without another revision: `has_outgrown` looks at those.
    """
    said = [row.topic, row.content, row.audience, row.list_changes, row.plan]
    said += [row.split] if row.split is not None else []
    said += [{"digest": row.digest}] if row.digest is not None else []
    said += [{"brake": row.brake}] if row.brake is not None else []
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def may_approve(row: CampaignRow, by: str) -> bool:
    """Say whether somebody may approve a campaign: not who made it or had a hand in it."""
    # A name that is typed is the same person in other capitals.
    return by.casefold() not in {each.casefold() for each in (row.created_by, *row.authors)}


def has_hand_in(row: CampaignRow, by: str) -> None:
    """Note who has a say in a revision: what they wrote, planned or chose they do not approve."""
    row.authors = [*dict.fromkeys([*row.authors, by])]


def is_approved(row: CampaignRow) -> bool:
    """Say whether a campaign is approved as it stands now."""
    return row.approved_by is not None and row.approved_revision == revision_of(row)


def has_outgrown(row: CampaignRow, size: int) -> bool:
    """Say whether an audience of this size is more than was approved, by more than GROWTH."""
    return size * 100 > (row.approved_size or 0) * (100 + GROWTH)
