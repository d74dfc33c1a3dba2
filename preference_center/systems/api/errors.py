"""What the rooms refuse, in the words of the API: one table from their errors to problems."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, get_args

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from mailer import access, campaigns, delivery, intake, letters, orders, people, permission
from mailer.campaigns import audience
from preference_center.problems import Problem
from preference_center.systems.api.faults import SEE, faults_of, unreadable
from preference_center.systems.api.forms import LARGEST_BODY
from preference_center.systems.api.order_shapes import AccountEventKind, Elsewhere


class NotFound(Exception):
    """Nothing has this id; `what` says nothing of which."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def field_problem(errors: list[dict[str, str]]) -> Problem:
    """Make the problem of a body whose fields are wrong; each error names field, problem, fix."""
    told = [_field(each["field"], each["problem"], each.get("fix", "")) for each in errors]
    return Problem(
        422, "fields-invalid", "Some fields are missing or wrong", "See errors.", errors=told
    )


def _field(field: str, problem: str, fix: str = "") -> dict[str, str]:
    return {"field": field, "problem": problem, "fix": fix or FIXES.get(field, SEE)}


FIXES = {
    "email": "send one address in plain ASCII, like jo@example.com",
    "external_id": "send your own id of the customer, up to 64 signs in one line",
    "source": "send one of the sources that docs/api.md lists, or leave it out for shop",
    "proof": "say where the permission can be found, like: signed sheet 12, trade fair 2026",
    "country": "send the two letters of ISO 3166, like US or DE",
    "language": "send a BCP 47 tag, like en or pt-BR",
    "timezone": "send a name like America/New_York",
    "birth_year": "send the year of birth of an adult customer, or leave it out",
    "attributes": "send one line of text or null for each, named by small letters, digits and _, 50 at most",
    "tags": "send single words, fewer or shorter ones",
    "number": "send 1 to 32 letters, digits, dots, dashes or underscores, 13 digits at most",
    "event_id": "send 1 to 64 letters, digits, dots, dashes or underscores",
    "reason": "say it in one line, naming people by their number",
    "at": "send a moment that is still to come, like 2026-12-02T14:00:00Z",
    "customer": "send one of the three as a query parameter",
    "use_by": "send a later one, a smaller `wait_minutes`, or no sample",
    "variant": "send the name of one of its variants",
    "zone": "send a name of the time zone database, like Europe/Berlin or UTC",
    "seen_version": "GET the consents, show them, and send their `version`",
}
"""What mends a field that a room refuses; the room itself says what is wrong."""


def misplaced() -> Problem:
    """Make the problem of an event that was told at the other of the two addresses for events."""
    return Problem(
        422,
        "event-misplaced",
        "This event is told at another address",
        "Nothing was stored.",
        errors=[_field("event", "does not belong here", ELSEWHERE)],
    )


ELSEWHERE = (
    f"send {', '.join(get_args(AccountEventKind))} of a customer's plan to"
    " POST /api/v1/customers/{customer}/events, what happens to an order to"
    " POST /api/v1/orders/{number}/events"
)


def _card(error: people.CardNumberFound) -> Problem:
    return Problem(
        422,
        "card-number",
        "Card numbers are never accepted",
        "Send brand, last four digits, expiry and your processor's token. Nothing was stored.",
        errors=[_field(error.field, "holds what looks like a card number", "leave it out")],
    )


def _letter(error: letters.FieldsInvalid) -> Problem:
    return field_problem(
        [_field(f"fields.{each.field}", each.problem, each.fix) for each in error.problems]
    )


def _content(error: campaigns.ContentRefused) -> Problem:
    return Problem(
        422,
        "content-refused",
        "This content cannot be sent",
        "See errors.",
        errors=[_field(f"content.{each.field}", each.text, each.fix) for each in error.problems],
    )


def _cannot_send(error: campaigns.CannotSend) -> Problem:
    told = [
        {"check": each.check.value, **_field(each.field, each.text, each.fix)}
        for each in error.findings
    ]
    return Problem(409, "cannot-send", "Checks stop this campaign", "See errors.", errors=told)


def _cannot(error: campaigns.CannotDo) -> Problem:
    return Problem(
        409,
        "cannot-do",
        "The campaign's state does not allow this",
        str(error),
        state=error.state.value,
        possible=[act.value for act in error.possible],
    )


def _scope(error: access.ScopeMissing) -> Problem:
    return Problem(
        403, "scope-missing", "This key may not do that", str(error), scope=error.scope.value
    )


Told = Callable[[Any], Problem]
TABLE: Mapping[type[Exception], Told] = {
    NotFound: lambda error: Problem(404, "not-found", f"There is no such {error.what}"),
    people.CardNumberFound: _card,
    people.PersonGone: lambda _: Problem(404, "not-found", "There is no such customer"),
    people.FieldInvalid: lambda error: field_problem([_field(error.field, error.reason)]),
    people.AddressInvalid: lambda error: field_problem([_field("email", str(error))]),
    intake.SourceRefused: lambda error: field_problem([_field(error.field, error.reason)]),
    letters.FieldsInvalid: _letter,
    orders.OrderNumberInvalid: lambda error: field_problem([_field("number", str(error))]),
    orders.EventIdInvalid: lambda error: field_problem([_field("event_id", str(error))]),
    orders.OrderUnknown: lambda _: Problem(404, "not-found", "There is no such order"),
    orders.OrderOfAnother: lambda _: Problem(
        409, "order-of-another", "Another customer has an order with this number"
    ),
    orders.CustomerGone: lambda _: Problem(410, "customer-gone", "This customer was erased"),
    orders.EventMisplaced: lambda _: misplaced(),
    campaigns.CampaignNotFound: lambda _: Problem(404, "not-found", "There is no such campaign"),
    audience.AudienceNotFound: lambda _: Problem(
        404, "not-found", "There is no such saved audience"
    ),
    audience.ListNotFound: lambda _: Problem(404, "not-found", "There is no such list"),
    audience.NameTaken: lambda error: Problem(409, "name-taken", "This name is taken", str(error)),
    audience.ListInUse: lambda error: Problem(
        409, "list-in-use", "A rule speaks of this list", str(error)
    ),
    audience.ReferenceUnknown: lambda error: field_problem(
        [_field(error.field, error.problem, f"send the id of a {error.what} that there is")]
    ),
    campaigns.ContentRefused: _content,
    campaigns.CannotSend: _cannot_send,
    campaigns.CannotDelete: lambda error: Problem(
        409, "cannot-delete", "This campaign cannot be deleted", str(error)
    ),
    campaigns.OwnApproval: lambda error: Problem(
        409, "own-approval", "This needs the approval of somebody else", str(error)
    ),
    campaigns.RevisionStale: lambda error: Problem(
        409, "revision-stale", "This is not the campaign that was looked at", str(error)
    ),
    campaigns.TestRefused: lambda error: Problem(
        409, "test-refused", "This test cannot be sent", str(error)
    ),
    campaigns.ReasonNeeded: lambda error: Problem(
        409, "reason-needed", "Resuming this campaign needs a reason", str(error)
    ),
    campaigns.Halted: lambda error: Problem(
        409, "promotional-refused", "Promotional mail is refused", str(error)
    ),
    campaigns.ReasonUnfit: lambda error: field_problem([_field("reason", str(error))]),
    campaigns.ChoiceTooLate: lambda error: field_problem([_field("use_by", str(error))]),
    campaigns.VariantUnknown: lambda error: field_problem([_field("variant", str(error))]),
    campaigns.NothingToChoose: lambda error: Problem(
        409, "nothing-to-choose", "Nobody waits for a choice", str(error)
    ),
    campaigns.MomentPassed: lambda error: field_problem([_field("at", str(error))]),
    campaigns.NotScheduled: lambda error: Problem(
        409, "not-scheduled", "The campaign has no schedule", str(error)
    ),
    campaigns.NoDigest: lambda error: Problem(
        409, "no-digest", "The campaign is no digest", str(error)
    ),
    campaigns.ZoneUnknown: lambda error: field_problem([_field("zone", str(error))]),
    campaigns.CannotDo: _cannot,
    permission.NotAdmitted: lambda _: Problem(404, "not-found", "There is no such customer"),
    permission.SuppressionNotFound: lambda _: Problem(
        404, "not-found", "There is no such suppression"
    ),
    permission.OptOutIsTheirs: lambda error: Problem(
        409, "opt-out-is-theirs", "Only the customer's own yes ends this", type(error).__doc__ or ""
    ),
    delivery.MailingNotFound: lambda _: Problem(404, "not-found", "There is no such message"),
    access.IdempotencyConflict: lambda error: Problem(
        409, "idempotency-conflict", "This Idempotency-Key was used otherwise", str(error)
    ),
    access.IdempotencyBusy: lambda error: Problem(
        409,
        "idempotency-busy",
        "The same call is under way",
        str(error),
        headers={"Retry-After": "5"},
    ),
    access.IdempotencyKeyInvalid: lambda error: Problem(
        400, "idempotency-key-invalid", "This Idempotency-Key cannot be used", str(error)
    ),
    access.ScopeMissing: _scope,
}


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that an expected error is told as; None for what nobody expected."""
    if isinstance(error, RequestValidationError):
        return _body(error)
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind](error)
    return None


def _body(error: RequestValidationError) -> Problem:
    faults = error.errors()
    broken = [fault for fault in faults if fault["type"] == "json_invalid"]
    if broken:
        told = unreadable(broken[0])
        return Problem(
            400, "not-json", "The body is not JSON", "Send one JSON object in UTF-8.", errors=[told]
        )
    if any(map(_is_elsewhere, faults)):
        return misplaced()
    return field_problem(faults_of(faults))


def _is_elsewhere(fault: Mapping[str, Any]) -> bool:
    """Whether an event was told that there is, but not at this address."""
    return isinstance((fault.get("ctx") or {}).get("error"), Elsewhere)


async def _with_body(request: Request) -> Request:
    """Read the body up to the limit; what comes after is left unread. Raises Problem."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LARGEST_BODY:
            raise Problem(
                413, "too-large", "The body is too large", f"Send at most {LARGEST_BODY} bytes."
            )
    whole = Request(request.scope)
    whole._body = bytes(read)  # where Starlette itself keeps what was read
    return whole


class ApiRoute(APIRoute):
    """A route with a limit on its body, whose expected errors are answered as problems."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler with the table."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(await _with_body(request))
            except Exception as error:
                problem = problem_of(error)
                if problem is None:
                    raise
                raise problem from error

        return answer
