"""Refusals of services in one run: a refusal that holds for a service or a server is not provoked again.

On AWS a refusal holds in its account and region. A local server (the embedded AWS, MiniStack) is one program: what it does
not implement, it implements in no region.
"""

from __future__ import annotations

import threading

from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.model import Scope
from windlass.inventory.resource_type import ResourceType

__all__ = ["Refusals"]

_OF_SERVICE = frozenset({"UnknownService", "OptInRequired", "SubscriptionRequiredException", "UnknownEndpoint"})
"""Codes that every other operation of the service would return, too."""
_OF_SERVER = frozenset({"UnknownService", "NotImplemented", "501", "404", "UnknownOperation", "InvalidAction"})
"""Codes of operations that a server does not implement."""

_Key = tuple[str, str, str, str]


class Refusals:
    """The refusals of one run. Thread-safe. `single_server` is true when one program answers for all regions."""

    def __init__(self, *, single_server: bool) -> None:
        self._single_server = single_server
        self._lock = threading.Lock()
        self._refused: dict[_Key, str] = {}

    def check(self, kind: ResourceType, scope: Scope) -> None:
        """Raise AwsError, with the code of the refusal, when a call to list this scope is known to be refused."""
        if not kind.automatic:
            return
        for operation in ("", kind.operation):
            for account_id, region in ((scope.account_id, scope.region), ("", "")):
                code = self._refused.get((account_id, region, kind.service, operation))
                if code is not None:
                    raise AwsError(f"{scope.type}: {kind.service} answered {code} before in this run", code=code)

    def learn(self, kind: ResourceType, scope: Scope, error: WindlassError) -> None:
        """Keep the error of a type's listing when it holds for more than this scope."""
        of_server = self._single_server and error.code in _OF_SERVER
        if not kind.automatic or not (of_server or error.code in _OF_SERVICE):
            return
        place = ("", "") if of_server else (scope.account_id, scope.region)
        operation = "" if error.code in _OF_SERVICE else kind.operation
        with self._lock:
            self._refused.setdefault((*place, kind.service, operation), error.code)
