"""The warning of a letter that left before: by what people read, and only where it left."""

import pytest

from mailer import campaigns
from mailer.campaigns import CampaignId, Check, NewCampaign, Split
from mailer.letters import PromotionalContent
from tests.campaigns.conftest import BY, Desk, new_campaign
from tests.campaigns.split import SUBJECTS, a_split

OURS = PromotionalContent.sample()


def draft(desk: Desk, *, split: Split | None = None, **changed: str) -> CampaignId:
    plain = new_campaign()
    letter = OURS.model_copy(update=changed)
    new = NewCampaign(plain.name, plain.topic, letter, plain.audience, split=split)
    with desk.database.transaction() as session:
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    return made.campaign_id


def sent(desk: Desk, *, split: Split | None = None, **changed: str) -> CampaignId:
    """Send a campaign to one customer, and let it finish."""
    desk.customer("Jo Example", city="Trenton")
    campaign_id = draft(desk, split=split, **changed)
    desk.do("start", campaign_id)
    desk.send_all()
    desk.tick()
    return campaign_id


def told_of(desk: Desk, campaign_id: CampaignId) -> list[str]:
    """Say which campaigns the warnings name."""
    findings = desk.check(campaign_id).warnings
    return [each.text.split()[1] for each in findings if each.check is Check.REPEAT]


def test_a_letter_that_left_is_known_as_a_variant(desk: Desk) -> None:
    first = sent(desk, subject=SUBJECTS["Question"])
    assert told_of(desk, draft(desk, split=a_split())) == [str(first)]


def test_a_variant_that_left_is_known_as_a_letter_and_as_a_variant(desk: Desk) -> None:
    first = sent(desk, split=a_split())
    again = draft(desk, subject=SUBJECTS["Question"])
    assert told_of(desk, again) == [str(first)]
    others = [
        {"name": "New", "content": {"subject": "Something else"}},
        {"name": "Old", "content": {"subject": SUBJECTS["Plain"]}},
    ]
    one_of_two = draft(desk, split=Split.model_validate({"variants": others}))
    assert told_of(desk, one_of_two) == [str(first)]


def test_what_only_the_variants_replace_has_left_to_nobody(desk: Desk) -> None:
    sent(desk, split=a_split())
    assert told_of(desk, draft(desk)) == []
    assert told_of(desk, draft(desk, subject="Winter release")) == []


def test_a_hold_out_alone_leaves_the_letter_as_it_is(desk: Desk) -> None:
    first = sent(desk)
    held_out = Split.model_validate({"holdout_percent": 10})
    assert told_of(desk, draft(desk, split=held_out)) == [str(first)]


@pytest.mark.parametrize(
    ("preheader", "body_markdown"),
    [
        (f"{OURS.preheader} ", OURS.body_markdown),
        (OURS.preheader, OURS.body_markdown.replace("\n\n", " \n\t\n") + "\n"),
        (OURS.preheader, OURS.body_markdown.replace("\n", "\r\n")),
    ],
)
def test_blanks_at_the_ends_of_lines_make_no_other_letter(
    desk: Desk, preheader: str, body_markdown: str
) -> None:
    first = sent(desk)
    again = draft(desk, preheader=preheader, body_markdown=body_markdown)
    assert told_of(desk, again) == [str(first)]


def test_a_field_that_is_left_empty_makes_another_letter(desk: Desk) -> None:
    sent(desk)
    assert told_of(desk, draft(desk, preheader="")) == []


def test_a_campaign_that_was_cancelled_before_anything_left_has_sent_nothing(desk: Desk) -> None:
    desk.customer("Jo Example", city="Trenton")
    first, second = draft(desk), draft(desk)
    desk.do("start", first)
    assert told_of(desk, second) == [str(first)]  # it will leave
    desk.do("cancel", first)
    assert told_of(desk, second) == []


def test_an_older_campaign_that_sent_it_is_found_behind_one_that_did_not(desk: Desk) -> None:
    first = sent(desk)
    desk.later(days=1)
    stopped = draft(desk)
    desk.do("start", stopped)
    desk.do("cancel", stopped)
    assert told_of(desk, draft(desk)) == [str(first)]


def test_a_campaign_that_was_cancelled_after_some_left_has_sent_it(desk: Desk) -> None:
    desk.customer("Jo Example", city="Trenton")
    first = draft(desk)
    desk.do("start", first)
    desk.send_all()
    desk.do("cancel", first)
    assert told_of(desk, draft(desk)) == [str(first)]
