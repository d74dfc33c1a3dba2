"""What our own errors are called at the door: one table, for pages and for the API alike."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse

from mailer.database import CommitInDoubt, DatabaseAway
from mailer.journal import JournalUnwritable
from mailer.links import LinkForged
from preference_center.customers.wishes import NotSurelySaved
from preference_center.pages import Pages
from preference_center.problems import Problem

log = structlog.get_logger("fpmail.web")

TRY_AGAIN = {"Retry-After": "30"}
UNREADABLE = Problem(
    404,
    "link-unreadable",
    "We can’t read this link",
    "It may have been cut in two. Open it from the message again, or get a fresh one from us. "
    "Nothing has changed.",
)
NOT_SAVED = Problem(
    500,
    "not-saved",
    "We couldn’t save this",
    "Nothing has changed. Try again, or call {care_phone}.",
    headers=TRY_AGAIN,
)
NOT_SURELY_SAVED = Problem(
    500,
    "not-surely-saved",
    "We couldn’t make sure that this is saved",
    "Try again, or call {care_phone}. Asking twice does no harm.",
    headers=TRY_AGAIN,
)
AWAY = Problem(
    503,
    "records-away",
    "We can’t reach our records right now",
    "Nothing has changed. Try again in a minute.",
    headers=TRY_AGAIN,
)
AWAY_MEANWHILE = Problem(
    503,
    "records-away",
    "We can’t reach our records right now",
    "It isn’t certain that anything was saved. Try again in a minute, under the same Idempotency-Key.",
    headers=TRY_AGAIN,
)
OURS = Problem(
    500,
    "our-fault",
    "Something went wrong on our side",
    "It isn’t certain that anything was saved. Try again, or call {care_phone}.",
)
HTTP: Mapping[int, tuple[str, str, str]] = {
    404: ("not-found", "There is no such page", "Check the address, or open the link again."),
    405: ("method-not-allowed", "That can’t be done here", ""),
    410: ("gone", "This link has run out or was used", "Nothing has changed."),
    413: ("too-large", "That is too much at once", "Nothing has changed."),
    503: ("away", "We can’t answer right now", "Nothing has changed. Try again in a minute."),
}


def _when_away(request: Request) -> Problem:
    """Looking can wait; a wish that found no records was not begun.

    A call may have been: its work is committed before its answer is read, or waited for.
    """
    if request.method in ("GET", "HEAD"):
        return AWAY
    return AWAY_MEANWHILE if _is_api(request) else NOT_SAVED


def _when_unstorable(request: Request) -> Problem:
    """Text that no database holds, such as a NUL: nothing has such a name, no field such a value."""
    if request.method in ("GET", "HEAD"):
        slug, title, detail = HTTP[404]
        return Problem(404, slug, title, detail)
    return Problem(422, "fields-invalid", "That can’t be understood")


TABLE: Mapping[type[Exception], Callable[[Request], Problem]] = {
    LinkForged: lambda _: UNREADABLE,
    DatabaseAway: _when_away,
    NotSurelySaved: lambda _: NOT_SURELY_SAVED,
    CommitInDoubt: lambda _: NOT_SURELY_SAVED,
    JournalUnwritable: lambda _: NOT_SURELY_SAVED,
    DataError: _when_unstorable,
    RequestValidationError: lambda _: Problem(422, "fields-invalid", "That can’t be understood"),
}


def problem_of(request: Request, error: BaseException) -> Problem:
    """Return what an error is called; one that nobody expected is our fault, and is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _http_problem(error)
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind](request)
    _log_unexpected(request, error)
    return OURS


async def answer_problem(request: Request, error: BaseException) -> Response:
    """Answer an error: problem+json under /api, words for a mailbox, a page for people."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)
    problem = problem_of(request, error)
    request_id = getattr(request.state, "request_id", "")
    if _is_api(request):
        return JSONResponse(
            problem.as_json(request_id=request_id) | _filled(request, problem),
            status_code=problem.status,
            headers=problem.headers,
            media_type="application/problem+json",
        )
    if "text/html" not in request.headers.get("accept", "*/*").replace("*/*", "text/html"):
        return PlainTextResponse(
            f"{problem.title}\n", status_code=problem.status, headers=problem.headers
        )
    return _page(request, problem, request_id)


def _page(request: Request, problem: Problem, request_id: str) -> Response:
    pages: Pages = request.app.state.door.pages
    detail = _filled(request, problem).get("detail", "")
    view = {
        "title": problem.title,
        "lines": [detail] if detail else [],
        "request_id": request_id if problem.status >= 500 else "",
    }
    return pages.answer(
        "problem.html",
        view,
        status=problem.status,
        headers={"Cache-Control": "no-store"} | problem.headers,
    )


def _filled(request: Request, problem: Problem) -> dict[str, str]:
    if "{care_phone}" not in problem.detail:
        return {"detail": problem.detail} if problem.detail else {}
    phone = request.app.state.door.pages.company.care_phone
    return {"detail": problem.detail.replace("{care_phone}", phone)}


def _http_problem(error: HTTPException) -> Problem:
    slug, title, detail = HTTP.get(
        error.status_code, (f"http-{error.status_code}", "That didn’t work", "")
    )
    return Problem(error.status_code, slug, title, detail, headers=error.headers)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _log_unexpected(request: Request, error: BaseException) -> None:
    """Log where it happened, frame by frame, and never the message: it may quote an address."""
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "unexpected",
        error=type(error).__name__,
        at=[f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames[-8:]],
        request_id=getattr(request.state, "request_id", ""),
    )
