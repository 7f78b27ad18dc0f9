"""The clients' use cases: scan logs, report what was found; the one door for the command line, the API and the console."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from windlass.clients import store as rows
from windlass.clients.athena.engine import Answer, Athena, layout_of
from windlass.clients.config import ClientsConfig
from windlass.clients.digests import Verdict, keys_of, verify
from windlass.clients.grouping import clients
from windlass.clients.model import Client, Count, FileRead, Level, Scan, Trouble, Use
from windlass.clients.owners import Directory, Nobody, attribute, attribute_group
from windlass.clients.rules import named
from windlass.clients.scan.engine import read_files
from windlass.clients.scan.sources import Caller, Location, bucket_files, fetching, folder_files, parse_location
from windlass.clients.scan.worker import LogFile, Plan, Read
from windlass.core import clock
from windlass.core.clock import format_time
from windlass.core.errors import UsageError
from windlass.core.ids import new_id
from windlass.store.engine import Store

__all__ = ["Clients", "Home", "ScanOptions", "ScanProgress"]

_BATCH_FILES = 64
_BATCH_USES = 20_000
_ATHENA_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """What to scan and how. `since` and `until` bound event times; `fresh` forgets what earlier scans found.

    `athena` lets Athena read; it can't tell new files from known ones, so its answer replaces what earlier scans found.
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
    """How far a scan is."""

    files: int
    total: int
    raw_bytes: int
    requests: int
    broken: int


@dataclass(frozen=True, slots=True)
class Home:
    """Where S3 is reached from: the caller's account and region."""

    caller: Caller
    account_id: str
    region: str


@dataclass
class _Batch:
    """Files read but not yet written."""

    files: list[FileRead] = field(default_factory=list)
    uses: dict[tuple[object, ...], Use] = field(default_factory=dict)
    counts: dict[tuple[str, str, str, str, str], int] = field(default_factory=dict)

    def add(self, read: Read, directory: Directory) -> None:
        self.files.append(read.file)
        for key, number in read.folded.counts.items():
            self.counts[key] = self.counts.get(key, 0) + number
        for use in attribute(read.folded.uses, directory):
            self.put(use)

    def put(self, use: Use) -> None:
        name = (use.key, use.day, use.holder)
        held = self.uses.get(name)
        self.uses[name] = _merged(held, use) if held else use

    @property
    def full(self) -> bool:
        return len(self.files) >= _BATCH_FILES or len(self.uses) + len(self.counts) >= _BATCH_USES

    def write(self, store: Store, scan_id: str) -> None:
        counted = (
            Count(agent=agent, signature=signature, tls=tls, day=day, noise=noise, requests=number)
            for (agent, signature, tls, day, noise), number in self.counts.items()
        )
        rows.add(store, scan_id, files=self.files, uses=self.uses.values(), counts=counted)


def _merged(one: Use, other: Use) -> Use:
    return replace(
        one,
        requests=one.requests + other.requests,
        first_seen=min(one.first_seen, other.first_seen),
        last_seen=max(one.last_seen, other.last_seen),
    )


class Clients:
    """Scans and reports over one store. `home` opens the way to S3, asked for only when a scan needs it."""

    def __init__(
        self,
        store: Store,
        config: ClientsConfig,
        *,
        home: Callable[[], Home],
        directory: Callable[[], Directory] = Nobody,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self.config = config
        self._home = home
        self._directory = directory
        self._now = now

    @property
    def home(self) -> Home:
        """The way to AWS, for the trail and for Athena."""
        return self._home()

    def today(self) -> date:
        """The day that reports are made on unless they say another."""
        return self._now().date()

    # --- scanning ----------------------------------------------------------------------------------------------

    def scan(
        self,
        options: ScanOptions,
        *,
        progress: Callable[[ScanProgress], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> Scan:
        """Read what is new under the source. A file counts once, whatever stops a scan; what is broken is told of."""
        rules = tuple(options.rules) or tuple(self.config.rules)
        named(rules)  # a rule that is none is told before hours of reading
        if options.athena:
            return self._scan_by_athena(options, rules, stop)
        if options.fresh:
            rows.forget(self._store)
        location = parse_location(options.source)
        files, skipped = self._new_files(location, options)
        scan_id = new_id("scan", self._now())
        rows.begin_scan(self._store, scan_id, source=location.text, engine="local", rules=rules, now=self._now())
        plan = Plan(rules, since=_event_time(options.since), until=_event_time(options.until))
        total_bytes = sum(file.size_bytes for file in files)
        workers = options.workers or self.config.workers
        with contextlib.ExitStack() as stack:
            fetch = None
            if location.bucket:
                home = self._home()
                fetch = stack.enter_context(fetching(home.caller, options.account_id or home.account_id, home.region))
            reads = read_files(files, plan, fetch=fetch, workers=workers, total_bytes=total_bytes, stop=stop)
            numbers = self._write(scan_id, reads, len(files), progress)
        rows.finish_scan(self._store, scan_id, now=self._now(), numbers=numbers | {"skipped": skipped})
        return next(one for one in self.scans() if one.scan_id == scan_id)

    def _new_files(self, location: Location, options: ScanOptions) -> tuple[list[LogFile], int]:
        since_day = options.since.date().isoformat() if options.since else ""
        known = rows.known_files(self._store)
        found: Iterator[LogFile]
        if location.bucket:
            home = self._home()
            account_id = options.account_id or home.account_id
            found = bucket_files(home.caller, account_id, home.region, location, since_day=since_day)
        else:
            found = folder_files(Path(location.path), since_day=since_day)
        new, skipped = [], 0
        for file in found:
            if known.get(file.source) == file.identity:
                skipped += 1
            else:
                new.append(file)
        return new, skipped

    def _write(
        self, scan_id: str, reads: Iterable[Read], total: int, progress: Callable[[ScanProgress], None]
    ) -> dict[str, int]:
        directory = self._directory()
        numbers = dict.fromkeys(("files", "broken", "size_bytes", "raw_bytes", "records", "requests"), 0)
        batch = _Batch()
        try:
            for read in reads:
                batch.add(read, directory)
                file = read.file
                numbers["files"] += 1
                numbers["broken"] += bool(file.problem)
                for name in ("size_bytes", "raw_bytes", "records", "requests"):
                    numbers[name] += getattr(file, name)
                if batch.full:
                    batch.write(self._store, scan_id)
                    batch = _Batch()
                progress(
                    ScanProgress(numbers["files"], total, numbers["raw_bytes"], numbers["requests"], numbers["broken"])
                )
        finally:
            batch.write(self._store, scan_id)
        return numbers

    def _scan_by_athena(self, options: ScanOptions, rules: tuple[str, ...], stop: threading.Event | None) -> Scan:
        location = parse_location(options.source)
        if not location.bucket:
            raise UsageError(f"Athena reads no folder ({options.source})", hint="Name s3://BUCKET/AWSLogs/.")
        home = self._home()
        account_id = options.account_id or home.account_id
        since = options.since or self._now() - timedelta(days=_ATHENA_DAYS)
        layout = layout_of(home.caller, account_id, home.region, location, since_day=since.date().isoformat())
        athena = Athena(
            home.caller, account_id, home.region, database=self.config.athena_database,
            workgroup=self.config.athena_workgroup, output=self.config.athena_output, stop=stop,
        )  # fmt: skip
        scan_id, now = new_id("scan", self._now()), self._now()
        athena.prepare(layout)
        bounds = {"since": _event_time(since), "until": _event_time(options.until)}
        answer = athena.ask(layout, rules=rules, **bounds)
        batch, changed = self._attributed(answer)
        scanned = answer.scanned_bytes
        if changed:  # their uses once more, to the second
            again = athena.ask(layout, rules=rules, addresses=sorted(changed), **bounds)
            exact, _ = self._attributed(again)
            scanned += again.scanned_bytes
            for use in exact.uses.values():
                batch.put(use)
        requests = sum(batch.counts.values())
        rows.forget(self._store)
        rows.begin_scan(self._store, scan_id, source=location.text, engine="athena", rules=rules, now=now)
        batch.write(self._store, scan_id)
        numbers = {"size_bytes": scanned, "records": requests, "requests": requests}
        rows.finish_scan(self._store, scan_id, now=self._now(), numbers=numbers)
        return next(one for one in self.scans() if one.scan_id == scan_id)

    def _attributed(self, answer: Answer) -> tuple[_Batch, set[str]]:
        """The answer's counts and uses, but for those of addresses that changed hands within a day: these addresses."""
        directory = self._directory()
        batch, changed = _Batch(), set()
        found: list[Use] = []
        for key, requests, first, last in answer.uses():
            use = attribute_group(key, requests, first, last, directory)
            if use is None:
                changed.add(key.ip)
            else:
                found.append(use)
        for use in found:
            if use.key.ip not in changed:
                batch.put(use)
        for count in answer.counts():
            batch.counts[count.agent, count.signature, count.tls, count.day, count.noise] = (
                batch.counts.get((count.agent, count.signature, count.tls, count.day, count.noise), 0) + count.requests
            )
        return batch, changed

    def verify(self, source: str, *, since: datetime, until: datetime | None = None) -> Iterator[Verdict]:
        """The verdict on every digest file below `source` since a time, and on every log file they name."""
        location = parse_location(source)
        if not location.bucket:
            raise UsageError(
                f"digests are verified where CloudTrail put them, not in {source}", hint="Name s3://BUCKET/AWSLogs/."
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
                    answer = ask("s3", "GetObject", Bucket=location.bucket, Key=key)
                    signature = answer.get("Metadata", {}).get("signature", "")
                    name = f"s3://{location.bucket}/{key}"
                    yield from verify(answer["Body"].read(), signature, keys, fetch, source=name)

    # --- reading -----------------------------------------------------------------------------------------------

    def report(
        self, *, rules: Sequence[str] = (), on: date | None = None, since_day: str = "", level: Level | None = None
    ) -> tuple[Client, ...]:
        """The clients that the rules find fault with on a day, findings before information, most requests first."""
        wanted = [rule for rule in named(rules or self.config.rules) if level is None or rule.level is level]
        found = clients(rows.uses(self._store, since_day=since_day), wanted, on or self.today())
        return tuple(sorted(found, key=lambda one: (_is_info(one), -one.requests, one.agent, one.principal)))

    def counts(self, *, since_day: str = "") -> tuple[Count, ...]:
        """All S3 requests by agent, signature and TLS version."""
        return rows.counts(self._store, since_day=since_day)

    def uses(self, *, since_day: str = "") -> Iterator[Use]:
        """Everything the scans kept, one row per key, day and holder."""
        return rows.uses(self._store, since_day=since_day)

    def signatures(self) -> tuple[tuple[str, str, int], ...]:
        """(day, signature, requests) of all clients."""
        return rows.signature_totals(self._store)

    def tls(self) -> tuple[tuple[str, str, int], ...]:
        """(day, TLS version, requests) of all clients."""
        return rows.tls_totals(self._store)

    def scans(self, limit: int = 20) -> tuple[Scan, ...]:
        """The last scans, newest first."""
        return rows.list_scans(self._store, limit)

    def troubles(self, scan_id: str = "") -> tuple[Trouble, ...]:
        """Files that could not be read."""
        return rows.troubles(self._store, scan_id)

    def forget(self) -> None:
        """Everything that scans found."""
        rows.forget(self._store)


def _is_info(client: Client) -> bool:
    return all(finding.level is Level.INFO for finding in client.findings)


def _event_time(moment: datetime | None) -> str:
    """As CloudTrail writes times: seconds and Z."""
    return f"{format_time(moment)[:19]}Z" if moment else ""
