"""The AWS calls that clients need. The composition root passes the estate in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from windlass.core.access import Access

__all__ = ["AwsCaller"]


class AwsCaller(Protocol):
    """Calls AWS by operation name, as the estate does."""

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the response of one call."""
        ...

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing."""
        ...

    def access(self, account_id: str, region: str, service: str) -> Access:
        """Return the endpoint and credentials with which the wire calls a service."""
        ...
