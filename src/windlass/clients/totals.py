"""The totals of all log files, written in one transaction with each file's share, so that a file counts once."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, select, update

from windlass.clients.contribution import Contribution, TotalsShare, pack_share, unpack_share
from windlass.clients.model import ClientUse, FileRead, RequestCount
from windlass.clients.tables import DIMENSIONS, client_bucket, client_count, client_file, client_use
from windlass.store.engine import Store

__all__ = ["add", "refresh_bounds", "remove_files"]

_BATCH = 2000
_MAX_NAMES = 500  # in one statement: SQLite accepts 32,766 values, PostgreSQL 65,535
_TIME_LENGTH = 32


def add(store: Store, scan_id: str, contributions: Iterable[Contribution]) -> None:
    """Record files as read and update the totals, in one transaction.

    A file that was read before is replaced: its earlier share is subtracted from the totals.
    """
    latest = {contribution.file.name: contribution for contribution in contributions}
    with store.write() as connection:
        before = _shares(connection, list(latest))
        totals = _Totals()
        rows = []
        for contribution in latest.values():
            share = totals.add(contribution)
            rows.append(_file_row(contribution.file, scan_id, pack_share(share)))
        totals.subtract(before)
        _upsert(store, connection, client_file, ("name",), rows)
        totals.write(store, connection)


def remove_files(store: Store, names: Iterable[str]) -> None:
    """Remove files and their shares of the totals."""
    with store.write() as connection:
        listed = list(names)
        totals = _Totals()
        totals.subtract(_shares(connection, listed))
        totals.write(store, connection)
        for at in range(0, len(listed), _MAX_NAMES):
            connection.execute(delete(client_file).where(client_file.c.name.in_(listed[at : at + _MAX_NAMES])))


class _Totals:
    """Changes to the totals, summed by row, so that each row is written once."""

    def __init__(self) -> None:
        self.uses: dict[str, dict[str, Any]] = {}
        self.counts: dict[str, dict[str, Any]] = {}
        self.buckets: Counter[str] = Counter()
        self.fewer: dict[str, list[int]] = {}
        self.stale: set[str] = set()
        self.fewer_counts: Counter[str] = Counter()

    def add(self, contribution: Contribution) -> TotalsShare:
        """Add a file and return its share of the totals."""
        uses: dict[str, tuple[int, str, str]] = {}
        for use in contribution.uses:
            row = _use_row(use)
            key = row["use_id"]
            held = self.uses.setdefault(key, row)
            if held is not row:
                held["requests"] += row["requests"]
                held["first_seen"] = min(held["first_seen"], row["first_seen"])
                held["last_seen"] = max(held["last_seen"], row["last_seen"])
            requests, first, last = uses.get(key, (0, row["first_seen"], row["last_seen"]))
            uses[key] = (requests + use.requests, min(first, row["first_seen"]), max(last, row["last_seen"]))
        counts: dict[str, int] = {}
        for (agent, signature, tls, day, exclusion), requests in contribution.counts.items():
            row = _count_row(
                RequestCount(agent=agent, signature=signature, tls=tls, day=day, exclusion=exclusion, requests=requests)
            )
            held = self.counts.setdefault(row["count_id"], row)
            if held is not row:
                held["requests"] += requests
            counts[row["count_id"]] = counts.get(row["count_id"], 0) + requests
        buckets = {_plain(name): requests for name, requests in contribution.buckets.items()}
        self.buckets.update(buckets)
        return TotalsShare(uses, counts, buckets)

    def subtract(self, shares: Iterable[TotalsShare]) -> None:
        """Subtract earlier shares. A use becomes stale when its first or last request may have been in one of them."""
        for share in shares:
            for key, (requests, first, last) in share.uses.items():
                row = self.uses.get(key)
                if row is None or row["first_seen"] > first or row["last_seen"] < last:
                    self.stale.add(key)
                self.fewer.setdefault(key, [0])[0] += requests
            self.fewer_counts.update(share.counts)
            self.buckets.subtract(share.buckets)

    def write(self, store: Store, connection: Connection) -> None:
        """Write the changes; rows without requests are deleted."""
        _add_up(store, connection, client_use, "use_id", self.uses.values())
        _add_up(store, connection, client_count, "count_id", self.counts.values())
        _add_up(
            store,
            connection,
            client_bucket,
            "bucket",
            ({"bucket": name, "requests": requests} for name, requests in self.buckets.items() if requests),
        )
        _take_off(connection, client_use, "use_id", {key: number for key, (number,) in self.fewer.items()})
        _take_off(connection, client_count, "count_id", self.fewer_counts)
        if self.fewer or self.fewer_counts:
            for table in (client_use, client_count, client_bucket):
                connection.execute(delete(table).where(table.c.requests <= 0))
        for at in range(0, len(stale := sorted(self.stale)), _MAX_NAMES):
            connection.execute(
                update(client_use).where(client_use.c.use_id.in_(stale[at : at + _MAX_NAMES])).values(bounds_stale=1)
            )


def refresh_bounds(store: Store) -> None:
    """Set the first and last request of stale uses from the shares of the remaining files."""
    with store.write() as connection:
        stale = set(connection.scalars(select(client_use.c.use_id).where(client_use.c.bounds_stale == 1)))
        if not stale:
            return
        bounds: dict[str, tuple[str, str]] = {}
        shares = select(client_file.c.share).execution_options(yield_per=500)
        for body in connection.execute(shares).scalars():
            for key, (_, first, last) in unpack_share(body).uses.items():
                if key in stale:
                    held = bounds.get(key, (first, last))
                    bounds[key] = (min(held[0], first), max(held[1], last))
        statement = (
            update(client_use)
            .where(client_use.c.use_id == bindparam("key"))
            .values(first_seen=bindparam("first"), last_seen=bindparam("last"), bounds_stale=0)
        )
        if bounds:
            connection.execute(
                statement, [{"key": key, "first": first, "last": last} for key, (first, last) in bounds.items()]
            )


def _shares(connection: Connection, names: Sequence[str]) -> list[TotalsShare]:
    shares: list[TotalsShare] = []
    for at in range(0, len(names), _MAX_NAMES):
        statement = select(client_file.c.share).where(client_file.c.name.in_(names[at : at + _MAX_NAMES]))
        shares += [unpack_share(body) for body in connection.execute(statement).scalars()]
    return shares


def _file_row(file: FileRead, scan_id: str, share: bytes) -> dict[str, Any]:
    return {
        "name": _plain(file.name),
        "source": _plain(file.source),
        "identity": file.identity,
        "judged": file.judged,
        "scan_id": scan_id,
        "outcome": str(file.outcome),
        "problem": file.problem,
        "first_day": file.first_day,
        "last_day": file.last_day,
        "size_bytes": file.size_bytes,
        "raw_bytes": file.raw_bytes,
        "records": file.records,
        "requests": file.requests,
        "share": share,
    }


def _upsert(
    store: Store, connection: Connection, table: Any, keys: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    if rows:
        statement = store.upsert(table)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changed), list(rows))


def _add_up(store: Store, connection: Connection, table: Any, key: str, rows: Iterable[dict[str, Any]]) -> None:
    statement = store.upsert(table)
    new = statement.excluded
    changed: dict[str, Any] = {"requests": table.c.requests + new.requests}
    if "first_seen" in table.c:
        changed["first_seen"] = case((new.first_seen < table.c.first_seen, new.first_seen), else_=table.c.first_seen)
        changed["last_seen"] = case((new.last_seen > table.c.last_seen, new.last_seen), else_=table.c.last_seen)
    upsert = statement.on_conflict_do_update(index_elements=[key], set_=changed)
    for batch in _batches(rows):
        connection.execute(upsert, batch)


def _take_off(connection: Connection, table: Any, key: str, fewer: Mapping[str, int]) -> None:
    statement = (
        update(table).where(table.c[key] == bindparam("row")).values(requests=table.c.requests - bindparam("fewer"))
    )
    for batch in _batches({"row": name, "fewer": number} for name, number in fewer.items()):
        connection.execute(statement, batch)


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while batch := list(itertools.islice(left, _BATCH)):
        yield batch


def _use_row(use: ClientUse) -> dict[str, Any]:
    texts = [_plain(text) for text in (*use.key.facts, *use.key[1:])]
    names = dict(zip(DIMENSIONS, texts, strict=True))
    return {
        "use_id": _digest([*texts, use.day, use.holder]),
        **names,
        "day": use.day,
        "holder": use.holder,
        "holder_name": use.holder_name,
        "owner": use.owner,
        "requests": use.requests,
        "first_seen": use.first_seen[:_TIME_LENGTH],
        "last_seen": use.last_seen[:_TIME_LENGTH],
        "bounds_stale": 0,
    }


def _count_row(count: RequestCount) -> dict[str, Any]:
    texts = [_plain(text) for text in (count.agent, count.signature, count.tls)]
    return {
        "count_id": _digest([*texts, count.day, count.exclusion]),
        **dict(zip(("agent", "signature", "tls"), texts, strict=True)),
        "day": count.day,
        "exclusion": count.exclusion,
        "requests": count.requests,
    }


def _digest(texts: Iterable[str]) -> str:
    return hashlib.blake2b("\x1f".join(texts).encode(), digest_size=16).hexdigest()


def _plain(text: str) -> str:
    """Return the text without NUL, which PostgreSQL rejects."""
    return text.replace("\0", "\ufffd") if "\0" in text else text
