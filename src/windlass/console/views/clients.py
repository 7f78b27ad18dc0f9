"""The Clients page: S3 clients that need an upgrade, each with findings, owner and remedy."""

from __future__ import annotations

from windlass.clients import rows
from windlass.clients.agents import parse_agent
from windlass.clients.model import S3Client
from windlass.clients.rules import RULES
from windlass.clients.scan_job import KIND
from windlass.clients.svg import series
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, link, one_of
from windlass.core.canonical import plain

__all__ = ["clients"]

MAX_CLIENTS = 100
MAX_DETAILS = 12
_CLASSES = {
    "SigV4": "ok",
    "SigV2": "denied",
    "TLSv1.3": "ok",
    "TLSv1.2": "updated",
    "TLSv1.1": "denied",
    "TLSv1": "denied",
    "unknown": "unsupported",
}
_BADGES = {"sigv2": "denied", "tls": "denied", "sdk": "partial", "runtime": "partial"}


def clients(context: PageContext, params: Params) -> Data:
    """Return the report of today, for one rule when the URL names one, and its coverage."""
    service = context.app.clients
    scans = service.scans(1)
    etag = f"{scans[0].scan_id} {scans[0].finished_at} {service.today()}" if scans else ""
    report = context.cached(f"clients {etag}", service.report)
    counts = context.cached(f"client counts {etag}", service.counts)
    rule = one_of(params, "rule", (rule.name for rule in RULES))
    chosen = [client for client in report if not rule or rule in client.rules]
    by_rule = {known.name: sum(known.name in client.rules for client in report) for known in RULES}
    signatures, tls = service.signatures(), service.tls()
    return {
        "scan": plain(rows.scan_row(scans[0])) if scans else None,
        "jobs": [job.job_id for job in context.jobs.list(kind=KIND, limit=5) if not job.status.ended],
        "items": [_row(client) for client in chosen[:MAX_CLIENTS]],
        "total": len(chosen),
        "findings": sum(any(name in client.rules for name in _BADGES) for client in report),
        "requests": sum(count.requests for count in counts),
        "excluded": sum(count.requests for count in counts if count.exclusion),
        "unknown": sum(
            count.requests for count in counts if not count.exclusion and not parse_agent(count.agent).client.id
        ),
        "old": sum(count.requests for count in counts if count.signature == "SigV2" and not count.exclusion),
        "owners": len({owner for client in report for owner in client.owners}),
        "signatures": signatures,
        "tls": tls,
        "classes": _CLASSES,
        "signature_names": series(signatures)[0],
        "tls_names": series(tls)[0],
        "rules": [
            {"name": "all", "title": "Every client", "count": len(report), "chosen": not rule, "link": "/clients"},
            *(
                {
                    "name": known.name,
                    "title": known.title,
                    "count": by_rule[known.name],
                    "chosen": known.name == rule,
                    "link": link("/clients", {}, rule=known.name),
                }
                for known in RULES
                if by_rule[known.name]
            ),
        ],
        "coverage": context.cached(f"client coverage {etag}", service.coverage),
        "unread_files": [
            {"source": problem.source, "problem": problem.problem} for problem in service.unread_files()[:MAX_DETAILS]
        ],
        "cli": f"windlass clients report --rules {rule}" if rule in by_rule else "windlass clients report",
    }


def _row(client: S3Client) -> Data:
    row = rows.client_row(client)
    row["badges"] = [(name, _BADGES.get(name, "unsupported")) for name in client.rules]
    for name in ("buckets", "addresses", "owners"):
        row[name] = list(row[name].items())[:MAX_DETAILS]
    row["days"] = list(row["days"].items())
    return row
