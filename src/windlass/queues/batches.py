"""Batches of messages to send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from windlass.wire.sqs import BATCH

__all__ = ["MAX_BODY_BYTES", "batches"]

MAX_BODY_BYTES = 1_048_576
"""The maximum number of bytes that SQS accepts in a message or batch, attributes included (since August 2025)."""


def batches(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield batches of at most ten messages and at most the bytes that SQS accepts."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        more = len(entry["MessageBody"].encode("utf-8", "surrogatepass")) + 512
        if batch and (len(batch) == BATCH or size + more > MAX_BODY_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch
