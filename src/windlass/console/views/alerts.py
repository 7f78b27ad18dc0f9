"""The Alerts page: the watch rules, what they recorded last, and the deliveries."""

from __future__ import annotations

from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, link, one_of
from windlass.core.canonical import plain
from windlass.watch.model import DeliveryStatus
from windlass.watch.rows import alert_row, delivery_row, rule_rows

__all__ = ["alerts"]

MAX_ALERTS = 50
MAX_DELIVERIES = 50


def alerts(context: PageContext, params: Params) -> Data:
    """Return the rules, the last alerts and the last deliveries, of one rule and status when the URL names them."""
    watch = context.app.watch
    rule = one_of(params, "rule", [each.name for each in watch.rules])
    status = one_of(params, "status", DeliveryStatus)
    chosen = DeliveryStatus(status) if status else None
    listed = watch.deliveries(rule=rule, status=chosen, limit=MAX_DELIVERIES)
    return {
        "rules": plain(rule_rows(watch)),
        "rule": rule,
        "alerts": plain([alert_row(alert) for alert in watch.alerts(rule=rule, limit=MAX_ALERTS)]),
        "deliveries": plain([delivery_row(delivery) for delivery in listed]),
        "statuses": [
            {"name": "all", "chosen": chosen is None, "link": link("/alerts", params, status="")},
            *(
                {"name": str(known), "chosen": known is chosen, "link": link("/alerts", params, status=str(known))}
                for known in DeliveryStatus
            ),
        ],
        "cli": f"windlass watch deliveries{f' --rule {rule}' if rule else ''}",
    }
