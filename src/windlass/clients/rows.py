"""Clients, scans and rules as rows, with the same names in tables, JSON, CSV and Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from windlass.clients.client_groups import upgrade_of
from windlass.clients.model import ClientUse, LogScan, RequestCount, S3Client
from windlass.clients.rules import RULES
from windlass.clients.sdks import sdks
from windlass.core.errors import ConfigError

__all__ = ["client_row", "count_row", "rule_rows", "scan_row", "sdk_rows", "use_row", "write_parquet"]

_PARQUET_ROWS = 50_000


def client_row(client: S3Client) -> dict[str, Any]:
    """Return a client with all of its values."""
    return {
        "rules": list(client.rules),
        "client": f"{client.sdk} {client.version}".strip() or client.agent[:60] or "(no agent)",
        "sdk": client.sdk,
        "version": client.version,
        "required": next((finding.required for finding in client.findings if finding.required), ""),
        "requests": client.requests,
        "principal": client.principal,
        "owner": next(iter(client.owners), ""),
        "bucket": next(iter(client.buckets), ""),
        "first_seen": client.first_seen,
        "last_seen": client.last_seen,
        "upgrade": upgrade_of(client),
        "agent": client.agent,
        "runtime": client.runtime,
        "findings": [
            {
                "rule": finding.rule,
                "level": str(finding.level),
                "text": finding.text,
                "required": finding.required,
                "since": finding.since.isoformat() if finding.since else "",
                "advice": finding.advice,
                "source": finding.source,
            }
            for finding in client.findings
        ],
        "signatures": dict(client.signatures),
        "tls": dict(client.tls),
        "accounts": list(client.accounts),
        "regions": list(client.regions),
        "buckets": dict(client.buckets),
        "addresses": dict(client.addresses),
        "owners": dict(client.owners),
        "access_keys": list(client.access_keys),
        "days": dict(client.days),
    }


def use_row(use: ClientUse) -> dict[str, Any]:
    """Return one stored use as a flat row, for SQL in other tools."""
    key = use.key
    return {
        "day": use.day,
        "requests": use.requests,
        "first_seen": use.first_seen,
        "last_seen": use.last_seen,
        **key.facts._asdict(),
        "account_id": key.account_id,
        "bucket": key.bucket,
        "principal": key.principal,
        "instance": key.instance,
        "access_key": key.access_key,
        "ip": key.ip,
        "endpoint": key.endpoint,
        "holder": use.holder,
        "holder_name": use.holder_name,
        "owner": use.owner,
        "sdk": key.facts.parsed.client.id,
        "version": key.facts.parsed.client.version,
    }


def count_row(count: RequestCount) -> dict[str, Any]:
    """Return the requests of an agent, signature and TLS version."""
    parsed = sdks().get(_client_id(count.agent))
    return {
        "agent": count.agent,
        "sdk": parsed.title if parsed else "",
        "signature": count.signature,
        "tls": count.tls,
        "exclusion": count.exclusion,
        "requests": count.requests,
    }


def _client_id(agent: str) -> str:
    from windlass.clients.agents import parse_agent

    return parse_agent(agent).client.id


def scan_row(scan: LogScan) -> dict[str, Any]:
    """Return a scan's numbers."""
    return {name: getattr(scan, name) for name in LogScan.__dataclass_fields__}


def rule_rows() -> Iterator[dict[str, Any]]:
    """Yield the rules."""
    for rule in RULES:
        yield {"rule": rule.name, "level": str(rule.level), "title": rule.title}


def sdk_rows() -> Iterator[dict[str, Any]]:
    """Yield the table of SDKs: SigV4 boundaries and ends of support, with their sources."""
    for sdk in sdks().values():
        for end in sdk.ends or (None,):
            yield {
                "sdk": sdk.title,
                "sigv4_from": sdk.sigv4 or "unknown",
                "below": end.below if end else "",
                "ended": (end.day.isoformat() if end.day else "ended") if end else "",
                "seen": end.seen if end else sdk.seen,
                "source": end.source if end else sdk.source,
                "note": end.note if end else "",
            }


def write_parquet(uses: Iterator[ClientUse], path: Path) -> int:
    """Write every stored use to a Parquet file. Return how many. ConfigError without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigError("Parquet needs pyarrow", hint="pip install 'windlass-aws[parquet]'") from None
    writer: Any = None
    written = 0
    batch: list[dict[str, Any]] = []

    def put(rows: Sequence[dict[str, Any]]) -> None:
        nonlocal writer, written
        table = pa.Table.from_pylist(list(rows), schema=_schema(pa))
        writer = writer or pq.ParquetWriter(str(path), table.schema, compression="zstd")
        writer.write_table(table)
        written += len(rows)

    for use in uses:
        batch.append(use_row(use))
        if len(batch) == _PARQUET_ROWS:
            put(batch)
            batch = []
    put(batch)
    writer.close()
    return written


def _schema(pa: Any) -> Any:
    names = [
        "day",
        "first_seen",
        "last_seen",
        "agent",
        "signature",
        "method",
        "tls",
        "style",
        "region",
        "caller_kind",
        "account_id",
        "bucket",
        "principal",
        "instance",
        "access_key",
        "ip",
        "endpoint",
        "holder",
        "holder_name",
        "owner",
        "sdk",
        "version",
    ]
    return pa.schema([("requests", pa.int64()), *((name, pa.string()) for name in names)])
