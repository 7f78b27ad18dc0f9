"""What the collector needs of the estate; the composition root hands it in, tests script it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from windlass.estate.model import RegionList


class HasId(Protocol):
    """An account, as far as the collector cares."""

    @property
    def id(self) -> str:
        """Twelve digits."""
        ...


class HasArn(Protocol):
    """An identity, as far as the collector cares."""

    @property
    def arn(self) -> str:
        """The ARN that AWS knows us by."""
        ...


class EstateCaller(Protocol):
    """AWS, by operation name. Errors are core.errors with AWS's own code in `.code`."""

    def accounts(self) -> Sequence[HasId]:
        """The accounts to visit."""
        ...

    def identity(self, account_id: str, /) -> HasArn:
        """Who we are in one. Raises why it is refused; ConfigError when there are no credentials at all."""
        ...

    def region_list(self, account_id: str, /) -> RegionList:
        """The regions to visit in one, and where the list comes from; it never fails for a refused account."""
        ...

    def partition(self, account_id: str, /) -> str:
        """`aws`, `aws-cn` …"""
        ...

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """One call's answer."""
        ...

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """A listing's answers."""
        ...
