"""ElastiCache's errors that clients distinguish, by their wire code (botocore's elasticache model)."""

from __future__ import annotations

__all__ = ["CacheError", "combination", "value"]


class CacheError(Exception):
    """An error of the service: its code on the wire and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def value(message: str) -> CacheError:
    """Return InvalidParameterValue."""
    return CacheError("InvalidParameterValue", message)


def combination(message: str) -> CacheError:
    """Return InvalidParameterCombination."""
    return CacheError("InvalidParameterCombination", message)
