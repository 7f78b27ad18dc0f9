"""The POST routes of the console's forms, one per action of the API. Each checks a CSRF token and redirects to a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from windlass.api.actions import ACTIONS, Action, find_action, run_action
from windlass.api.auth import Role
from windlass.core.errors import UsageError

__all__ = ["action_url", "add_action_forms", "is_allowed"]


def is_allowed(role: Role, action: str) -> bool:
    """True when the role may run the action. Pages show the form of an action only then."""
    return role >= find_action(action).role


def action_url(action: str, **parameters: str) -> str:
    """The path that the form of an action posts to."""
    return find_action(action).path.format(**{name: quote(str(value), safe="") for name, value in parameters.items()})


def add_action_forms(site: FastAPI, check_csrf: Callable[[Request, str], None]) -> None:
    """Add one POST route per action. `check_csrf(request, token)` raises for a forged form."""
    for action in ACTIONS:
        site.add_api_route(action.path, _endpoint(action, check_csrf), methods=["POST"], include_in_schema=False)


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    values: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            raise UsageError(f"the field {name!r} is a file", hint="Send text fields only.")
        values[name] = value
    return values


def _endpoint(action: Action, check_csrf: Callable[[Request, str], None]) -> Callable[..., Response]:
    def submit(request: Request, fields: Annotated[dict[str, str], Depends(_fields)]) -> Response:
        check_csrf(request, fields.pop("csrf_token", ""))
        result = run_action(request, action, {**fields, **request.path_params})
        return RedirectResponse(result.page, status_code=303)

    return submit
