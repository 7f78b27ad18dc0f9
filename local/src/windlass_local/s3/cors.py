"""A bucket's CORS configuration: the response to a preflight, and the headers on responses to pages. Pure.

Source: AWS docs, "Elements of a CORS configuration": the first rule that matches origin, method and every header counts.
The guard has already decided which origins may call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from windlass_local.request import Response
from windlass_local.s3.address import S3Request
from windlass_local.s3.responses import empty, refuse

__all__ = ["cors_headers", "preflight"]

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
_REFUSED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


def preflight(call: S3Request, bucket: Any) -> Response:
    """Answer OPTIONS: 200 with the rule's headers, 403 when no rule allows the announced request."""
    headers = call.request.headers
    if "origin" not in headers:
        return refuse(400, "BadRequest", "Insufficient information. Origin request header needed.")
    if not bucket.cors:
        return refuse(403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
    requested = [
        name.strip().lower() for name in call.header("access-control-request-headers").split(",") if name.strip()
    ]
    granted = _granted(bucket, headers["origin"], call.header("access-control-request-method"), requested)
    if not granted:
        return refuse(403, "AccessForbidden", _REFUSED)
    return empty(200, granted | ({"access-control-allow-headers": ", ".join(requested)} if requested else {}))


def cors_headers(bucket: Any, method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that let the page of `headers["origin"]` read a response; none without a rule for it."""
    if "origin" not in headers or not bucket.cors:
        return {}
    return _granted(bucket, headers["origin"], method, [])


def _granted(bucket: Any, origin: str, method: str, requested: Iterable[str]) -> dict[str, str]:
    for rule in bucket.cors:
        pattern = next((text for text in _texts(rule.allowed_origins) if _matches(text, origin)), None)
        if pattern is None or method not in _texts(rule.allowed_methods):
            continue
        if not all(any(_matches(text.lower(), name) for text in _texts(rule.allowed_headers)) for name in requested):
            continue
        granted = {
            "access-control-allow-origin": "*" if pattern == "*" else origin,
            "access-control-allow-methods": ", ".join(_texts(rule.allowed_methods)),
            "access-control-expose-headers": ", ".join(_texts(rule.exposed_headers)),
            "access-control-max-age": ", ".join(_texts(rule.max_age_seconds)),
            "access-control-allow-credentials": "" if pattern == "*" else "true",
            "vary": _VARY,
        }
        return {name: value for name, value in granted.items() if value}
    return {}


def _texts(value: Any) -> list[str]:
    """Return moto's lists, single texts and None as a list."""
    if value is None:
        return []
    return [str(entry) for entry in value] if isinstance(value, list) else [str(value)]


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
