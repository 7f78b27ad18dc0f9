"""A guard for loops over pages: a listing that does not advance ends with an error. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from windlass.core.errors import AwsError

__all__ = ["LoopGuard"]


@dataclass(slots=True)
class LoopGuard:
    """Checks the token of each page of one listing; `listing` names it in the error.

    Brent's algorithm: one token is remembered, a later one each time the number of pages has doubled. It finds cycles
    of any length, and holds one token.
    """

    listing: str
    _remembered: Any = None
    _pages: int = field(default=0)
    _until: int = field(default=1)

    def advance(self, token: Any) -> None:
        """Take the next page's token. AwsError when it was used before."""
        if self._pages and token == self._remembered:
            raise AwsError(
                f"{self.listing} does not advance: the service repeated a page token",
                hint="Check the endpoint and try again; if it repeats, report it to the service's operator.",
                code="RepeatedToken",
            )
        self._pages += 1
        if self._pages == self._until:
            self._remembered, self._until = token, 2 * self._until
