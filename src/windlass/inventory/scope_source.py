"""Where a collector gets its scopes: a fixed list, or a queue that several processes share (`scope_claims.py`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from windlass.inventory.model import Scope
from windlass.inventory.scheduler import Endpoint

__all__ = ["Claim", "FixedScopes", "ScopeSource"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Scopes to scan now, and the endpoints that other processes have given up."""

    scopes: tuple[Scope, ...] = ()
    given_up: frozenset[Endpoint] = frozenset()


class ScopeSource(Protocol):
    """The scopes of a run, as one process sees them. Called only by the thread that runs the collector."""

    @property
    def total(self) -> int:
        """The number of scopes of the run."""
        ...

    @property
    def done_at_start(self) -> int:
        """The number of scopes that were scanned before this process began."""
        ...

    def claim(self, limit: int, given_up: frozenset[Endpoint]) -> Claim:
        """Claim about `limit` scopes; none when there are none now. `given_up` is what this process has given up."""
        ...

    def ended(self, scope: Scope) -> None:
        """Record that a claimed scope is scanned and written."""
        ...

    def is_finished(self) -> bool:
        """True when no scope of the run is left, here or elsewhere. Valid after a claim that returned none."""
        ...


class FixedScopes:
    """A list of scopes for one process."""

    def __init__(self, scopes: Iterable[Scope], done_before: Collection[Scope] = ()) -> None:
        self._scopes = deque(scope for scope in scopes if scope not in done_before)
        self.done_at_start = len(done_before)
        self.total = len(self._scopes) + self.done_at_start

    def claim(self, limit: int, given_up: frozenset[Endpoint]) -> Claim:  # noqa: ARG002  there are no other processes
        """Return the next scopes."""
        return Claim(tuple(self._scopes.popleft() for _ in range(min(limit, len(self._scopes)))))

    def ended(self, scope: Scope) -> None:
        """Do nothing: there are no other processes."""

    def is_finished(self) -> bool:
        """True when every scope was claimed."""
        return not self._scopes
