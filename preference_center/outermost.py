"""What is said from outside of the application: to bytes that are no request, and where nobody caught.

uvicorn has answers of its own for both, which carry none of our headers and are in no log.
"""

import secrets
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from preference_center.headers import ALWAYS, HSTS
from preference_center.problems import Problem
from preference_center.troubles import problem_of

log = structlog.get_logger("fpmail.web")

NO_REQUEST = Problem(
    400,
    "request-unreadable",
    "We can’t read this request",
    "It isn’t HTTP as we know it. Nothing has changed.",
)
HEAD_TOO_LONG = Problem(
    400,
    "head-too-long",
    "The head of this request is too long",
    "It may have 64 KB. Nothing has changed.",
)


@dataclass(frozen=True, slots=True)
class Outermost:
    """The voice of all other answers, where neither a route nor a table can be asked."""

    care_phone: str = ""
    hsts: bool = False

    def refuse(self, problem: Problem, path: str) -> Response:
        """Answer what is no request, and write its line in the log: method and route are unknown."""
        request_id = secrets.token_hex(8)
        log.info(
            "request", method="-", route="-", status=problem.status, ms=0.0, request_id=request_id
        )
        return self._said(problem, path, request_id)

    async def answer(self, request: Request, error: BaseException) -> Response:
        """Answer an error of a click's own way, which passes no table."""
        if not hasattr(request.state, "request_id"):
            request.state.request_id = secrets.token_hex(8)
        problem = problem_of(request, error)
        return self._said(problem, request.url.path, request.state.request_id)

    def _said(self, problem: Problem, path: str, request_id: str) -> Response:
        hsts = {"Strict-Transport-Security": HSTS} if self.hsts else {}
        named = {"X-Request-ID": request_id, "Cache-Control": "no-store"}
        headers = ALWAYS | hsts | named | problem.headers
        if not path.startswith("/api/"):
            return PlainTextResponse(
                f"{problem.title}\n", status_code=problem.status, headers=headers
            )
        said = problem.as_json(request_id=request_id)
        if "detail" in said:
            said["detail"] = problem.detail.replace("{care_phone}", self.care_phone)
        return JSONResponse(
            said,
            status_code=problem.status,
            headers=headers,
            media_type="application/problem+json",
        )
