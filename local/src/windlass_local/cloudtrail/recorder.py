"""The recorder: S3 calls become events of the trails that select them, and every few seconds a gzip file in their bucket.

The real CloudTrail delivers within about five minutes; `GET /_windlass/trails` delivers at once and returns what was delivered.
Owner and caller each get the event in their own account, as they do in AWS.
"""

from __future__ import annotations

import gzip
import json
import logging
import secrets
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from moto.cloudtrail.models import cloudtrail_backends
from moto.s3.models import s3_backends

from windlass_local.cloudtrail.events import DATA_OPERATIONS, S3Call, event
from windlass_local.cloudtrail.identity import identity_of
from windlass_local.cloudtrail.selectors import selects
from windlass_local.request import Request, Response

__all__ = ["PRIVATE_NAMES", "Recorder"]

PRIVATE_NAMES = (
    "moto.cloudtrail.models.cloudtrail_backends",
    "moto.cloudtrail.models.Trail",
    "moto.s3.models.s3_backends",
)

log = logging.getLogger(__name__)
_EVERY_S = 3.0
_MOST_EVENTS = 2000


class Recorder:
    """All trails of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)  # bucket, account, region
        self._thread: threading.Thread | None = None
        self.delivered = 0

    def watch(self, request: Request, response: Response) -> None:
        """Record the call if a trail selects it. It runs for every call, so the cheapest checks come first."""
        if request.service != "s3" or request.operation not in DATA_OPERATIONS or not _any_trail():
            return
        try:
            self._record(request, response)
        except Exception:  # a failure to record must not fail the call
            log.warning("a CloudTrail event could not be written", exc_info=True)

    def page(self, rest: str) -> dict[str, Any]:  # noqa: ARG002  the page has no parts
        """Deliver what waits; how many events were delivered so far."""
        self.deliver()
        return {"delivered": self.delivered}

    def deliver(self) -> None:
        """Write every event that waits into its trail's bucket."""
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        for (bucket, account_id, region), events in waiting.items():
            by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for record in events:
                by_day[record["eventTime"][:10]].append(record)
            for day, of_day in by_day.items():
                _write(bucket, account_id, region, day, of_day)
                self.delivered += len(of_day)

    def _record(self, request: Request, response: Response) -> None:
        bucket_name = request.bucket
        destination = s3_backends.bucket_accounts.get(bucket_name)
        owner = destination[1] if destination else ""
        result = s3_backends[owner][destination[0]].buckets.get(bucket_name) if destination else None
        region = getattr(result, "region_name", "") or request.region or "us-east-1"
        call = _call_of(request, response, owner, region)
        name, reads = DATA_OPERATIONS[request.operation]
        identity = identity_of(request)
        for account_id in {owner, identity.account_id} - {""}:
            targets = {
                trail.bucket_name
                for trail in _trails(account_id)
                if (trail.is_multi_region or trail.region_name == region)
                and selects(
                    trail.event_selectors,
                    trail.advanced_event_selectors,
                    arn=f"arn:aws:s3:::{bucket_name}/{call.key}",
                    name=name,
                    read_only=reads,
                )
            }
            for target in targets:
                self._wait(target, account_id, region, event(call, identity, account_id))

    def _wait(self, bucket: str, account_id: str, region: str, record: dict[str, Any]) -> None:
        with self._lock:
            waiting = self._waiting[bucket, account_id, region]
            waiting.append(record)
            full = len(waiting) >= _MOST_EVENTS
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver_forever, name="cloudtrail", daemon=True)
                self._thread.start()
        if full:
            self.deliver()

    def _deliver_forever(self) -> None:
        while True:
            time.sleep(_EVERY_S)
            try:
                self.deliver()
            except Exception:  # moto may be reset meanwhile
                log.debug("CloudTrail could not deliver", exc_info=True)


def _any_trail() -> bool:
    return any(
        trail.status.is_logging
        for account in list(cloudtrail_backends.values())
        for backend in list(account.values())
        for trail in list(backend.trails.values())
    )


def _trails(account_id: str) -> list[Any]:
    backends = dict(cloudtrail_backends).get(account_id, {})
    result = [trail for backend in list(backends.values()) for trail in list(backend.trails.values())]
    return [trail for trail in result if trail.status.is_logging]


def _call_of(request: Request, response: Response, owner: str, region: str) -> S3Call:
    headers = request.headers
    bucket, _, key = request.path.lstrip("/").partition("/")
    reported = headers.get("x-windlass-time", "")
    length = next((value for name, value in response.headers if name.lower() == "x-amz-request-id"), "")
    return S3Call(
        at=datetime.fromisoformat(reported).astimezone(UTC) if reported else datetime.now(UTC),
        operation=request.operation,
        bucket=unquote(bucket),
        key=unquote(key),
        owner_account_id=owner,
        region=region,
        source_ip=headers.get("x-forwarded-for", "127.0.0.1").partition(",")[0].strip(),
        host=headers.get("host", ""),
        headers=headers,
        query=dict(parse_qsl(request.query, keep_blank_values=True)),
        status=response.status,
        bytes_in=len(request.body),
        bytes_out=len(response.body),
        request_id=length or secrets.token_hex(8).upper(),
    )


def _write(bucket: str, account_id: str, region: str, day: str, events: list[dict[str, Any]]) -> None:
    destination = s3_backends.bucket_accounts.get(bucket)
    if destination is None:  # the bucket was deleted: CloudTrail reports that in LatestDeliveryError
        return
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%MZ")
    name = f"{account_id}_CloudTrail_{region}_{stamp}_{secrets.token_urlsafe(12)[:16].replace('-', 'a').replace('_', 'b')}.json.gz"
    key = f"AWSLogs/{account_id}/CloudTrail/{region}/{day.replace('-', '/')}/{name}"
    body = gzip.compress(json.dumps({"Records": events}, separators=(",", ":")).encode(), 6)
    s3_backends[destination[1]][destination[0]].put_object(bucket, key, body, disable_notification=True)
