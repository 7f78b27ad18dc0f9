"""A private client: one attempt per call, own timeouts and connections, for callers that pace and retry themselves."""

from __future__ import annotations

from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from windlass.estate.translate import translate

__all__ = ["Direct"]


class Direct:
    """Calls one service in one account and region; close it after use."""

    def __init__(self, client: Any, where: str) -> None:
        self._client = client
        self._where = where

    def call(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Call an operation by AWS's name, once; return its response. Raises our errors."""
        try:
            response: dict[str, Any] = getattr(self._client, xform_name(operation))(**params)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            service, _, rest = self._where.partition(" ")
            raise translate(error, where=f"{service} {operation} {rest}") from None
        response.pop("ResponseMetadata", None)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
