"""The Accounts page: identity, credential sources, coverage, failures and throttling."""

from __future__ import annotations

from dataclasses import asdict

from windlass.console.page_context import PageContext
from windlass.console.views.grid import grid
from windlass.console.views.links import Data, Params
from windlass.core.canonical import plain
from windlass.inventory import rows

__all__ = ["accounts"]

MAX_ROWS = 200


def accounts(context: PageContext, _: Params) -> Data:
    """Return the identity, the coverage, failed scopes and throttled services."""
    estate = context.app.estate
    whoami = context.whoami()
    failed = [scope for scope in context.scopes() if str(scope.state) not in ("ok", "unsupported")]
    surveyed = context.cached("surveyed", context.inventory.accounts)
    incomplete = [
        row for row in context.cached("coverage", context.inventory.coverage) if row.state not in ("ok", "unsupported")
    ]
    throttles = estate.throttle_stats()
    return {
        "whoami": asdict(whoami) if whoami else None,
        "environment": estate.environment or "local",
        "endpoint": estate.config.endpoint_url,
        "sources": [asdict(source) for source in estate.decision.sources],
        "refusal": estate.decision.refusal,
        "hint": estate.decision.hint,
        "grid": context.cached("grid", lambda: grid(context.scopes())),
        "aliases": context.aliases(),
        "counts": context.stats()["by_account"],
        "surveyed": [plain(rows.account_row(survey)) for survey in surveyed],
        "coverage": [plain(rows.coverage_row(coverage)) for coverage in incomplete[:MAX_ROWS]],
        "coverage_total": len(incomplete),
        "failed": [plain(rows.status_row(scope)) for scope in failed[:MAX_ROWS]],
        "failed_total": len(failed),
        "throttles": [
            asdict(stats) for stats in sorted(throttles, key=lambda stats: -stats.throttled) if stats.throttled
        ][:20],
        "calls": sum(stats.calls for stats in throttles),
        "throttled": sum(stats.throttled for stats in throttles),
        "cli": "windlass whoami",
    }
