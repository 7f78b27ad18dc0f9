"""The operation of a REST call, found in the service's own model: Lambda, EFS and Route 53 do not name it in the request.

moto loads the same models for its answers and keeps them, so a service's first call pays for it once.
"""

from __future__ import annotations

import functools
import re
from typing import Any
from urllib.parse import unquote

import moto.core.utils

__all__ = ["PRIVATE_NAMES", "rest_operation", "uri_params"]

PRIVATE_NAMES = ("moto.core.utils.get_service_model", "moto.core.utils.create_loader")

_MODELS_OF = {
    "access-analyzer": ("accessanalyzer",),
    "airflow": ("mwaa",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "aps": ("amp",),
    "bedrock": ("bedrock", "bedrock-agent"),
    "elasticfilesystem": ("efs",),
    "es": ("opensearch", "es"),
    "geo": ("location",),
    "mobiletargeting": ("pinpoint",),
    "ses": ("sesv2",),
}
"""The models behind a signing name that is not a model's own name."""

_PLACE = re.compile(r"\\\{[^}]*?(\\\+)?\\\}")


def rest_operation(service: str, method: str, path: str) -> str:
    """Return the operation of a REST call by signing name, method and path (as sent); "" when no model has it."""
    for name in _MODELS_OF.get(service, (service,)):
        for pattern, operation in _routes(name).get(method, ()):
            if pattern.fullmatch(path.rstrip("/") or "/"):
                return operation
    return ""


def uri_params(template: str, path: str) -> dict[str, str]:
    """Return the values of the places in a model's URI (`/functions/{FunctionName}`) that a path, as sent, has there."""
    names = [name.removesuffix("+") for name in re.findall(r"\{([^}]+)\}", template)]
    literal = re.escape(template.partition("?")[0])
    pattern = _PLACE.sub(lambda place: "(.+)" if place[1] else "([^/]+)", literal)
    match = re.fullmatch(pattern, path.rstrip("/") or "/") or re.fullmatch(pattern, path)
    return dict(zip(names, map(unquote, match.groups()), strict=True)) if match else {}


@functools.cache
def _routes(name: str) -> dict[str, list[tuple[re.Pattern[str], str]]]:
    """Return a service's paths by method, the most literal first: /a/b before /a/{id}."""
    if name not in _known_models():
        return {}
    model = moto.core.utils.get_service_model(name)
    if not any(protocol.startswith("rest") for protocol in _protocols(model)):
        return {}
    result: dict[str, list[tuple[str, str, bool]]] = {}
    for operation in model.operation_names:
        http = model.operation_model(operation).http
        path, query, _ = http["requestUri"].partition("?")
        result.setdefault(http["method"], []).append((path.rstrip("/") or "/", operation, bool(query)))
    return {
        method: [(_pattern(path), operation) for path, operation, _ in sorted(paths, key=_literal_first)]
        for method, paths in result.items()
    }


@functools.cache
def _known_models() -> frozenset[str]:
    return frozenset(moto.core.utils.create_loader().list_available_services("service-2"))


def _protocols(model: Any) -> list[str]:
    metadata = model.metadata
    return list(metadata.get("protocols", [metadata.get("protocol", "")]))


def _literal_first(route: tuple[str, str, bool]) -> tuple[bool, int, bool]:
    path, _, asks = route  # of two that differ only in their query (Lambda's layers), the one without
    return ("+}" in path, path.count("{"), asks)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(lambda place: ".+" if place[1] else "[^/]+", re.escape(path)))
