"""The service of clients: scan logs, report findings; for the command line, the API and the console."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from windlass.clients import store as rows
from windlass.clients import totals
from windlass.clients.athena.client import AthenaClient, layout_of
from windlass.clients.athena.daily_contributions import ATHENA_PREFIX, attributed, day_contributions
from windlass.clients.client_groups import clients
from windlass.clients.config import ClientsConfig
from windlass.clients.contribution import Contribution
from windlass.clients.coverage import Coverage, coverage_of
from windlass.clients.digests import FileVerdict, keys_of, verify
from windlass.clients.model import ClientUse, FileOutcome, FileRead, Level, LogScan, RequestCount, S3Client, UnreadFile
from windlass.clients.owners import Directory, EmptyDirectory, attribute
from windlass.clients.ports import AwsCaller
from windlass.clients.rules import DEFAULT, RULES, judgement, named
from windlass.clients.scan.file_readers import read_files
from windlass.clients.scan.sources import Location, bucket_files, fetching, folder_files, parse_location
from windlass.clients.scan.worker import LogFile, ReadResult, ScanRules
from windlass.core import clock
from windlass.core.errors import Conflict, UsageError
from windlass.core.ids import new_id
from windlass.store.engine import Store

__all__ = ["CallerContext", "Clients", "ScanOptions", "ScanProgress"]

_BATCH_FILES = 64
_BATCH_USES = 20_000
_ATHENA_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """The logs to scan, and how. `since` and `until` select full days; `fresh` deletes the results of earlier scans first.

    `rules` are applied besides the default ones. With `athena`, Athena reads the logs; its result of a day replaces earlier ones.
    """

    source: str
    rules: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    workers: int = 0
    account_id: str = ""
    fresh: bool = False
    athena: bool = False


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """The progress of a scan."""

    files: int
    total: int
    raw_bytes: int
    requests: int
    broken: int


@dataclass(frozen=True, slots=True)
class CallerContext:
    """The access to AWS: the caller, with its own account and region."""

    caller: AwsCaller
    account_id: str
    region: str


@dataclass
class _Batch:
    """Files that were read but are not written yet."""

    contributions: list[Contribution] = field(default_factory=list)
    rows: int = 0

    def add(self, contribution: Contribution) -> None:
        self.contributions.append(contribution)
        self.rows += len(contribution.uses) + len(contribution.counts)

    @property
    def full(self) -> bool:
        return len(self.contributions) >= _BATCH_FILES or self.rows >= _BATCH_USES


class Clients:
    """Scans and reports over one store. `home` opens the access to AWS; it is called only when a scan needs it.

    `known_buckets` returns the number of buckets in the inventory; None without an inventory.
    """

    def __init__(
        self,
        store: Store,
        config: ClientsConfig,
        *,
        home: Callable[[], CallerContext],
        directory: Callable[[], Directory] = EmptyDirectory,
        known_buckets: Callable[[], int | None] = lambda: None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._known_buckets = known_buckets
        self.config = config
        self._home = home
        self._directory = directory
        self._now = now

    @property
    def home(self) -> CallerContext:
        """Return the access to AWS, for the trail and for Athena."""
        return self._home()

    def today(self) -> date:
        """Return the default day of reports."""
        return self._now().date()

    # --- scanning ----------------------------------------------------------------------------------------------

    def scan(
        self,
        options: ScanOptions,
        *,
        progress: Callable[[ScanProgress], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> LogScan:
        """Read the files of the source that are new, changed, or not yet judged by every rule.

        Every file is judged by the default rules, those of `options` and those of earlier scans, so that no report misses
        requests that a narrower scan left out. A file counts once, even when a scan is interrupted.
        """
        rules = self._rules(options)
        if options.athena:
            return self._scan_by_athena(options, rules, stop)
        if options.fresh:
            rows.forget(self._store)
        location = parse_location(options.source)
        self._refuse_overlap(location, athena=False)
        files, left_out, skipped = self._new_files(location, options, rules)
        scan_id = new_id("scan", self._now())
        rows.begin_scan(self._store, scan_id, source=location.text, engine="local", rules=rules, now=self._now())
        totals.add(self._store, scan_id, left_out)
        total_bytes = sum(file.size_bytes for file in files)
        workers = options.workers or self.config.workers
        with contextlib.ExitStack() as stack:
            fetch = None
            if location.bucket:
                home = self._home()
                fetch = stack.enter_context(fetching(home.caller, options.account_id or home.account_id, home.region))
            reads = read_files(
                files, ScanRules(rules), fetch=fetch, workers=workers, total_bytes=total_bytes, stop=stop
            )
            numbers = self._write(scan_id, reads, len(files), progress)
        totals.refresh_bounds(self._store)
        numbers["other_kind"] += len(left_out)
        rows.finish_scan(self._store, scan_id, now=self._now(), numbers=numbers | {"skipped": skipped})
        return next(scan for scan in self.scans() if scan.scan_id == scan_id)

    def _rules(self, options: ScanOptions) -> tuple[str, ...]:
        """Return the names of the rules to apply. UsageError for an unknown name, before any file is read."""
        judged = {entry.partition(":")[0] for _, judged in rows.known_files(self._store).values() for entry in judged}
        known = {rule.name for rule in RULES} & (set() if options.fresh or options.athena else judged)
        return tuple(rule.name for rule in named([*DEFAULT, *self.config.rules, *options.rules, *known]))

    def _refuse_overlap(self, location: Location, *, athena: bool) -> None:
        """Raise Conflict when the other engine has read the same logs: their requests would count twice."""
        if not location.bucket:
            return
        for name, source in rows.sources(self._store).items():
            if name.startswith(ATHENA_PREFIX) is athena:
                continue
            if source.startswith(location.text) or location.text.startswith(source):
                engine = "Athena" if not athena else "a scan of the files"
                raise Conflict(
                    f"{location.text} was already read by {engine}; its requests would count twice",
                    hint="Use the same engine as before, or add --fresh, which deletes the results of earlier scans.",
                )

    def _new_files(
        self, location: Location, options: ScanOptions, rules: tuple[str, ...]
    ) -> tuple[list[LogFile], list[Contribution], int]:
        """Return (files to read, files omitted by their names, number of files that were read before)."""
        days = {"first_day": _first_day(options), "last_day": _last_day(options)}
        known, judged_by = rows.known_files(self._store), judgement(named(rules))
        listed: Iterator[LogFile]
        if location.bucket:
            home = self._home()
            account_id = options.account_id or home.account_id
            listed = bucket_files(home.caller, account_id, home.region, location, **days)
        else:
            listed = folder_files(Path(location.path), **days)
        new: dict[str, LogFile] = {}
        left_out, skipped = [], 0
        for file in listed:
            identity, judged = known.get(file.name, ("", frozenset[str]()))
            if file.left_out:
                left_out.append(_left_out(file))
            elif file.name in new or (identity == file.identity and judged_by <= judged):
                skipped += 1
            else:
                new[file.name] = file
        return list(new.values()), left_out, skipped

    def _write(
        self, scan_id: str, reads: Iterable[ReadResult], total: int, progress: Callable[[ScanProgress], None]
    ) -> dict[str, int]:
        directory = self._directory()
        numbers = dict.fromkeys(("files", "broken", "other_kind", "size_bytes", "raw_bytes", "records", "requests"), 0)
        batch = _Batch()
        try:
            for read in reads:
                uses = tuple(attribute(read.totals.uses, directory))
                batch.add(Contribution(read.file, uses, read.totals.counts, read.totals.buckets))
                file = read.file
                numbers["files"] += 1
                numbers["broken"] += file.outcome is FileOutcome.UNREADABLE
                numbers["other_kind"] += file.outcome is FileOutcome.OTHER_KIND
                for name in ("size_bytes", "raw_bytes", "records", "requests"):
                    numbers[name] += getattr(file, name)
                if batch.full:
                    totals.add(self._store, scan_id, batch.contributions)
                    batch = _Batch()
                progress(
                    ScanProgress(numbers["files"], total, numbers["raw_bytes"], numbers["requests"], numbers["broken"])
                )
        finally:
            totals.add(self._store, scan_id, batch.contributions)
        return numbers

    def _scan_by_athena(self, options: ScanOptions, rules: tuple[str, ...], stop: threading.Event | None) -> LogScan:
        location = parse_location(options.source)
        if not location.bucket:
            raise UsageError(f"Athena cannot read the folder {options.source}", hint="Pass s3://BUCKET/AWSLogs/.")
        home = self._home()
        account_id = options.account_id or home.account_id
        first_day = _first_day(options) or (self._now() - timedelta(days=_ATHENA_DAYS)).date().isoformat()
        last_day = _last_day(options) or self.today().isoformat()
        if not options.fresh:
            self._refuse_overlap(location, athena=True)
        layout = layout_of(home.caller, account_id, home.region, location, since_day=first_day)
        athena = AthenaClient(
            home.caller,
            account_id,
            home.region,
            database=self.config.athena_database,
            workgroup=self.config.athena_workgroup,
            output=self.config.athena_output,
            stop=stop,
        )
        scan_id, now = new_id("scan", self._now()), self._now()
        athena.prepare(layout)
        response = athena.run_query(layout, rules=rules, first_day=first_day, last_day=last_day)
        directory = self._directory()
        uses, changed = attributed(response, directory)
        scanned = response.scanned_bytes
        if changed:  # addresses whose holder changed: their uses by second
            by_second = athena.run_query(
                layout, rules=rules, first_day=first_day, last_day=last_day, addresses=sorted(changed)
            )
            uses += attributed(by_second, directory)[0]
            scanned += by_second.scanned_bytes
        days = day_contributions(location.text, rules, uses, response.counts(), first_day=first_day, last_day=last_day)
        if options.fresh:
            rows.forget(self._store)
        rows.begin_scan(self._store, scan_id, source=location.text, engine="athena", rules=rules, now=now)
        totals.add(self._store, scan_id, days)
        totals.refresh_bounds(self._store)
        requests = sum(day.file.requests for day in days)
        numbers = {"size_bytes": scanned, "records": requests, "requests": requests}
        rows.finish_scan(self._store, scan_id, now=self._now(), numbers=numbers)
        return next(scan for scan in self.scans() if scan.scan_id == scan_id)

    def verify(self, source: str, *, since: datetime, until: datetime | None = None) -> Iterator[FileVerdict]:
        """Yield the verdict on every digest file below `source` since a time, and on every log file in them."""
        location = parse_location(source)
        if not location.bucket:
            raise UsageError(
                f"digests can be verified only in their bucket, not in {source}", hint="Pass s3://BUCKET/AWSLogs/."
            )
        home, end = self._home(), until or self._now()

        def ask(service: str, operation: str, **params: Any) -> dict[str, Any]:
            return home.caller.call(home.account_id, home.region, service, operation, **params)

        def fetch(bucket: str, key: str) -> bytes:
            body: bytes = ask("s3", "GetObject", Bucket=bucket, Key=key)["Body"].read()
            return body

        keys = keys_of(ask("cloudtrail", "ListPublicKeys", StartTime=since, EndTime=end))
        for page in home.caller.pages(
            home.account_id, home.region, "s3", "ListObjectsV2", Bucket=location.bucket, Prefix=location.prefix
        ):
            for item in page.get("Contents", ()):
                key = item["Key"]
                if "/CloudTrail-Digest/" in f"/{key}" and key.endswith(".json.gz") and item["LastModified"] >= since:
                    response = ask("s3", "GetObject", Bucket=location.bucket, Key=key)
                    signature = response.get("Metadata", {}).get("signature", "")
                    name = f"s3://{location.bucket}/{key}"
                    yield from verify(response["Body"].read(), signature, keys, fetch, source=name)

    # --- reading -----------------------------------------------------------------------------------------------

    def report(
        self, *, rules: Sequence[str] = (), on: date | None = None, since_day: str = "", level: Level | None = None
    ) -> tuple[S3Client, ...]:
        """Return the clients with findings on a day: findings before information, most requests first."""
        selected = [rule for rule in named(rules or self.config.rules) if level is None or rule.level is level]
        groups = clients(rows.uses(self._store, since_day=since_day), selected, on or self.today())
        return tuple(
            sorted(groups, key=lambda client: (_is_info(client), -client.requests, client.agent, client.principal))
        )

    def coverage(self, *, rules: Sequence[str] = (), since_day: str = "") -> Coverage:
        """Return the coverage of these rules by the logs that were read."""
        return coverage_of(
            rows.file_groups(self._store),
            named(rules or self.config.rules),
            since_day=since_day,
            today=self.today(),
            buckets_seen=len(rows.bucket_requests(self._store)),
            buckets_known=self._known_buckets(),
        )

    def counts(self, *, since_day: str = "") -> tuple[RequestCount, ...]:
        """Return the number of S3 requests by agent, signature and TLS version."""
        return rows.counts(self._store, since_day=since_day)

    def uses(self, *, since_day: str = "") -> Iterator[ClientUse]:
        """Yield every stored use: one per key, day and holder."""
        return rows.uses(self._store, since_day=since_day)

    def signatures(self) -> tuple[tuple[str, str, int], ...]:
        """Return (day, signature, requests) of all clients."""
        return rows.signature_totals(self._store)

    def tls(self) -> tuple[tuple[str, str, int], ...]:
        """Return (day, TLS version, requests) of all clients."""
        return rows.tls_totals(self._store)

    def scans(self, limit: int = 20) -> tuple[LogScan, ...]:
        """Return the last scans, newest first."""
        return rows.list_scans(self._store, limit)

    def unread_files(self, scan_id: str = "") -> tuple[UnreadFile, ...]:
        """Return the files that could not be read as logs."""
        return rows.unread_files(self._store, scan_id)

    def forget(self) -> None:
        """Delete the results of all scans."""
        rows.forget(self._store)


def _is_info(client: S3Client) -> bool:
    return all(finding.level is Level.INFO for finding in client.findings)


def _first_day(options: ScanOptions) -> str:
    return options.since.date().isoformat() if options.since else ""


def _last_day(options: ScanOptions) -> str:
    """Return the last day that begins before `until`."""
    return (options.until - timedelta(microseconds=1)).date().isoformat() if options.until else ""


def _left_out(file: LogFile) -> Contribution:
    return Contribution(
        FileRead(
            name=file.name,
            source=file.source,
            identity=file.identity,
            size_bytes=file.size_bytes,
            outcome=FileOutcome.OTHER_KIND,
            problem=file.left_out,
        )
    )
