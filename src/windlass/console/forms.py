"""The console's forms for the actions of the API: each carries the mark of its session and leads to the page that shows more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from windlass.api.actions import ACTIONS, Action, find_action, perform
from windlass.api.auth import Role
from windlass.core.errors import UsageError

__all__ = ["action_address", "add_action_forms", "may"]


def may(role: Role, action: str) -> bool:
    """Whether somebody with this role sees the form of this action: the same table decides whether it is carried out."""
    return role >= find_action(action).role


def action_address(action: str, **parameters: str) -> str:
    """Where the form of an action posts to."""
    return find_action(action).path.format(**{name: quote(str(value), safe="") for name, value in parameters.items()})


def add_action_forms(site: FastAPI, check_mark: Callable[[Request, str], None]) -> None:
    """Add a form's route per action; `check_mark` refuses forged forms."""
    for action in ACTIONS:
        site.add_api_route(action.path, _endpoint(action, check_mark), methods=["POST"], include_in_schema=False)


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    values: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            raise UsageError(f"the field {name!r} is a file", hint="Send texts.")
        values[name] = value
    return values


def _endpoint(action: Action, check_mark: Callable[[Request, str], None]) -> Callable[..., Response]:
    def submit(request: Request, fields: Annotated[dict[str, str], Depends(_fields)]) -> Response:
        check_mark(request, fields.pop("mark", ""))
        outcome = perform(request, action, {**fields, **request.path_params})
        return RedirectResponse(outcome.page, status_code=303)

    return submit
