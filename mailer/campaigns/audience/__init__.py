"""For whom a campaign is: rules, the SELECT that they make, the sentence that says them, counts."""

from mailer.campaigns.audience.counting import Count, Terms, count_now, count_step, last_person
from mailer.campaigns.audience.doubts import doubts_about, never_started
from mailer.campaigns.audience.lists import (
    ListId,
    ListInUse,
    ListNotFound,
    PeopleList,
    create_list,
    forget_list,
    list_of,
    lists_page,
    put_on_list,
    take_off_list,
)
from mailer.campaigns.audience.publishing import PublishedCount, published_count
from mailer.campaigns.audience.rules import (
    Audience,
    BoundedRule,
    ChosenAudience,
    Rule,
    field_path,
)
from mailer.campaigns.audience.saved import (
    AudienceId,
    AudienceNotFound,
    NameTaken,
    ReferenceUnknown,
    SavedAudience,
    change,
    check_references,
    forget,
    names_in,
    save,
    saved_of,
    saved_page,
    settled,
)
from mailer.campaigns.audience.select import Numbers, audience_select
from mailer.campaigns.audience.sentences import sentence

__all__ = [
    "Audience",
    "AudienceId",
    "AudienceNotFound",
    "BoundedRule",
    "ChosenAudience",
    "Count",
    "ListId",
    "ListInUse",
    "ListNotFound",
    "NameTaken",
    "Numbers",
    "PeopleList",
    "PublishedCount",
    "ReferenceUnknown",
    "Rule",
    "SavedAudience",
    "Terms",
    "audience_select",
    "change",
    "check_references",
    "count_now",
    "count_step",
    "create_list",
    "doubts_about",
    "field_path",
    "forget",
    "forget_list",
    "last_person",
    "list_of",
    "lists_page",
    "names_in",
    "never_started",
    "published_count",
    "put_on_list",
    "save",
    "saved_of",
    "saved_page",
    "sentence",
    "settled",
    "take_off_list",
]
