"""What services refuse in one run: a refusal that holds for a service or a whole server is asked for once.

On AWS a refusal holds in its account and region. A server of one's own (the embedded AWS, MiniStack) is one program: what it
does not implement, it implements in no region.
"""

from __future__ import annotations

import threading

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.model import Scope
from windlass.inventory.resource_type import ResourceType

__all__ = ["Refusals"]

_OF_SERVICE = frozenset({"UnknownService", "OptInRequired", "SubscriptionRequiredException", "UnknownEndpoint"})
"""Codes that no other operation of the service would answer differently."""
_OF_SERVER = frozenset({"UnknownService", "NotImplemented", "501", "404", "UnknownOperation", "InvalidAction"})
"""Codes that say what a program implements."""

_Key = tuple[str, str, str, str]


class Refusals:
    """The refusals of one run. Thread-safe. `single_server` is true when one program answers for all regions."""

    def __init__(self, *, single_server: bool) -> None:
        self._single_server = single_server
        self._lock = threading.Lock()
        self._refused: dict[_Key, str] = {}

    def check(self, kind: ResourceType, scope: Scope) -> None:
        """Raise AwsError, with the code that was answered, when a call to list this scope is known to be refused."""
        if not kind.automatic:
            return
        for operation in ("", kind.operation):
            for account_id, region in ((scope.account_id, scope.region), ("", "")):
                code = self._refused.get((account_id, region, kind.service, operation))
                if code is not None:
                    raise AwsError(f"{scope.type}: {kind.service} answered {code} before in this run", code=code)

    def learn(self, kind: ResourceType, scope: Scope, error: WindlassError) -> None:
        """Keep an answer to the type's listing, when it holds for more than this scope."""
        of_server = self._single_server and error.code in _OF_SERVER
        if not kind.automatic or not (of_server or error.code in _OF_SERVICE):
            return
        place = ("", "") if of_server else (scope.account_id, scope.region)
        operation = "" if error.code in _OF_SERVICE else kind.operation
        with self._lock:
            self._refused.setdefault((*place, kind.service, operation), error.code)
