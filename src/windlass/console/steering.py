"""Forms that steer: pause and resume a rule of aggregation, fire a key; retry what a pipeline refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.auth import Role
from windlass.api.routes import need, the_app
from windlass.core.errors import NotFound

__all__ = ["add_steering"]

Field = Annotated[str, Form()]


def add_steering(
    site: FastAPI, check: Callable[[Request, str], None], note: Callable[[Request, str, str], None]
) -> None:
    """Add the actions; `check` refuses forged forms, `note` writes the audit trail."""

    def steer(request: Request, rule: str, what: str, mark: Field = "", key: Field = "") -> Response:
        check(request, mark)
        need(request, Role.OPERATE)
        service = the_app(request).aggregation
        match what:
            case "fire":
                service.fire(rule, key)
            case "pause":
                service.pause(rule)
            case "resume":
                service.resume(rule)
            case _:
                raise NotFound(f"a rule has no action {what!r}", hint="There are fire, pause and resume.")
        note(request, f"aggregation.{what}", f"{rule} {key}".strip())
        return RedirectResponse("/aggregation", status_code=303)

    def retry(request: Request, name: str, mark: Field = "", key: Field = "") -> Response:
        check(request, mark)
        need(request, Role.OPERATE)
        service = the_app(request).pipelines
        waiting = [one for one in service.failures(name, waiting=True, limit=1000) if key in ("", one.key)]
        with service.engine([name]) as engine:
            for one in waiting:
                engine.retry(one)
        note(request, "pipeline.retry", f"{name} {key}".strip())
        return RedirectResponse("/pipelines", status_code=303)

    site.add_api_route("/pipelines/{name}/retry", retry, methods=["POST"], include_in_schema=False)
    site.add_api_route("/aggregation/{rule}/{what}", steer, methods=["POST"], include_in_schema=False)
