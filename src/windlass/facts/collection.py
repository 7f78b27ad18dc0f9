"""Collects the facts of all nodes that Systems Manager manages, over accounts and regions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from windlass.core import clock
from windlass.core.errors import UsageError, WindlassError
from windlass.facts.model import Report, SectionResult
from windlass.facts.sources.ssm_api import Node, ReadPages, list_nodes, list_patch_states, list_types, read_node

__all__ = ["CollectionResult", "FactsCollection", "NodeCaller"]

_THREADS = 8
_NODES_OF_A_WRITE = 20
Progress = Callable[[int, int, str], None]


class NodeAccount(Protocol):
    """An account of the estate."""

    @property
    def id(self) -> str:
        """Return the account ID."""
        ...


class NodeCaller(Protocol):
    """The part of the estate that a collection needs."""

    def accounts(self) -> Sequence[NodeAccount]:
        """Return the accounts."""
        ...

    def regions(self, account_id: str) -> Sequence[str]:
        """Return the regions of an account."""
        ...

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing, paced and retried."""
        ...


@dataclass(slots=True)
class CollectionResult:
    """What a collection did. `failures` are the first error of each `ACCOUNT REGION OPERATION`."""

    nodes: int = 0
    sections: list[SectionResult] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def fail(self, where: str, error: WindlassError) -> None:
        """Keep the error of a call, unless the operation failed before. Thread-safe."""
        self.failures.setdefault(where, error.message)


@dataclass(frozen=True, slots=True)
class _Scope:
    """An account and region, and the inventory types that its nodes have."""

    account_id: str
    region: str
    pages: ReadPages
    types: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()

    def named(self, operation: str) -> str:
        return f"{self.account_id} {self.region} {operation}"


@dataclass(frozen=True, slots=True)
class FactsCollection:
    """Reads managed nodes by `caller`, and gives their reports to `record`."""

    caller: Callable[[], NodeCaller]
    record: Callable[[Iterable[Report]], list[SectionResult]]
    now: Callable[[], datetime] = clock.now

    def nodes(
        self, *, accounts: Sequence[str] = (), regions: Sequence[str] = ()
    ) -> tuple[list[Node], CollectionResult]:
        """Return the managed nodes that a collection would read, and what could not be listed."""
        result = CollectionResult()
        with ThreadPoolExecutor(_THREADS) as threads:
            scopes = self._scopes(threads, accounts, regions, result)
        return [node for scope in scopes for node in scope.nodes], result

    def collect(
        self,
        *,
        accounts: Sequence[str] = (),
        regions: Sequence[str] = (),
        progress: Progress = lambda *_: None,
        stop: threading.Event | None = None,
    ) -> CollectionResult:
        """Read all managed nodes and record their facts. A failed call does not end it: it is in the result."""
        result = CollectionResult()
        with ThreadPoolExecutor(_THREADS) as threads:
            scopes = self._scopes(threads, accounts, regions, result)
            nodes = [(scope, node) for scope in scopes for node in scope.nodes]
            for first in range(0, len(nodes), _NODES_OF_A_WRITE):
                progress(first, len(nodes), f"{len(result.sections):,} sections")
                if stop is not None and stop.is_set():
                    result.stopped = True
                    break
                batch = nodes[first : first + _NODES_OF_A_WRITE]
                read = threads.map(lambda pair: self._read(pair[0], pair[1], result), batch)
                result.sections += self._record([report for reports in read for report in reports], result)
                result.nodes += len(batch)
        progress(result.nodes, len(nodes), f"{len(result.sections):,} sections")
        return result

    def _read(self, scope: _Scope, node: Node, result: CollectionResult) -> list[Report]:
        def on_failure(operation: str, error: WindlassError) -> None:
            result.fail(scope.named(operation), error)

        return list(read_node(scope.pages, node, scope.types, now=self.now(), on_failure=on_failure))

    def _record(self, reports: list[Report], result: CollectionResult) -> list[SectionResult]:
        """Record reports. A malformed one is a failure of its own section."""
        try:
            return self.record(reports)
        except UsageError as error:
            if len(reports) == 1:
                report = reports[0]
                result.fail(f"{report.host.host_id} {report.sections[0].name}", error)
                return []
            return [outcome for report in reports for outcome in self._record([report], result)]

    def _scopes(
        self, threads: ThreadPoolExecutor, accounts: Sequence[str], regions: Sequence[str], result: CollectionResult
    ) -> list[_Scope]:
        """Return the scopes that have nodes. One that cannot be listed is a failure of the result."""
        caller = self.caller()
        planned = [
            _Scope(account.id, region, partial(caller.pages, account.id, region, "ssm"))
            for account in caller.accounts()
            if not accounts or account.id in accounts
            for region in caller.regions(account.id)
            if not regions or region in regions
        ]
        return [scope for scope in threads.map(lambda scope: _with_nodes(scope, result), planned) if scope.nodes]


def _with_nodes(scope: _Scope, result: CollectionResult) -> _Scope:
    """Return the scope with its nodes. Without their patch states, the patches stay as they were."""
    operation = "DescribeInstanceInformation"
    states: Mapping[str, Mapping[str, Any]] = {}
    try:
        nodes = list(list_nodes(scope.pages, scope.account_id, scope.region))
        if not nodes:
            return scope
        operation = "GetInventorySchema"
        types = list_types(scope.pages)
    except WindlassError as error:
        result.fail(scope.named(operation), error)
        return scope
    try:
        states = list_patch_states(scope.pages, (node.information["InstanceId"] for node in nodes))
    except WindlassError as error:
        result.fail(scope.named("DescribeInstancePatchStates"), error)
    named = tuple(replace(node, patch_state=states.get(node.information["InstanceId"])) for node in nodes)
    return replace(scope, types=types, nodes=named)
