"""The Queues page with depth, throughput, failures and dead letters, and the page of one queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from windlass.api.routes import job_json
from windlass.console.page_context import PageContext
from windlass.console.queue_poller import QueueSnapshot
from windlass.console.views.links import Data, Params, first
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.errors import NotFound
from windlass.inventory.model import Query
from windlass.queues.redrive_job import KIND
from windlass.queues.report import ConsumerRow, Sample

__all__ = ["queue", "queues"]

MAX_QUEUES = 40  # each queue on the page costs two calls of SQS every two seconds
BUCKET_S = 10
CHART_SPAN_S = 1200


def queues(context: PageContext, _: Params) -> Data:
    """Return the queues: those with a consumer first, then those of the inventory."""
    consumers = context.queues.consumers(within_s=86_400)
    known = _known(context)
    arns = list(dict.fromkeys([consumer.queue_arn for consumer in consumers] + known))
    shown = arns[:MAX_QUEUES]
    snapshots = context.queue_poller.snapshots(shown)
    samples = context.queues.samples([consumer.consumer_id for consumer in consumers], within_s=CHART_SPAN_S)
    failures = context.queues.failures(limit=200)
    now = clock.now()
    recent = [failure for failure in failures if now - failure.at < timedelta(hours=1)]
    items = [
        _row(arn, snapshots[arn], [consumer for consumer in consumers if consumer.queue_arn == arn], samples, now)
        | {"failures": sum(revision.queue_arn == arn for revision in recent)}
        for arn in shown
    ]
    items.sort(key=lambda row: (not row["consumers"], not row["dead"], -(row["visible"] or 0)))
    return {
        "items": items,
        "more": len(arns) - len(shown),
        "aliases": context.aliases(),
        "flow": _flow(samples, now),
        "rate": round(sum(row["rate"] for row in items), 1),
        "failures": [_failure(failure) for failure in failures[:12]],
        "jobs": [job_json(job) for job in context.jobs.list(kind=KIND, limit=5)],
        "cli": "windlass queue list",
    }


def queue(context: PageContext, params: Params) -> Data:
    """Return one queue. NotFound when it belongs to no consumer and is not in the inventory."""
    account, region, name = first(params, "account"), first(params, "region"), first(params, "name")
    arn = f"{_partition(region)}:sqs:{region}:{account}:{name}"
    consumers = context.queues.consumers(arn, within_s=86_400)
    if not consumers and arn not in _known(context):
        raise NotFound(
            f"there is no known queue {name} in {region} of {account}",
            hint="Collect the inventory, or consume the queue.",
        )
    snapshot = context.queue_poller.snapshots([arn])[arn]
    samples = context.queues.samples([consumer.consumer_id for consumer in consumers], within_s=CHART_SPAN_S)
    now = clock.now()
    failures = context.queues.failures(arn, limit=25)
    jobs = [job for job in context.jobs.list(kind=KIND, limit=20) if job.params.get("to") == arn]
    return {
        "row": _row(arn, snapshot, consumers, samples, now),
        "aliases": context.aliases(),
        "flow": _flow(samples, now),
        "consumers": [plain(asdict(consumer)) | {"state": consumer.state(now)} for consumer in consumers],
        "failures": [_failure(failure) for failure in failures],
        "jobs": [job_json(job) for job in jobs[:3]],
        "arn": arn,
        "cli": f"windlass queue watch {name} -r {region}",
    }


def _known(context: PageContext) -> list[str]:
    def read() -> list[str]:
        return [resource.arn for resource in context.inventory.list(Query(types=("sqs.queue",), limit=500)).rows]

    return context.cached("queues", read)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "arn:aws-cn"
    return "arn:aws-us-gov" if region.startswith("us-gov-") else "arn:aws"


def _row(
    arn: str, snapshot: QueueSnapshot, consumers: Sequence[ConsumerRow], samples: Iterable[Sample], now: datetime
) -> dict[str, Any]:
    _, _, _, region, account, name = arn.split(":", 5)
    ours = {consumer.consumer_id for consumer in consumers}
    running = [consumer for consumer in consumers if consumer.state(now) == "running"]
    lost = [consumer for consumer in consumers if consumer.state(now) == "lost"]
    flow = _flow([sample for sample in samples if sample.consumer_id in ours], now)
    depth = snapshot.depth
    return {
        "name": name,
        "arn": arn,
        "account_id": account,
        "region": region,
        "link": f"/queues/{account}/{region}/{name}",
        "visible": depth.visible if depth else None,
        "in_flight": depth.in_flight if depth else None,
        "delayed": depth.delayed if depth else None,
        "trend": list(snapshot.totals),
        "error": snapshot.error,
        "dead_letter_queue": snapshot.queue.dead_letter_name if snapshot.queue else "",
        "dead": snapshot.dead.total if snapshot.dead else 0 if snapshot.queue else None,  # None: SQS has not answered
        "max_receive_count": snapshot.queue.max_receive_count if snapshot.queue else 0,
        "consumers": len(running),
        "state": "running" if running else "lost" if lost else "stopped" if consumers else "",
        "rate": flow[-1]["done"] if flow else 0.0,
        "done": sum(consumer.counts.get("done", 0) for consumer in consumers),
        "failed": sum(consumer.counts.get("failed", 0) + consumer.counts.get("rejected", 0) for consumer in consumers),
    }


def _flow(samples: Iterable[Sample], now: datetime) -> list[dict[str, Any]]:
    """Messages per second in buckets of `BUCKET_S`, summed over consumers. The samples are counters that only grow."""
    end = int(now.timestamp()) // BUCKET_S
    done: dict[int, float] = {}
    failed: dict[int, float] = {}
    before: dict[str, Sample] = {}
    for sample in samples:
        last = before.get(sample.consumer_id)
        before[sample.consumer_id] = sample
        bucket = int(sample.at.timestamp()) // BUCKET_S
        base_done, base_failed = (last.done, last.failed) if last else (0, 0)
        done[bucket] = done.get(bucket, 0) + max(0, sample.done - base_done)
        failed[bucket] = failed.get(bucket, 0) + max(0, sample.failed - base_failed)
    if not done:
        return []
    # The current bucket is left out: it is incomplete and would appear as a drop.
    start = max(min(done), end - CHART_SPAN_S // BUCKET_S)
    return [
        {
            "at": datetime.fromtimestamp(bucket * BUCKET_S, now.tzinfo).strftime("%H:%M:%S"),
            "done": round(done.get(bucket, 0) / BUCKET_S, 1),
            "failed": round(failed.get(bucket, 0) / BUCKET_S, 1),
        }
        for bucket in range(start, end)
    ]


def _failure(failure: Any) -> dict[str, Any]:
    return plain(asdict(failure)) | {"queue": failure.queue_arn.rpartition(":")[2]}  # type: ignore[no-any-return]
