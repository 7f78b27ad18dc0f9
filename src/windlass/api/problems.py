"""Errors as problem+json (RFC 9457): the one place where an error becomes an HTTP status, for the head and the body."""

from __future__ import annotations

import math

from starlette.responses import JSONResponse

from windlass.core.errors import AccessDenied, Throttled, WindlassError

__all__ = ["LoginBlocked", "problem", "status_of"]


class LoginBlocked(Throttled):
    """An address has sent too many wrong credentials; `wait_s` until they are looked at again."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = math.ceil(wait_s)
        super().__init__(
            f"this address has sent too many wrong credentials; logins from it are refused for {self.wait_s} s",
            hint="Wait, then log in with a valid token. `windlass token list` shows the tokens; the audit trail lists the failures.",
            code="TooManyFailures",
        )


def status_of(error: WindlassError) -> int:
    """The HTTP status of an error: its type's, but 401 where logging in would help."""
    if isinstance(error, AccessDenied) and error.code in ("LoginRequired", "UnknownToken"):
        return 401
    return error.http_status


def problem(error: WindlassError, status: int = 0) -> JSONResponse:
    """The answer for an error. `status` replaces the error's own (a 405 that the framework raised); body and head agree."""
    status = status or status_of(error)
    body = {"type": "about:blank", "title": type(error).__name__, "status": status, "detail": error.message}
    if error.hint:
        body["hint"] = error.hint
    if error.code:
        body["code"] = error.code
    answer = JSONResponse(body, status_code=status, media_type="application/problem+json")
    if status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    if isinstance(error, LoginBlocked):
        answer.headers["retry-after"] = str(error.wait_s)
    return answer
