"""The Patterns page: every component with sample data, for designers and tests."""

from __future__ import annotations

from windlass.console.diff import side_by_side
from windlass.console.page_context import PageContext
from windlass.console.views.grid import STATES
from windlass.console.views.links import Data, Params

__all__ = ["patterns"]

_BEFORE = {"Name": "ledger", "Versioning": {"Status": "Suspended"}, "Tags": {"env": "prod"}, "Rules": [80, 443]}
_AFTER = {"Name": "ledger", "Versioning": {"Status": "Enabled"}, "Tags": {"env": "prod", "team": "web"}, "Rules": [443]}


def patterns(_context: PageContext, _: Params) -> Data:
    """Return the sample data of every component."""
    days = [
        {"day": f"2026-11-{day:02}", "created": day % 5 * 3, "updated": day % 7 * 2, "deleted": day % 3}
        for day in range(1, 31)
    ]
    regions = ["aws-global", "eu-west-1", "us-east-1"]
    return {
        "days": days,
        "types": [(f"{name}.kind-{n}", 300 // n, "/patterns") for name in ("s3", "ec2", "iam") for n in range(1, 9)],
        "states": STATES,
        "document": _AFTER | {"Policy": None, "Public": False, "Count": 3, "Nothing": {}, "List": []},
        "diff": side_by_side(_BEFORE, _AFTER),
        "grid": {
            "regions": regions,
            "accounts": [
                {
                    "id": f"account-{row}",
                    "cells": [
                        {"region": region, "counts": {state: 3}, "state": state, "resources": 10 * row}
                        for region, state in zip(regions, STATES[row::3], strict=False)
                    ],
                }
                for row in range(3)
            ],
        },
        "patch": {
            "change": "updated",
            "name": "harbour-ledger",
            "type": "s3.bucket",
            "account_id": "111111111111",
            "region": "eu-west-1",
            "key": "arn:aws:s3:::harbour-ledger",
            "revision_id": 1,
            "simulated": False,
            "actor": "arn:aws:sts::111111111111:assumed-role/deploy/ann",
            "events": [
                {
                    "event_id": "1",
                    "at": "2026-11-20T08:00:00Z",
                    "name": "PutBucketTagging",
                    "source_ip": "198.51.100.7",
                    "user_agent": "aws-cli",
                }
            ],
            "valid_from": "2026-11-20T08:00:00Z",
            "summary": "~Versioning.Status +Tags.team",
            "patch": [
                {"op": "replace", "path": "/Versioning/Status", "value": "Enabled"},
                {"op": "add", "path": "/Tags/team", "value": "web"},
                {"op": "remove", "path": "/Rules/0"},
            ],
        },
    }
