"""Every page of a listing: by botocore's paginator where there is one, else by the tokens the operation itself names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.paginate import PaginatorModel

from windlass.core.paging import LoopGuard

__all__ = ["pages"]

Ask = Callable[..., dict[str, Any]]

# (token in the answer, token in the request): the pairs that services without a paginator use.
_TOKENS = (
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("NextContinuationToken", "ContinuationToken"),
    ("NextMarker", "Marker"),
    ("Marker", "Marker"),
    ("marker", "marker"),
    ("position", "position"),
    ("NextPageToken", "PageToken"),
    ("nextPageToken", "pageToken"),
    ("PaginationToken", "PaginationToken"),
)


def pages(client: Any, operation: str, ask: Ask, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Answers of `ask(**params)`, page after page. AwsError when a token comes that came before."""
    paginator = _paginator(client, operation)
    rule = paginator or _generic(client, operation)
    if rule is None:
        yield ask(**params)
        return
    inputs, outputs, more_key = rule
    tokens: dict[str, Any] = {}
    guard = LoopGuard(operation)
    while True:
        answer = ask(**(params | tokens))
        yield answer
        following = {into: _pick(answer, out) for into, out in zip(inputs, outputs, strict=True)}
        following = {into: value for into, value in following.items() if value}
        if not following or (more_key and not _pick(answer, more_key)):
            return
        guard.advance(following)
        tokens = following


Rule = tuple[list[str], list[str], str]


def _paginator(client: Any, operation: str) -> Rule | None:
    loader = client._loader if hasattr(client, "_loader") else None  # noqa: SLF001  no public way to the model's paginators
    if loader is None:
        return None
    try:
        raw = loader.load_service_model(client.meta.service_model.service_name, "paginators-1")
        found = PaginatorModel(raw).get_paginator(operation)
    except (DataNotFoundError, ValueError):
        return None
    return _listed(found["input_token"]), _listed(found["output_token"]), found.get("more_results", "")


def _generic(client: Any, operation: str) -> Rule | None:
    model = client.meta.service_model.operation_model(operation)
    asked = set(model.input_shape.members) if model.input_shape else set()
    answered = set(model.output_shape.members) if model.output_shape else set()
    for out, into in _TOKENS:
        if out in answered and into in asked:
            return [into], [out], "IsTruncated" if "IsTruncated" in answered else ""
    return None


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


def _pick(answer: dict[str, Any], path: str) -> Any:
    import jmespath

    return answer.get(path) if path.isidentifier() else jmespath.search(path, answer)
