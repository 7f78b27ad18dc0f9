"""`POST /v1/…` for every action. The forms of the console post to the same paths without `/v1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request

from windlass.api.actions import ACTIONS, Action, run_action

__all__ = ["add_action_routes"]

Members = Annotated[dict[str, str] | None, Body()]


def add_action_routes(api: FastAPI) -> None:
    """Add one route per action."""
    for action in ACTIONS:
        api.add_api_route(
            f"/v1{action.path}",
            _endpoint(action),
            methods=["POST"],
            summary=action.summary,
            tags=["v1"],
            description=f"{action.description} Needs the role {action.role.name.lower()}.",
            operation_id=action.name,
            openapi_extra=_described(action),
        )


def _endpoint(action: Action) -> Callable[..., Mapping[str, Any]]:
    def answer(request: Request, members: Members = None) -> Mapping[str, Any]:
        return run_action(request, action, {**(members or {}), **request.path_params}).value

    return answer


def _described(action: Action) -> dict[str, Any]:
    """Return the OpenAPI description of path and body, which the signature of the shared endpoint cannot declare."""
    members = {name: {"type": "string", "description": meaning} for name, meaning in action.fields.items()}
    schema = {"type": "object", "properties": members, "additionalProperties": False} | (
        {"required": sorted(action.required)} if action.required else {}
    )
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in action.path_names
        ],
        "requestBody": {"required": bool(action.required), "content": {"application/json": {"schema": schema}}},
        "x-windlass-role": action.role.name.lower(),
    }
