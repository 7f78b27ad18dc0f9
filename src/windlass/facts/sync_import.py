"""Imports the files of a Resource Data Sync: each has all entries of one inventory type of one node."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from windlass.core import clock
from windlass.core.errors import AwsError, UsageError, WindlassError
from windlass.facts.model import Report, Section, SectionResult
from windlass.facts.service import Facts
from windlass.facts.sources.ssm_files import SYNC_KEY, SyncFile, read_sync_file, sync_file_of
from windlass.facts.sources.ssm_types import NODE_TYPE, depends_on_platform
from windlass.inventory.imports.imported_files import done_files, record_file
from windlass.inventory.imports.source_files import FileCaller, SourceFile, SourceFiles
from windlass.store.engine import Store

__all__ = ["SyncImport", "SyncResult"]

_KIND = "ssm"
_FILES_OF_A_WRITE = 50
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class SyncResult:
    """What an import did. `done_before` files were imported in this state before; `failures` are by location."""

    files: int = 0
    done_before: int = 0
    hosts: set[str] = field(default_factory=set)
    sections: list[SectionResult] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SyncImport:
    """Imports into `facts`. `caller` opens the estate, and `home` names its first account and home region."""

    store: Store
    facts: Facts
    caller: Callable[[], FileCaller]
    home: Callable[[], tuple[str, str]]
    now: Callable[[], datetime] = clock.now

    def import_sync(
        self,
        location: str,
        *,
        account_id: str = "",
        region: str = "",
        progress: Progress = lambda *_: None,
        stop: threading.Event | None = None,
        dry_run: bool = False,
    ) -> SyncResult:
        """Import the files below `s3://BUCKET/PREFIX`. A file that was imported is not read again while its ETag stays.

        The nodes' platforms come first: they decide which package manager installed the applications.
        """
        home_account, home_region = self.home() if not (account_id and region) else ("", "")
        source = SourceFiles(location, SYNC_KEY, self.caller, account_id or home_account, region or home_region)
        result = SyncResult()
        try:
            listed, done = source.files(), done_files(self.store, _KIND, below=location)
            new = [file for file in listed if done.get(file.location) != file.etag]
            result.done_before = len(listed) - len(new)
            for files in ([file for file in new if _is_node(file)], [file for file in new if not _is_node(file)]):
                remaining = iter(files)
                while batch := list(islice(remaining, _FILES_OF_A_WRITE)):
                    progress(result.done_before + result.files, len(listed), f"{len(result.sections):,} sections")
                    if stop is not None and stop.is_set():
                        return result
                    self._import_batch(source, batch, result, dry_run=dry_run)
        finally:
            source.close()
        return result

    def delivered_file(self, bucket: str, key: str) -> None:
        """Import a file that was just written. AwsError when it cannot be read: its message is delivered again."""
        file = sync_file_of(key)
        if file is None:
            raise UsageError(f"s3://{bucket}/{key} is no file of a Resource Data Sync", hint="Check feed.file_buckets.")
        keys = [key]
        if depends_on_platform(file.type_name) and not self.facts.platform_name(file.host_id):
            keys.insert(0, key.replace(f"{file.type_name}/", f"{NODE_TYPE}/", 1))
        for each in keys:
            for failure in self.import_sync(f"s3://{bucket}/{each}").failures.values():
                raise AwsError(failure, code="ImportFailed")

    def _import_batch(
        self, source: SourceFiles, files: Sequence[SourceFile], result: SyncResult, *, dry_run: bool
    ) -> None:
        reports: dict[SourceFile, list[Report]] = {}
        for file in files:
            try:
                reports[file] = self._read(source, file)
            except WindlassError as error:
                result.failures[file.location] = error.message
        if dry_run:
            result.files += len(reports)
        else:
            self._record(reports, result)
        result.hosts |= {report.host.host_id for listed in reports.values() for report in listed}

    def _record(self, reports: Mapping[SourceFile, Sequence[Report]], result: SyncResult) -> None:
        """Record the reports of files, then that the files are done. A file with a malformed row is a failure of its own."""
        try:
            result.sections += self.facts.record(report for listed in reports.values() for report in listed)
        except UsageError as error:
            if len(reports) == 1:
                result.failures[next(iter(reports)).location] = error.message
                return
            for file, listed in reports.items():
                self._record({file: listed}, result)
            return
        result.files += len(reports)
        self.store.transact(lambda connection: self._mark_done(connection, reports))

    def _mark_done(self, connection: Connection, reports: Mapping[SourceFile, Sequence[Report]]) -> None:
        for file, listed in reports.items():
            items = sum(
                len(section.rows) for report in listed for section in report.sections if isinstance(section, Section)
            )
            record_file(self.store, connection, _KIND, file, items=items, revisions=0, now=self.now())

    def _read(self, source: SourceFiles, file: SourceFile) -> list[Report]:
        sync_file = _named(file)
        platform = self.facts.platform_name(sync_file.host_id) if depends_on_platform(sync_file.type_name) else ""
        try:
            return list(read_sync_file(sync_file, file.location, source.read_text(file), self.now(), platform))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"not a file of a Resource Data Sync ({error})", hint="See docs/guide/facts.md.") from None


def _named(file: SourceFile) -> SyncFile:
    sync_file = sync_file_of(file.key)
    assert sync_file is not None  # the listing keeps only such files
    return sync_file


def _is_node(file: SourceFile) -> bool:
    return _named(file).type_name == NODE_TYPE
