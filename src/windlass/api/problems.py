"""Errors as problem+json (RFC 9457). Only this module maps an error to an HTTP status."""

from __future__ import annotations

import math

from starlette.responses import JSONResponse

from windlass.core.errors import AccessDenied, Throttled, WindlassError

__all__ = ["LoginBlocked", "problem", "status_of"]


class LoginBlocked(Throttled):
    """An address sent too many wrong credentials. `wait_s` is the time until they are checked again."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = math.ceil(wait_s)
        super().__init__(
            f"too many wrong credentials from this address: logins from it are refused for {self.wait_s} s",
            hint="Wait, then log in with a valid token. `windlass token list` lists the tokens; the audit log has the failures.",
            code="TooManyFailures",
        )


def status_of(error: WindlassError) -> int:
    """Return the HTTP status of an error: that of its type, but 401 when a login would help."""
    if isinstance(error, AccessDenied) and error.code in ("LoginRequired", "UnknownToken"):
        return 401
    return error.http_status


def problem(error: WindlassError, status: int = 0) -> JSONResponse:
    """Return the response for an error. `status` replaces that of the error, such as the 405 of the framework."""
    status = status or status_of(error)
    body = {"type": "about:blank", "title": type(error).__name__, "status": status, "detail": error.message}
    if error.hint:
        body["hint"] = error.hint
    if error.code:
        body["code"] = error.code
    response = JSONResponse(body, status_code=status, media_type="application/problem+json")
    if status == 401:
        response.headers["www-authenticate"] = "Bearer"
    if isinstance(error, LoginBlocked):
        response.headers["retry-after"] = str(error.wait_s)
    return response
