"""Queues: depth, throughput, failures and dead letters of all that is consumed or known; and one queue by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from windlass.api.routes import job_value
from windlass.console.desk import Desk
from windlass.console.queue_poller import QueueState
from windlass.console.views.links import Data, Params, first
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.errors import NotFound
from windlass.inventory.model import Query
from windlass.queues.redrive_job import KIND
from windlass.queues.report import ConsumerRow, Sample

__all__ = ["queue", "queues"]

_SHOWN = 40
_BUCKET_S = 10
_SPAN_S = 1200


def queues(desk: Desk, _: Params) -> Data:
    """Queues with a consumer first, then the inventory's."""
    consumers = desk.queues.consumers(within_s=86_400)
    known = _known(desk)
    arns = list(dict.fromkeys([one.queue_arn for one in consumers] + known))
    shown = arns[:_SHOWN]
    seen = desk.queue_poller.read(shown)
    samples = desk.queues.samples([one.consumer_id for one in consumers], within_s=_SPAN_S)
    failures = desk.queues.failures(limit=200)
    now = clock.now()
    recent = [one for one in failures if now - one.at < timedelta(hours=1)]
    items = [
        _row(arn, seen[arn], [one for one in consumers if one.queue_arn == arn], samples, now)
        | {"failures": sum(one.queue_arn == arn for one in recent)}
        for arn in shown
    ]
    items.sort(key=lambda row: (not row["consumers"], not row["dead"], -(row["visible"] or 0)))
    return {
        "items": items,
        "more": len(arns) - len(shown),
        "aliases": desk.aliases(),
        "flow": _flow(samples, now),
        "rate": round(sum(row["rate"] for row in items), 1),
        "failures": [_failure(one) for one in failures[:12]],
        "jobs": [job_value(one) for one in desk.jobs.list(kind=KIND, limit=5)],
        "cli": "windlass queue list",
    }


def queue(desk: Desk, params: Params) -> Data:
    """One queue."""
    account, region, name = first(params, "account"), first(params, "region"), first(params, "name")
    arn = f"{_partition(region)}:sqs:{region}:{account}:{name}"
    consumers = desk.queues.consumers(arn, within_s=86_400)
    if not consumers and arn not in _known(desk):
        raise NotFound(f"{name} is not known in {region} of {account}", hint="Collect the inventory, or consume it.")
    seen = desk.queue_poller.read([arn])[arn]
    samples = desk.queues.samples([one.consumer_id for one in consumers], within_s=_SPAN_S)
    now = clock.now()
    failures = desk.queues.failures(arn, limit=25)
    jobs = [one for one in desk.jobs.list(kind=KIND, limit=20) if one.params.get("to") == arn]
    return {
        "row": _row(arn, seen, consumers, samples, now),
        "aliases": desk.aliases(),
        "flow": _flow(samples, now),
        "consumers": [plain(asdict(one)) | {"state": one.state(now)} for one in consumers],
        "failures": [_failure(one) for one in failures],
        "jobs": [job_value(one) for one in jobs[:3]],
        "arn": arn,
        "cli": f"windlass queue watch {name} -r {region}",
    }


def _known(desk: Desk) -> list[str]:
    def read() -> list[str]:
        return [one.arn for one in desk.inventory.list(Query(types=("sqs.queue",), limit=500)).rows]

    return desk.remember("queues", read)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "arn:aws-cn"
    return "arn:aws-us-gov" if region.startswith("us-gov-") else "arn:aws"


def _row(
    arn: str, seen: QueueState, consumers: Sequence[ConsumerRow], samples: Iterable[Sample], now: datetime
) -> dict[str, Any]:
    _, _, _, region, account, name = arn.split(":", 5)
    ours = {one.consumer_id for one in consumers}
    running = [one for one in consumers if one.state(now) == "running"]
    lost = [one for one in consumers if one.state(now) == "lost"]
    flow = _flow([one for one in samples if one.consumer_id in ours], now)
    depth = seen.depth
    return {
        "name": name,
        "arn": arn,
        "account_id": account,
        "region": region,
        "link": f"/queues/{account}/{region}/{name}",
        "visible": depth.visible if depth else None,
        "in_flight": depth.in_flight if depth else None,
        "delayed": depth.delayed if depth else None,
        "trend": list(seen.totals),
        "error": seen.error,
        "dead_letter_queue": seen.queue.dead_letter_name if seen.queue else "",
        "dead": seen.dead.total if seen.dead else 0,
        "max_receive_count": seen.queue.max_receive_count if seen.queue else 0,
        "consumers": len(running),
        "state": "running" if running else "lost" if lost else "stopped" if consumers else "",
        "rate": flow[-1]["done"] if flow else 0.0,
        "done": sum(one.counts.get("done", 0) for one in consumers),
        "failed": sum(one.counts.get("failed", 0) + one.counts.get("rejected", 0) for one in consumers),
    }


def _flow(samples: Iterable[Sample], now: datetime) -> list[dict[str, Any]]:
    """Messages a second in tens of seconds, from counts that only grow; consumers added up."""
    end = int(now.timestamp()) // _BUCKET_S
    done: dict[int, float] = {}
    failed: dict[int, float] = {}
    before: dict[str, Sample] = {}
    for one in samples:
        last = before.get(one.consumer_id)
        before[one.consumer_id] = one
        bucket = int(one.at.timestamp()) // _BUCKET_S
        base_done, base_failed = (last.done, last.failed) if last else (0, 0)
        done[bucket] = done.get(bucket, 0) + max(0, one.done - base_done)
        failed[bucket] = failed.get(bucket, 0) + max(0, one.failed - base_failed)
    if not done:
        return []
    # The bucket under way is left out: it would always look like a drop.
    start = max(min(done), end - _SPAN_S // _BUCKET_S)
    return [
        {
            "at": datetime.fromtimestamp(bucket * _BUCKET_S, now.tzinfo).strftime("%H:%M:%S"),
            "done": round(done.get(bucket, 0) / _BUCKET_S, 1),
            "failed": round(failed.get(bucket, 0) / _BUCKET_S, 1),
        }
        for bucket in range(start, end)
    ]


def _failure(one: Any) -> dict[str, Any]:
    return plain(asdict(one)) | {"queue": one.queue_arn.rpartition(":")[2]}  # type: ignore[no-any-return]
