"""The estate as the collector sees it. The composition root passes it in; tests implement it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from windlass.estate.model import RegionList


class HasId(Protocol):
    """An account, as the collector sees it."""

    @property
    def id(self) -> str:
        """Twelve digits."""
        ...


class HasArn(Protocol):
    """An identity, as the collector sees it."""

    @property
    def arn(self) -> str:
        """Our ARN."""
        ...


class EstateCaller(Protocol):
    """AWS by operation name. Raises core.errors with AWS's error code in `.code`."""

    def accounts(self) -> Sequence[HasId]:
        """Return the accounts to collect."""
        ...

    def identity(self, account_id: str, /) -> HasArn:
        """Return our identity in an account. AccessDenied when it is refused; ConfigError without any credentials."""
        ...

    def region_list(self, account_id: str, /) -> RegionList:
        """Return the regions to collect in an account, and the source of the list. A refused account is not an error."""
        ...

    def partition(self, account_id: str, /) -> str:
        """Return the account's partition: `aws`, `aws-cn` …"""
        ...

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the response of one call."""
        ...

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing."""
        ...
