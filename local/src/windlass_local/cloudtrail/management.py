"""Management events on EventBridge: each call that changed something, as CloudTrail sends it to the account's default bus.

The real CloudTrail needs some seconds and a trail that logs management events; here every call is sent at once. Read-only
events are left out, as for every rule whose state is not ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS.
Source: EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; CloudTrail User Guide, "CloudTrail
record contents".
"""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.events.models import events_backends
from moto.s3.models import s3_backends

from windlass_local.cloudtrail.events import user_identity
from windlass_local.cloudtrail.identity import identity_of
from windlass_local.cloudtrail.operations import event_name, is_change
from windlass_local.cloudtrail.parameters import request_parameters, response_elements
from windlass_local.request import Request, Response
from windlass_local.workers import Workers

__all__ = ["DETAIL_TYPE", "ManagementEvents"]

DETAIL_TYPE = "AWS API Call via CloudTrail"
_GLOBAL = frozenset({"iam", "cloudfront", "route53", "organizations"})
"""Services whose events appear in us-east-1 alone."""

log = logging.getLogger(__name__)


class ManagementEvents:
    """Sends the calls of this process to EventBridge, in their order, on a thread of its own."""

    def __init__(self) -> None:
        self._workers = Workers("cloudtrail-events", 1)

    def watch(self, request: Request, answer: Response) -> None:
        """Send the call when a rule may want it. It runs for every call, so the cheapest checks come first."""
        if answer.status >= 300 or not request.operation or not is_change(request.service, request.operation):
            return
        source = f"aws.{_source_of(request)}"
        if not _interested(request.account_id, _region_of(request), source):
            return
        at = datetime.now(UTC)
        self._workers.put(lambda: self._send(request, answer, at))

    def _send(self, request: Request, answer: Response, at: datetime) -> None:
        try:
            record = _record(request, answer, at)
            _put(record, request.account_id)
        except Exception:  # a failure to record must not end the thread
            log.warning("a management event of %s could not be sent", request.operation, exc_info=True)


def _record(request: Request, answer: Response, at: datetime) -> dict[str, Any]:
    headers = request.headers
    request_id = next((value for name, value in answer.headers if name.lower().endswith("requestid")), "")
    return {
        "eventVersion": "1.11",
        "userIdentity": user_identity(identity_of(request)),
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{_source_of(request)}.amazonaws.com",
        "eventName": event_name(request.service, request.operation),
        "awsRegion": _region_of(request),
        "sourceIPAddress": headers.get("x-forwarded-for", "127.0.0.1").partition(",")[0].strip(),
        "userAgent": headers.get("user-agent", ""),
        "requestParameters": request_parameters(request),
        "responseElements": response_elements(request, answer),
        "requestID": request_id or str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": request.account_id,
        "eventCategory": "Management",
    }


def _source_of(request: Request) -> str:
    return "s3" if request.service == "s3control" else request.service


def _region_of(request: Request) -> str:
    if request.service in _GLOBAL:
        return "us-east-1"
    if request.service == "s3":
        place = s3_backends.bucket_accounts.get(request.bucket)
        bucket = s3_backends[place[1]][place[0]].buckets.get(request.bucket) if place else None
        return getattr(bucket, "region_name", "") or request.region or "us-east-1"
    return request.region or "us-east-1"


def _interested(account_id: str, region: str, source: str) -> list[Any]:
    """Return the enabled rules of an account and region that may match a call of the service, by source and detail type."""
    accounts = dict(events_backends)
    if account_id not in accounts or region not in accounts[account_id]:
        return []
    rules = list(accounts[account_id][region].event_buses["default"].rules.values())
    return [rule for rule in rules if rule.state == "ENABLED" and _may_match(rule.event_pattern.get_pattern(), source)]


def _may_match(pattern: Any, source: str) -> bool:
    return bool(pattern) and all(
        not all(isinstance(value, str) for value in pattern.get(field, ({},))) or expected in pattern[field]
        for field, expected in (("source", source), ("detail-type", DETAIL_TYPE))
    )


def _put(record: dict[str, Any], account_id: str) -> None:
    source = f"aws.{record['eventSource'].partition('.')[0]}"
    for rule in _interested(account_id, record["awsRegion"], source):
        now = int(datetime.now(UTC).timestamp())
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": DETAIL_TYPE,
            "source": source,
            "account": account_id,
            "time": now,
            "region": record["awsRegion"],
            "resources": [],
            "detail": record,
        }
        if any(target.get("InputTransformer") for target in rule.targets):
            rule.send_to_targets(event | {"ingestion-time": now})
        else:  # moto's default template leaves out the account
            rule.send_to_targets(event, transform_input=False)
