"""Who still calls S3 the old way: each client with what is wrong, whose it is and what to do."""

from __future__ import annotations

from windlass.clients import rows
from windlass.clients.agents import parse_agent
from windlass.clients.model import Client
from windlass.clients.rules import RULES
from windlass.clients.scan_job import KIND
from windlass.clients.svg import series
from windlass.console.desk import Desk
from windlass.console.views.links import Data, Params, link, one_of
from windlass.core.canonical import plain

__all__ = ["clients"]

_MOST = 100
_SHOWN = 12
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


def clients(desk: Desk, params: Params) -> Data:
    """The report as of today, narrowed to one rule when asked, and the days it covers."""
    service = desk.app.clients
    scans = service.scans(1)
    mark = f"{scans[0].scan_id} {scans[0].finished_at} {service.today()}" if scans else ""
    found = desk.remember(f"clients {mark}", service.report)
    counts = desk.remember(f"client counts {mark}", service.counts)
    rule = one_of(params, "rule", (rule.name for rule in RULES))
    chosen = [one for one in found if not rule or rule in one.rules]
    by_rule = {one.name: sum(one.name in client.rules for client in found) for one in RULES}
    signatures, tls = service.signatures(), service.tls()
    return {
        "scan": plain(rows.scan_row(scans[0])) if scans else None,
        "jobs": [one.job_id for one in desk.jobs.list(kind=KIND, limit=5) if not one.status.ended],
        "items": [_row(one) for one in chosen[:_MOST]],
        "total": len(chosen),
        "findings": sum(any(name in one.rules for name in _BADGES) for one in found),
        "requests": sum(one.requests for one in counts),
        "excluded": sum(one.requests for one in counts if one.exclusion),
        "unknown": sum(one.requests for one in counts if not one.exclusion and not parse_agent(one.agent).client.id),
        "old": sum(one.requests for one in counts if one.signature == "SigV2" and not one.exclusion),
        "owners": len({owner for one in found for owner in one.owners}),
        "signatures": signatures,
        "tls": tls,
        "classes": _CLASSES,
        "signature_names": series(signatures)[0],
        "tls_names": series(tls)[0],
        "rules": [
            {"name": "all", "title": "Every client", "count": len(found), "chosen": not rule, "link": "/clients"},
            *(
                {
                    "name": one.name,
                    "title": one.title,
                    "count": by_rule[one.name],
                    "chosen": one.name == rule,
                    "link": link("/clients", {}, rule=one.name),
                }
                for one in RULES
                if by_rule[one.name]
            ),
        ],
        "coverage": desk.remember(f"client coverage {mark}", service.coverage),
        "unread_files": [{"source": one.source, "problem": one.problem} for one in service.unread_files()[:_SHOWN]],
        "cli": f"windlass clients report --rules {rule}" if rule in by_rule else "windlass clients report",
    }


def _row(client: Client) -> Data:
    row = rows.client_row(client)
    row["badges"] = [(name, _BADGES.get(name, "unsupported")) for name in client.rules]
    for name in ("buckets", "addresses", "owners"):
        row[name] = list(row[name].items())[:_SHOWN]
    row["days"] = list(row["days"].items())
    return row
