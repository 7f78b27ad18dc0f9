"""Event source mappings are found by any form of their function's name.

Upstream: ListEventSourceMappings compares FunctionName with the text that was given at creation.
AWS: FunctionName may be a name, a partial or a full ARN, with or without a qualifier.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaBackend

from windlass_local.lambda_.function_name import parse_name

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.awslambda.models.LambdaBackend.list_event_source_mappings",)


def apply() -> None:
    """Replace the listing."""

    def find(backend: Any, event_source_arn: str | None, function_name: str | None) -> list[Any]:
        # moto compares the text given at creation, but callers may name the function by name or ARN.
        result = list(backend._event_source_mappings.values())  # noqa: SLF001  moto's own method reads it, too
        if event_source_arn:
            result = [mapping for mapping in result if mapping.event_source_arn == event_source_arn]
        if function_name:
            requested = parse_name(function_name, backend.account_id, backend.region_name)
            result = [mapping for mapping in result if _is_of(mapping.function_arn, requested.unqualified_arn)]
        return result

    LambdaBackend.list_event_source_mappings = find


def _is_of(function_arn: str, unqualified_arn: str) -> bool:
    return function_arn == unqualified_arn or function_arn.startswith(f"{unqualified_arn}:")
