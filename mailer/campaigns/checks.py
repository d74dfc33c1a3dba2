"""The checks before sending: one list for the API, the command line and every act that sends.

A stop keeps a campaign from being scheduled or started; a warning is shown, and noted in the
ledger at the start. docs/decisions/checks-before-sending.md says what became which, and why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from itertools import pairwise
from typing import TypeVar

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from mailer import people
from mailer.campaigns._rows import CampaignError, campaign_from, found, own_plan_from
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.alignment import sender_findings
from mailer.campaigns.audience import audience_select
from mailer.campaigns.choosing import people_needed
from mailer.campaigns.findings import Check, Checked, Finding, Weight
from mailer.campaigns.named_in_rule import of_references
from mailer.campaigns.revisions import has_outgrown, is_approved
from mailer.campaigns.same_letter import sent_before
from mailer.campaigns.splits import Cut, Split, SplitVariant
from mailer.campaigns.values import Campaign, CampaignId, NewCampaign
from mailer.delivery import WHOLE, Brake, Limits
from mailer.letters import (
    Brand,
    Compiled,
    ContentInvalid,
    Problem,
    PromotionalContent,
    advice_on,
    compile_promotional,
    read_without,
    rehearse,
)
from mailer.measure import FEWEST, in_words, published, published_of
from mailer.permission import NO_CAP, Cap
from mailer.vocabulary import Topic

DEFAULT_BRAKE = Brake()
SURPRISING = 100
"""People; a smaller audience surprises nobody by its size."""
SMALLEST_SHARE = 100 / WHOLE
"""Per cent; people are drawn by hundredths of one."""
STARTED = ("sending", "paused", "finished")


class ContentRefused(CampaignError):
    """The content cannot be sent; `problems` names each field, what is wrong and the fix."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        named = "; ".join(f"{each.field}: {each.text} {each.fix}" for each in problems)
        super().__init__(f"The content cannot be sent: {named}")


class CannotSend(CampaignError):
    """Checks stop this campaign; `findings` names each stop with its fix."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings
        named = "; ".join(f"{each.field}: {each.text} {each.fix}" for each in findings)
        super().__init__(f"The campaign cannot be sent: {named}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the installation asks of every campaign."""

    sender: str = "FocalPoint <news@focalpointsystem.com>"
    """The From of promotional mail."""
    approval_above: int = 1000
    """People; a larger audience needs the approval of somebody else. 0 asks for it always."""
    test_domains: tuple[str, ...] = ()
    """Domains whose addresses may get tests; none for the sender's organisation."""
    cap: Cap = NO_CAP
    """What a mailbox gets at most over all campaigns."""
    brake: Brake = DEFAULT_BRAKE
    """When the figures of a campaign stop it."""


DEFAULT_RULES = Rules()


def check(
    session: Session, campaign_id: CampaignId, *, brand: Brand, rules: Rules, now: datetime
) -> Checked:
    """Look a campaign over as `schedule` and `start` do; nothing is changed.

    Raises CampaignNotFound.
    """
    return look_over(session, found(session, campaign_id), brand=brand, rules=rules, now=now)


def look_over(
    session: Session, row: CampaignRow, *, brand: Brand, rules: Rules, now: datetime
) -> Checked:
    """Return every finding about a campaign; its audience is counted as it is now."""
    letter = look_at_letter(row, brand=brand, rules=rules, now=now)
    audience = audience_select(letter.campaign.audience, now=now, said=letter.said)
    counted = people.headcount(session, audience, letter.instead)
    return look_at_rest(session, row, letter, counted, rules=rules, now=now)


@dataclass(frozen=True, slots=True)
class LetterLookedAt:
    """What the checks say of a campaign's letter, before anybody is counted."""

    campaign: Campaign
    findings: Sequence[Finding]
    instead: Mapping[str, str]
    """What is read for each merge field where it is missing."""

    @property
    def said(self) -> list[ColumnElement[bool]]:
        """The columns that say of each of the audience what is missing."""
        return people.said(self.instead)

    @property
    def stops(self) -> bool:
        """Whether anything about it keeps the campaign from being started."""
        return any(each.weight is Weight.STOP for each in self.findings)


def look_at_letter(
    row: CampaignRow, *, brand: Brand, rules: Rules, now: datetime
) -> LetterLookedAt:
    """Look over what a campaign says, and by whom; the database is not asked."""
    campaign = campaign_from(row)
    of_sender = list(sender_findings(rules.sender, brand.public_url))
    writes = not any(each.weight is Weight.STOP for each in of_sender)
    findings = _of_letters(campaign, brand, rules.sender if writes else "", now)
    is_readable = not any(each.check is Check.CONTENT for each in findings)
    findings += of_sender
    return LetterLookedAt(campaign, findings, _instead(campaign) if is_readable else {})


def look_at_rest(
    session: Session,
    row: CampaignRow,
    letter: LetterLookedAt,
    counted: people.Headcount,
    *,
    rules: Rules,
    now: datetime,
) -> Checked:
    """Look over whom it goes to, as counted, and the rest; return all findings, the letter's first."""
    campaign, findings = letter.campaign, [*letter.findings]
    findings += _of_merge_fields(letter.instead, counted)
    findings += _of_size(session, campaign, counted.people)
    findings += _of_split(campaign.split, counted.people)
    findings += of_references(session, campaign.audience.rule)
    findings += _of_repeat(session, row)
    findings += _of_plan(row, now)
    findings += _of_pace(campaign.pace)
    findings += _of_approval(row, counted.people, rules)
    return Checked(findings, counted.people, now)


def refuse_unfit(new: NewCampaign, brand: Brand) -> None:
    """Refuse to save what could never be sent. Raises ContentRefused.

    A missing postal address only stops what would leave: a draft may wait for it.
    """
    problems = [each for each in _faults(new.content, new.topic, brand)[0] if not _is_postal(each)]
    for variant in _variants(new.split):
        theirs = _faults(variant.letter(new.content), new.topic, brand)[0]
        more = [each for each in theirs if not _is_postal(each) and each not in problems]
        problems += [_named(each, variant) for each in more]
    if new.digest is not None and new.split is not None:
        text = "A digest has a letter for each set of what was held back, and cannot try others."
        problems.append(Problem("digest", text, "Leave out `split`, or `digest`."))
    if new.split is not None and 0 < new.split.holdout_percent < SMALLEST_SHARE:
        text = "A hold-out of less than 0.01 % holds out nobody."
        problems.append(Problem("split.holdout_percent", text, "Send 0, or 0.01 or more."))
    if problems:
        raise ContentRefused(problems)


def faults_of(content: PromotionalContent, topic: Topic, brand: Brand) -> list[Problem]:
    """Say everything for which a letter could not be written; nothing if it could."""
    return _faults(content, topic, brand)[0]


def _variants(split: Split | None) -> Sequence[SplitVariant]:
    return split.variants if split is not None else ()


def _of_letters(campaign: Campaign, brand: Brand, sender: str, now: datetime) -> list[Finding]:
    """Look over the campaign's letter, and each variant's for what is not in all of them."""
    findings = _of_one(campaign.content, campaign.topic, brand, sender, now)
    for each in _variants(campaign.split):
        letter = each.letter(campaign.content)
        address = parseaddr(sender)[1]
        theirs = f"{each.sender_name} <{address}>" if each.sender_name and sender else sender
        more = _of_one(letter, campaign.topic, brand, theirs, now)
        findings += [_named(one, each) for one in more if one not in findings]
    return findings


ProblemOrFinding = TypeVar("ProblemOrFinding", Problem, Finding)


def _named(one: ProblemOrFinding, variant: SplitVariant) -> ProblemOrFinding:
    """Name the variant in whose letter it was found."""
    return replace(one, field=f"variant “{variant.name}”, {one.field}")


def _of_one(
    content: PromotionalContent, topic: Topic, brand: Brand, sender: str, now: datetime
) -> list[Finding]:
    findings, compiled = _of_letter(content, topic, brand)
    if compiled is not None and sender:
        lacking = rehearse(compiled, topic=topic, brand=brand, sender=sender, now=now)
        findings += [Finding.of(each, Check.MESSAGE, Weight.STOP) for each in lacking]
    return findings


def _of_letter(
    content: PromotionalContent, topic: Topic, brand: Brand
) -> tuple[list[Finding], Compiled | None]:
    problems, compiled = _faults(content, topic, brand)
    findings = [
        Finding.of(each, Check.POSTAL_ADDRESS if _is_postal(each) else Check.CONTENT, Weight.STOP)
        for each in problems
    ]
    if all(map(_is_postal, problems)):
        findings += [Finding.of(each, Check.READING, Weight.WARNING) for each in advice_on(content)]
    return findings, compiled


def _faults(
    content: PromotionalContent, topic: Topic, brand: Brand
) -> tuple[list[Problem], Compiled | None]:
    """Say what is wrong with a letter as such, and compile it where nothing is."""
    try:
        return [], compile_promotional(content, topic=topic, brand=brand)
    except ContentInvalid as error:
        return error.problems, None


def _is_postal(problem: Problem) -> bool:
    return problem.field == "postal_address"


def _instead(campaign: Campaign) -> dict[str, str]:
    """Return what is read for each merge field, of whatever variant, where it is missing."""
    instead = dict(read_without(campaign.content))
    for each in _variants(campaign.split):
        instead |= read_without(each.letter(campaign.content))
    return instead


def _of_split(split: Split | None, size: int) -> Iterator[Finding]:
    """Say when there will be too few to tell a difference that many hope for."""
    if split is None or not split.variants:
        return
    cuts = [Cut(until=0, variant=0), *split.cuts()]
    tried = [
        each.until - before.until
        for before, each in pairwise(cuts)
        if each.variant and not each.waits
    ]
    smallest = size * min(tried) // WHOLE
    needed = people_needed(0.02, 0.02)
    if smallest < needed:
        about = _shown(smallest) if smallest < FEWEST else f"about {smallest:,}"
        text = (
            f"The smallest variant goes to {about} people; to tell 4 % from 2 % takes some"
            f" {needed:,} each."
        )
        fix = "Take a larger sample or fewer variants, or expect “too few to tell”."
        yield Finding(Weight.WARNING, Check.SPLIT, "split", text, fix)


def _shown(size: int) -> str:
    """Write a number of people as anybody may read it who may write any rule (C15)."""
    return in_words(published(size))


def _of_merge_fields(instead: Mapping[str, str], counted: people.Headcount) -> Iterator[Finding]:
    """Tell what is missing for how many; of fewer than ten in all, not even that it is (C15)."""
    if counted.people < FEWEST:
        return
    for field, missing in counted.missing.items():
        they = f"they read “{instead[field]}”" if instead[field] else "they read nothing there"
        some = in_words(published_of(missing, counted.people))
        text = f"{field} is missing for {some} of {counted.people:,}; {they}."
        fix = f"See that the sentence still reads well, or put it into {{% if {field} %}}."
        yield Finding(Weight.WARNING, Check.MERGE_FIELDS, field, text, fix, "C03")


def _of_size(session: Session, campaign: Campaign, size: int) -> Iterator[Finding]:
    if size < FEWEST:  # nobody, too: it would tell of whoever the rule was written for (C15)
        text = "Fewer than 10 people, or nobody, belong to the audience now."
        yield _of_audience(text, "Loosen a rule, or see whether the customers were imported.")
    elif size >= SURPRISING:
        yield from _of_surprise(session, campaign, size)


def _of_surprise(session: Session, campaign: Campaign, size: int) -> Iterator[Finding]:
    """Compare with the largest campaign so far, and the first one with all customers."""
    largest = session.execute(
        select(func.max(CampaignRow.audience_size)).where(
            CampaignRow.id != campaign.campaign_id, col(CampaignRow.started_at).is_not(None)
        )
    ).scalar_one()
    fix = "See that no rule was forgotten."
    if largest is not None and size > 2 * largest:
        text = f"It goes to {size:,} people; the largest campaign so far went to {largest:,}."
        yield _of_audience(text, fix)
    elif largest is None:
        everybody = people.audience_of(people.AudienceFilter())
        customers = people.headcount(session, everybody).people
        if size * 2 > customers:
            text = f"The first campaign goes to {size:,} of {customers:,} customers."
            yield _of_audience(text, f"{fix} A smaller one shows first how mail is received.")


def _of_audience(text: str, fix: str) -> Finding:
    return Finding(Weight.WARNING, Check.AUDIENCE, "audience", text, fix)


def _of_repeat(session: Session, row: CampaignRow) -> Iterator[Finding]:
    """Look for a letter of it, of whatever variant, in a campaign that sent it before."""
    same = sent_before(session, row)
    if same is None or same.started_at is None:
        return
    whom = "the same audience" if same.audience == row.audience else "another audience"
    text = (
        f"Campaign {same.id} sent the same letter to {whom} on {same.started_at:%Y-%m-%d}; "
        "who belongs to both gets it twice."
    )
    yield Finding(
        Weight.WARNING, Check.REPEAT, "content", text, "Change the letter, or leave them out."
    )


def _of_plan(row: CampaignRow, now: datetime) -> Iterator[Finding]:
    """Look whether anybody can still be reached in time; once it has begun, its books say so."""
    plan = own_plan_from(row) if row.started_at is None else None
    if plan is None or plan.deadline is None or plan.deadline > now:
        return
    text = (
        f"Its deadline, {plan.deadline:%Y-%m-%d %H:%M} UTC, is past; all would be refused as late."
    )
    fix = "Schedule it with a later `use_by`, or with none."
    yield Finding(Weight.STOP, Check.PLAN, "plan.use_by", text, fix)


def _of_pace(pace: Limits | None) -> Iterator[Finding]:
    """Say when a later day of the warm-up may send less than the one before it."""
    if pace is not None and pace.fall is not None:
        high, low = pace.fall
        text = f"The warm-up falls from {high:,} to {low:,}; most rise from day to day."
        fix = "See that its days stand in the order that was meant."
        yield Finding(Weight.WARNING, Check.PACE, "pace.warm_up", text, fix)


def _of_approval(row: CampaignRow, size: int, rules: Rules) -> Iterator[Finding]:
    if rules.approval_above and size <= rules.approval_above:
        return
    fix = "Somebody who neither wrote, edited nor planned it approves it as it stands now."
    if row.approved_by is None:
        text = f"It goes to {_shown(size)} people and nobody else has approved it."
    elif not is_approved(row):
        text = f"It goes to {_shown(size)} people and was changed after its approval."
        fix = f"{fix} For another moment, or now, take it back to the drafts first."
    elif has_outgrown(row, size):
        before = _shown(row.approved_size or 0)
        text = f"It goes to {_shown(size)} people; {before} were there at its approval."
    else:
        return
    yield Finding(Weight.STOP, Check.APPROVAL, "approval", text, fix)
