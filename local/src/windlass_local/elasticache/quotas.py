"""Service Quotas of ElastiCache: applied values per account and region, raised by request. Pure except for ids."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["NODES_PER_CLUSTER", "NODES_PER_REGION", "QUOTAS", "Quotas"]

NODES_PER_CLUSTER = "L-8C334AD1"
NODES_PER_REGION = "L-DFE45DF3"

# Code: name and default (Amazon ElastiCache endpoints and quotas, AWS General Reference).
QUOTAS: dict[str, tuple[str, float, bool]] = {
    NODES_PER_REGION: ("Nodes per Region", 300.0, True),
    NODES_PER_CLUSTER: ("Nodes per cluster (Memcached)", 60.0, True),
    "L-AF354865": ("Nodes per cluster per instance type (Redis OSS cluster mode enabled)", 90.0, True),
    "L-3F15A733": ("Parameter groups per Region", 300.0, True),
    "L-3E7F7726": ("Subnet groups per Region", 300.0, True),
    "L-A87EE522": ("Subnets per subnet group", 20.0, True),
}
_SERVICE = {"ServiceCode": "elasticache", "ServiceName": "Amazon ElastiCache"}


@dataclass(slots=True)
class Quotas:
    """The quotas of ElastiCache in one account and region, and the requests to raise them."""

    account_id: str
    region: str
    values: dict[str, float] = field(default_factory=dict)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)

    def value(self, code: str) -> float:
        """Return the value in force."""
        return self.values.get(code, QUOTAS[code][1])

    def describe(self, code: str, *, default: bool = False) -> dict[str, Any]:
        """Return the quota as GetServiceQuota does (as GetAWSDefaultServiceQuota with `default`)."""
        name, standard, adjustable = QUOTAS[code]
        owner = "" if default else self.account_id
        return {
            **_SERVICE,
            "QuotaArn": f"arn:aws:servicequotas:{self.region}:{owner}:elasticache/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": standard if default else self.value(code),
            "Unit": "None",
            "Adjustable": adjustable,
            "GlobalQuota": False,
            "QuotaAppliedAtLevel": "ACCOUNT",
        }

    def open_request(self, code: str) -> dict[str, Any] | None:
        """Return the pending request for this quota, or None."""
        waiting = (
            request
            for request in self.requests.values()
            if request["QuotaCode"] == code and request["Status"] == "PENDING"
        )
        return next(waiting, None)

    def request(self, code: str, desired: float, *, now: float, answer_s: float) -> dict[str, Any]:
        """Open a request; it is approved after `answer_s` seconds."""
        at = datetime.fromtimestamp(now, UTC).timestamp()
        created = {
            **_SERVICE,
            "Id": uuid.uuid4().hex,
            "QuotaCode": code,
            "QuotaName": QUOTAS[code][0],
            "DesiredValue": desired,
            "Status": "PENDING",
            "Created": at,
            "LastUpdated": at,
            "GlobalQuota": False,
            "Unit": "None",
            "QuotaArn": self.describe(code)["QuotaArn"],
            "QuotaRequestedAtLevel": "ACCOUNT",
            "Requester": f'{{"accountId":"{self.account_id}"}}',
        }
        self.requests[created["Id"]] = created
        self._due[created["Id"]] = now + answer_s
        return created

    def settle(self, now: float) -> None:
        """Approve the requests that are due."""
        for request_id in [request for request, at in self._due.items() if at <= now]:
            del self._due[request_id]
            created = self.requests[request_id]
            created.update(Status="APPROVED", LastUpdated=now)
            self.values[created["QuotaCode"]] = created["DesiredValue"]
