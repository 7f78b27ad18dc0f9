"""Who we are and why, what could be read where, and who slowed us down."""

from __future__ import annotations

from dataclasses import asdict

from windlass.console.desk import Desk
from windlass.console.views.grid import grid
from windlass.console.views.links import Data, Params
from windlass.core.canonical import plain
from windlass.inventory import rows

__all__ = ["accounts"]

_MOST = 200


def accounts(desk: Desk, _: Params) -> Data:
    """Identity, coverage, trouble and throttling."""
    estate = desk.app.estate
    whoami = desk.whoami()
    troubled = [one for one in desk.scopes() if str(one.state) not in ("ok", "unsupported")]
    surveyed = desk.remember("surveyed", desk.inventory.accounts)
    covered = [
        row for row in desk.remember("coverage", desk.inventory.coverage) if row.state not in ("ok", "unsupported")
    ]
    paces = estate.throttle_stats()
    stats = desk.stats()
    return {
        "whoami": asdict(whoami) if whoami else None,
        "environment": estate.environment or "local",
        "endpoint": estate.config.endpoint_url,
        "sources": [asdict(one) for one in estate.decision.sources],
        "refusal": estate.decision.refusal,
        "hint": estate.decision.hint,
        "grid": desk.remember("grid", lambda: grid(desk.scopes())),
        "aliases": desk.aliases(),
        "counts": stats["by_account"],
        "surveyed": [plain(rows.account_row(one)) for one in surveyed],
        "coverage": [plain(rows.coverage_row(one)) for one in covered[:_MOST]],
        "coverage_total": len(covered),
        "trouble": [plain(rows.status_row(one)) for one in troubled[:_MOST]],
        "trouble_total": len(troubled),
        "throttles": [asdict(one) for one in sorted(paces, key=lambda one: -one.throttled) if one.throttled][:20],
        "calls": sum(one.calls for one in paces),
        "throttled": sum(one.throttled for one in paces),
        "cli": "windlass whoami",
    }
