"""The two imports: AWS Config's files as past revisions, CloudTrail's files as their actors."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from windlass.core import clock
from windlass.core.errors import AwsError, WindlassError
from windlass.inventory.events.model import Touch
from windlass.inventory.events.type_index import TypeIndex
from windlass.inventory.imports.actors import name_actors, touches_in
from windlass.inventory.imports.config_items import ItemState, states_in
from windlass.inventory.imports.imported_files import done_files, record_file
from windlass.inventory.imports.item_names import member_names
from windlass.inventory.imports.past_writer import resource_of_state, write_past
from windlass.inventory.imports.source_files import CLOUDTRAIL, CONFIG, FileCaller, SourceFile, SourceFiles
from windlass.inventory.model import Scope
from windlass.inventory.store_meta import salt_of
from windlass.store.engine import Store

__all__ = ["HistoryImport", "ImportResult"]

Progress = Callable[[int, int, str], None]
_Parsed = tuple[int, int, Callable[[Connection], int]]
"""A file's items, those of types that are not collected, and the function that writes the others and counts revisions."""


@dataclass(slots=True)
class ImportResult:
    """What an import did. `left_out` are items of types that are not collected; `revisions` were written or got an actor."""

    files: int = 0
    done_before: int = 0
    items: int = 0
    left_out: int = 0
    revisions: int = 0
    failures: dict[str, str] = field(default_factory=dict)  # by location
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class HistoryImport:
    """Imports into one store. `caller` opens the estate and `home` names its first account and home region, for buckets."""

    store: Store
    index: TypeIndex
    caller: Callable[[], FileCaller]
    home: Callable[[], tuple[str, str]]
    redact_paths: Sequence[str] = ()
    now: Callable[[], datetime] = clock.now

    def import_config(
        self,
        location: str,
        *,
        account_id: str = "",
        region: str = "",
        progress: Progress = lambda *_: None,
        stop: threading.Event | None = None,
        dry_run: bool = False,
    ) -> ImportResult:
        """Import snapshots and history files of AWS Config. NotFound for a location that does not exist."""
        salt = salt_of(self.store)

        def handle(document: object, file: SourceFile) -> _Parsed:
            states, left_out = states_in(
                document,
                self.index.by_config_name,
                names=member_names,
                salt=salt,
                redact_paths=self.redact_paths,
                file_name=file.key,
            )
            return len(states) + left_out, left_out, lambda connection: _write_states(connection, states)

        files = self._files(location, CONFIG, account_id, region)
        return self._import("config", files, handle, progress, stop, dry_run=dry_run)

    def import_cloudtrail(
        self,
        location: str,
        *,
        account_id: str = "",
        region: str = "",
        progress: Progress = lambda *_: None,
        stop: threading.Event | None = None,
        dry_run: bool = False,
    ) -> ImportResult:
        """Name the actors of past revisions from CloudTrail's files. NotFound for a location that does not exist."""

        def handle(document: object, _file: SourceFile) -> _Parsed:
            touches, records = touches_in(document, self.index)
            return records, 0, lambda connection: name_actors(connection, touches)

        files = self._files(location, CLOUDTRAIL, account_id, region)
        return self._import("cloudtrail", files, handle, progress, stop, dry_run=dry_run)

    def delivered_file(self, bucket: str, key: str) -> tuple[Touch, ...]:
        """Import a file that Config delivered to a bucket; of one that CloudTrail delivered, return what its records touched.

        AwsError when it cannot be read: its message is delivered again.
        """
        location = f"s3://{bucket}/{key}"
        if CONFIG.search(key):
            result = self.import_config(location)
            for failure in result.failures.values():
                raise AwsError(failure, code="ImportFailed")
            return ()
        source = self._files(location, CLOUDTRAIL, "", "")
        try:
            return tuple(touch for file in source.files() for touch in touches_in(source.read(file), self.index)[0])
        finally:
            source.close()

    def _files(self, location: str, pattern: re.Pattern[str], account_id: str, region: str) -> SourceFiles:
        if location.startswith("s3://") and not (account_id and region):
            home_account, home_region = self.home()
            account_id, region = account_id or home_account, region or home_region
        return SourceFiles(location, pattern, self.caller, account_id, region)

    def _import(
        self,
        kind: str,
        source: SourceFiles,
        handle: Callable[[object, SourceFile], _Parsed],
        progress: Progress,
        stop: threading.Event | None,
        *,
        dry_run: bool,
    ) -> ImportResult:
        """Import each file that is new, in one transaction with its row in `imported_file`. A broken file does not end the import."""
        result, done = ImportResult(), done_files(self.store, kind)
        try:
            listed = source.files()
            for number, file in enumerate(listed):
                if stop is not None and stop.is_set():
                    result.stopped = True
                    break
                progress(number, len(listed), f"{result.revisions:,} revisions")
                if done.get(file.location) == file.etag:
                    result.done_before += 1
                    continue
                try:
                    self._import_file(kind, source, file, handle, result, dry_run=dry_run)
                except WindlassError as error:
                    result.failures[file.location] = error.message
            progress(result.files + result.done_before, len(listed), f"{result.revisions:,} revisions")
        finally:
            source.close()
        return result

    def _import_file(
        self,
        kind: str,
        source: SourceFiles,
        file: SourceFile,
        handle: Callable[[object, SourceFile], _Parsed],
        result: ImportResult,
        *,
        dry_run: bool,
    ) -> None:
        items, left_out, write = handle(source.read(file), file)

        def write_file(connection: Connection) -> int:
            revisions = write(connection)
            record_file(self.store, connection, kind, file, items=items, revisions=revisions, now=self.now())
            return revisions

        result.revisions += 0 if dry_run else self.store.transact(write_file)
        result.files += 1
        result.items += items
        result.left_out += left_out


def _write_states(connection: Connection, states: Sequence[ItemState]) -> int:
    by_resource: defaultdict[tuple[Scope, str], list[ItemState]] = defaultdict(list)
    deleted: list[ItemState] = []
    for state in states:
        if state.observation is not None:
            by_resource[state.scope, state.observation.key].append(state)
        else:
            deleted.append(state)
    for state in deleted:
        keys = [key for key in by_resource if key[0] == state.scope and _is_of(by_resource[key][0], state)]
        by_resource[keys[0] if keys else (state.scope, min(state.names, default=""))].append(state)
    written = 0
    for of_resource in by_resource.values():
        ordered = sorted(of_resource, key=lambda state: state.at)
        known = next((state for state in ordered if state.observation is not None), ordered[0])
        written += write_past(connection, resource_of_state(connection, known), ordered)
    return written


def _is_of(known: ItemState, deleted: ItemState) -> bool:
    observation = known.observation
    return observation is not None and bool({observation.key, observation.resource_id, observation.arn} & deleted.names)
