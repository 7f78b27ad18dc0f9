"""Reads every page of a listing by the operation's paging rule; a listing cut short is an error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jmespath
from botocore.exceptions import DataNotFoundError
from botocore.model import ServiceModel

from windlass.core.errors import AwsError
from windlass.core.paging import LoopGuard
from windlass.estate.paging_rule import PagingRule, Unpageable, paging_rule

__all__ = ["pages", "rule_of"]

Ask = Callable[..., dict[str, Any]]

_RETRY = "This is an error of the service; try again."


def pages(rule: PagingRule | Unpageable, operation: str, ask: Ask, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the responses of `ask(**params)`, page by page.

    AwsError `Unpageable` before the first call when no rule uses every member that can mean "there is more"; `CutShort` when the
    service says that there is more and gives no token; `RepeatedToken` when it gives a token a second time.
    """
    if isinstance(rule, Unpageable):
        raise AwsError(
            f"{operation} can't be listed completely: {rule.reason}",
            hint="Please report it: the operation needs a paging rule.",
            code="Unpageable",
        )
    request = {**rule.size, **params}
    tokens: dict[str, Any] = {}
    guard = LoopGuard(operation)
    while True:
        response = ask(**(request | tokens))
        yield response
        tokens = _following(rule, operation, response)
        if not tokens:
            return
        guard.advance(tokens)


def _following(rule: PagingRule, operation: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return the tokens of the next request; empty at the end."""
    more = _pick(response, rule.more) if rule.more else None
    if rule.more and not more:
        return {}
    tokens = {into: _pick(response, out) for into, out in zip(rule.inputs, rule.outputs, strict=True)}
    tokens = {into: value for into, value in tokens.items() if value}
    if more and not tokens:
        raise AwsError(
            f"{operation} reports more items ({rule.more}) and returned no token", hint=_RETRY, code="CutShort"
        )
    return tokens


def rule_of(client: Any, operation: str) -> PagingRule | Unpageable:
    """Return the paging rule of a client's operation."""
    # botocore has no public way to a model's paginators.
    return _rule(client._loader, client.meta.service_model.service_name, operation)  # noqa: SLF001


@functools.lru_cache(maxsize=4096)  # clients are many, operations are few
def _rule(loader: Any, service: str, operation: str) -> PagingRule | Unpageable:
    try:
        declared = loader.load_service_model(service, "paginators-1")["pagination"]
    except DataNotFoundError:
        declared = {}
    model = ServiceModel(loader.load_service_model(service, "service-2"), service)
    return paging_rule(model, operation, declared.get(operation))


def _pick(response: dict[str, Any], path: str) -> Any:
    return response.get(path) if path.isidentifier() else jmespath.search(path, response)
