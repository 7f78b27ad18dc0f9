"""Checks of query and path parameters: an unknown name, account or region is an error, never ignored."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request

from windlass.core.errors import UsageError
from windlass.core.suggest import unknown_word
from windlass.estate.aws_names import region_names

__all__ = ["ANY", "check_names", "check_parameters", "declare_parameters"]

ANY = "*"  # routes that other programs append parameters to: probes, the OIDC callback
_ACCOUNT = re.compile(r"[0-9]{12}")


def declare_parameters(state: Any, path: str, names: Collection[str]) -> None:
    """Declare the query parameters of a route that are not in the OpenAPI document. `tag:` allows `tag:team` and the
    like.
    """
    if not hasattr(state, "parameters"):
        state.parameters = {}
    state.parameters[path] = frozenset(names)


def check_parameters(request: Request) -> None:
    """Raise UsageError for an unknown query parameter, a NUL character, or an invalid account or region in the path.

    A FastAPI dependency of the complete application. A route that is neither declared nor in the OpenAPI document takes no
    parameters.
    """
    path = str(
        getattr(request.scope.get("route"), "path_format", "") or getattr(request.scope.get("route"), "path", "")
    )
    check_names(request.query_params.keys(), _known(request, path), path=request.url.path)
    for name, value in (*request.query_params.multi_items(), *request.path_params.items()):
        if "\x00" in name or "\x00" in str(value):
            raise UsageError(
                f"the parameter {name!r} contains a NUL character", hint="Remove it: no name in AWS contains one."
            )
    _check_target({name: str(value) for name, value in request.path_params.items()})


def check_names(names: Collection[str], known: Collection[str], *, path: str) -> None:
    """Raise UsageError, with the nearest known name, for the first parameter that `path` does not take."""
    if ANY in known:
        return
    families = tuple(name for name in known if name.endswith(":"))
    for name in names:
        if name not in known and not (families and name.startswith(families)):
            error = unknown_word("parameter", name, known)
            raise UsageError(f"{path} has no parameter {name!r}", hint=error.hint, code=error.code)


def _known(request: Request, path: str) -> frozenset[str]:
    state = request.app.state
    declared: Mapping[str, frozenset[str]] = getattr(state, "parameters", {})
    if path in declared:
        return declared[path]
    if not hasattr(state, "described"):
        state.described = {
            path: frozenset(
                parameter["name"]
                for method in methods.values()
                for parameter in method.get("parameters", ())
                if parameter["in"] == "query"
            )
            for path, methods in request.app.openapi()["paths"].items()
        }
    described: Mapping[str, frozenset[str]] = state.described
    return described.get(path, frozenset())


def _check_target(path: Mapping[str, str]) -> None:
    account = path.get("account", path.get("account_id"))
    if account is not None and not _ACCOUNT.fullmatch(account):
        raise UsageError(f"{account[:40]!r} is not an account ID", hint="An account ID has twelve digits.")
    region = path.get("region")
    if region is not None and region not in region_names():
        raise unknown_word("region", region[:40], region_names())
