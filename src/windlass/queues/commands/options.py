"""Options and functions that the verbs of `windlass queue` share: opening the service, finding a dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.queues.address import Queue
    from windlass.queues.service import Queues

__all__ = ["QueueName", "dead_letter_queue", "open_queues"]

QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name, ARN or URL.")]


def open_queues(ctx: typer.Context) -> Queues:
    """Open the queue service."""
    return cast("Queues", service(ctx, "queues"))


def dead_letter_queue(queues: Queues, name: str, account: str, region: str) -> Queue:
    """Return the dead-letter queue of a queue. A queue without a redrive policy counts as a dead-letter queue itself."""
    queue = queues.open(name, account_id=account, region=region)
    return queues.dead_letters_of(queue) if queue.dead_letter_arn else queue
