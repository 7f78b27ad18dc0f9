"""Message move tasks: a dead-letter queue's messages move back to their source, or to another queue.

Source: API reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask. A moved message is a new
message: new id, sent now, never received.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windlass_local.sqs.errors import SqsError, invalid_value
from windlass_local.sqs.resource import SqsQueue

if TYPE_CHECKING:
    from windlass_local.sqs.region_queues import RegionQueues

__all__ = ["MoveTask", "cancel", "describe", "start"]

_STEP_S = 0.05
_UNLIMITED_PER_S = 20_000


@dataclass(slots=True, kw_only=True)
class MoveTask:
    """One task; its runner alone changes `moved`, `status` and `failure_reason`."""

    handle: str
    source: SqsQueue
    destination: SqsQueue | None
    limit_per_s: int | None
    to_move: int
    started_s: float
    moved: int = 0
    status: str = "RUNNING"
    failure_reason: str = ""
    runner: asyncio.Task[None] | None = field(default=None, repr=False)


def start(
    region: RegionQueues, source: SqsQueue, destination: SqsQueue | None, limit_per_s: int | None, now_s: float
) -> MoveTask:
    """Start a task on the running event loop. SqsError when the source is no dead-letter queue or is being moved."""
    if not region.sources_of(source):
        raise SqsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if any(move.source is source and move.status == "RUNNING" for move in region.moves):
        raise SqsError(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    token = json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source.queue_arn})
    task = MoveTask(
        handle=base64.b64encode(token.encode()).decode(),
        source=source,
        destination=destination,
        limit_per_s=limit_per_s,
        to_move=source.core.counters(now_s).visible,
        started_s=now_s,
    )
    region.moves.append(task)
    task.runner = asyncio.get_running_loop().create_task(_run(region, task))
    return task


def cancel(region: RegionQueues, handle: str) -> MoveTask:
    """Stop a running task; moved messages remain moved."""
    for task in region.moves:
        if task.handle == handle:
            if task.status != "RUNNING":
                raise invalid_value(handle, "TaskHandle", "Only running tasks can be cancelled.")
            task.status = "CANCELLED"
            return task
    raise SqsError("ResourceNotFoundException", "Task does not exist.")


def describe(tasks: Iterable[MoveTask]) -> list[dict[str, Any]]:
    """Return the entries of ListMessageMoveTasks."""
    return [_entry(task) for task in tasks]


def _entry(task: MoveTask) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Status": task.status,
        "SourceArn": task.source.queue_arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": int(task.started_s * 1000),
    }
    if task.status == "RUNNING":
        entry["TaskHandle"] = task.handle
    if task.destination is not None:
        entry["DestinationArn"] = task.destination.queue_arn
    if task.limit_per_s is not None:
        entry["MaxNumberOfMessagesPerSecond"] = task.limit_per_s
    if task.failure_reason:
        entry["FailureReason"] = task.failure_reason
    return entry


async def _run(region: RegionQueues, task: MoveTask) -> None:
    """Move in small steps, so that other calls run in between."""
    per_s = task.limit_per_s or _UNLIMITED_PER_S
    while task.status == "RUNNING":
        due = int((time.time() - task.started_s) * per_s) + 1 - task.moved
        with region.lock:
            for _ in range(min(due, 500)):
                if task.status != "RUNNING":
                    break
                _move_one(region, task, time.time())
        await asyncio.sleep(_STEP_S if due <= 500 else 0)


def _move_one(region: RegionQueues, task: MoveTask, now_s: float) -> None:
    message = task.source.core.take_one(now_s) if task.moved < task.to_move else None
    if message is None:
        task.status = "COMPLETED"
        return
    target = task.destination or region.by_arn(message.dead_letter_source_arn or "")
    if target is None or target.is_deleted:
        task.source.core.admit(message)
        task.status, task.failure_reason = "FAILED", "CouldNotDetermineMessageSource"
        return
    message.message_id = str(uuid.uuid4())
    message.sent_s = now_s
    message.receive_count = 0
    message.first_received_s = 0.0
    message.dead_letter_source_arn = None
    target.core.admit(message)
    target.changed(now_s, arrived=1)
    task.moved += 1
