"""A client of one account of the embedded AWS, for the demo's programs, which are not part of Windlass (ADR 0010)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from windlass_local.exceptions import CallFailed
from windlass_local.sample_estate.clients import Clients

__all__ = ["AccountClient"]


class AccountClient:
    """Calls of one account of the embedded AWS at `url`. Close it, or use it with `with`."""

    def __init__(self, url: str, account_id: str) -> None:
        self._clients = Clients(url)
        self.url = url
        self.account_id = account_id

    def call(self, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Make one call and return its response. CallFailed when it fails."""
        client = self._clients.get(self.account_id, region, service)
        try:
            result: dict[str, Any] = getattr(client, xform_name(operation))(**params)
        except (ClientError, BotoCoreError) as error:
            raise CallFailed(f"{service} {operation}: {error}", hint="Read the log of the embedded AWS.") from None
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clients.close()
