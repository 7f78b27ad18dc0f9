"""Executor: runs one object through one pipeline by making the calls that `deliver` yields."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from windlass.core.errors import WindlassError
from windlass.events import ObjectEvent
from windlass.pipelines.attributes import content_type_of, preserved_headers
from windlass.pipelines.delivery import (
    DeleteTarget,
    DeliveryOutcome,
    DeliveryTask,
    Effect,
    HeadSource,
    HeadTarget,
    NextOutput,
    PutResult,
    PutTarget,
    ReadSource,
    deliver,
)
from windlass.pipelines.model import Output, Reason, Rejected, Source
from windlass.pipelines.output_writer import OutputBody, write_output
from windlass.pipelines.pipeline import Pipeline
from windlass.pipelines.source_reader import SourceReader, find_head, open_source, state_of
from windlass.pipelines.spool import Spool
from windlass.pipelines.stamp import Stamp, TargetState
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient

__all__ = ["DeliveryResult", "PipelineClients", "Tags", "process"]

Tags = Callable[[str, str, str], dict[str, str]]
"""`tags(bucket, key, version_id)` returns an object's tags."""


@dataclass(frozen=True, slots=True)
class PipelineClients:
    """The clients of source and target, the reader of tags, and the slots for large objects."""

    source: BlockingClient
    target: BlockingClient
    tags: Tags
    large: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2))  # slots for large objects


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The outcome of one delivery, the bytes it moved and the keys it wrote."""

    outcome: DeliveryOutcome
    read_bytes: int = 0
    written_bytes: int = 0
    outputs: tuple[str, ...] = ()


def process(
    pipeline: Pipeline,
    clients: PipelineClients,
    bucket: str,
    key: str,
    event: ObjectEvent | None = None,
    *,
    head_first: bool = False,
) -> DeliveryResult:
    """Deliver one object. Raises Rejected for bad input, SourceChanged when the source changed meanwhile, WindlassError for faults."""
    mirrored = ""
    if pipeline.config.mirror_deletes:
        bare = Source(chunks=(), name=key.rpartition("/")[2], bucket=bucket, key=key)
        mirrored = pipeline.target.key(bare, Output(chunks=(), name=bare.name))
    task = DeliveryTask(
        pipeline=pipeline.name,
        recipe=pipeline.recipe,
        bucket=bucket,
        key=key,
        event=event,
        per_version=pipeline.target.per_version,
        mirror_target=mirrored,
        head_first=head_first,
        large_bytes=pipeline.config.part_bytes,
    )
    with EffectInterpreter(pipeline, clients, bucket, key) as interpreter:
        steps = deliver(task)
        result: Any = None
        while True:
            try:
                effect = steps.send(result)
            except StopIteration as stop:
                return DeliveryResult(
                    stop.value, interpreter.read_bytes, interpreter.written_bytes, tuple(interpreter.written)
                )
            result = interpreter.interpret(effect)


class EffectInterpreter:
    def __init__(self, pipeline: Pipeline, clients: PipelineClients, bucket: str, key: str) -> None:
        self._pipeline, self._clients = pipeline, clients
        self._bucket, self._key = bucket, key
        self._source: Source | None = None
        self._outputs: Iterator[Output] = iter(())
        self._output: Output | None = None
        self._body: OutputBody | None = None
        self._index = -1
        self._keys: set[str] = set()
        self._preserved: dict[str, str] = {}
        self._holds_slot = False
        self._spool: Spool | None = None
        self.read_bytes = self.written_bytes = 0
        self.written: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        if self._holds_slot:
            self._clients.large.release()

    def _acquire_slot(self) -> None:
        """Wait for one of the slots for large objects. An object takes at most one, so deliveries cannot block each other for ever."""
        if not self._holds_slot:
            self._clients.large.acquire()
            self._holds_slot = True

    def _close(self) -> None:
        close = getattr(self._outputs, "close", None)
        if close is not None:
            close()
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def interpret(self, effect: Effect) -> Any:
        match effect:
            case ReadSource(version_id):
                return self._read(version_id)
            case NextOutput():
                return self._next()
            case PutTarget():
                return self._put(effect)
            case HeadSource():
                head = find_head(self._clients.source, self._bucket, self._key)
                return state_of(head, head.size_bytes) if head is not None else None
            case HeadTarget(key):
                head = find_head(self._clients.target, self._pipeline.target.bucket, key)
                return TargetState(etag=head.etag, stamp=Stamp.from_metadata(_metadata(head.headers))) if head else None
            case DeleteTarget(key, if_match):
                return self._delete(key, if_match)

    def _read(self, version_id: str) -> Any:
        self._close()
        config = self._pipeline.config
        reader = open_source(
            self._clients.source, self._bucket, self._key, version_id=version_id, range_bytes=config.part_bytes
        )
        if reader is None:
            return None
        if reader.size_bytes > config.part_bytes:
            self._acquire_slot()
        tags = self._clients.tags(self._bucket, self._key, reader.head.version_id) if config.tags == "keep" else {}
        transform = self._pipeline.transform
        if transform.many and not transform.own:
            self._dry_run(reader, tags)
        self._preserved = preserved_headers(reader.head.headers, unchanged=self._pipeline.transform.unchanged)
        self.read_bytes += reader.size_bytes
        self._source = reader.source(tags)
        outputs = transform.run(self._source)
        if transform.many and transform.own:
            outputs = self._spool_outputs(outputs)
        self._outputs, self._index, self._body = outputs, -1, None
        self._keys = set()
        return reader.state

    def _spool_outputs(self, outputs: Iterator[Output]) -> Iterator[Output]:
        """Make all outputs before publishing the first. A user's function runs once, because it may have side effects."""
        assert self._source is not None
        self._spool = Spool()
        outputs_made, keys = [], set[str]()
        for index, output in enumerate(self._spool.keep(outputs)):
            self._check_distinct(self._source, output, index, keys)
            outputs_made.append(output)
        return iter(outputs_made)

    def _dry_run(self, reader: SourceReader, tags: dict[str, str]) -> None:
        """Run the transform once without writing, so that a failing output stops the object before any output is published."""
        source, keys = reader.source(tags), set[str]()
        for index, output in enumerate(self._pipeline.transform.run(source)):
            for _ in output.chunks:
                pass
            self._check_distinct(source, output, index, keys)

    def _check_distinct(self, source: Source, output: Output, index: int, keys: set[str]) -> None:
        """Add an output's key to `keys`. Rejected when another output has the same key."""
        key = self._pipeline.target.key(source, output, index)
        if key in keys:
            raise Rejected(
                Reason.COLLISION,
                f"two outputs of this object have the key {key}",
                hint="Use {member}, {name} or {index} in the target template.",
            )
        keys.add(key)

    def _next(self) -> str | None:
        assert self._source is not None
        if self._body is not None and not self._body.spent:
            self._body.drain()
        self._output = next(self._outputs, None)
        if self._output is None:
            return None
        self._index += 1
        self._body = OutputBody(self._output.chunks, self._pipeline.config.part_bytes)
        # A transform may set the output's name only when it makes the first bytes.
        self._body.load()
        key = self._pipeline.target.key(self._source, self._output, self._index)
        if key in self._keys:
            raise Rejected(Reason.COLLISION, f"two outputs of this object have the key {key}")
        self._keys.add(key)
        return key

    def _put(self, effect: PutTarget) -> PutResult:
        assert self._body is not None
        if self._body.spent:
            return PutResult.REFUSED_AND_SPENT
        if not self._body.fits_one_part:
            self._acquire_slot()
        result, size = write_output(
            self._clients.target,
            self._pipeline.target.bucket,
            effect.key,
            self._body,
            headers=self._headers(effect.stamp),
            if_match=effect.if_match,
        )
        if result is PutResult.WRITTEN:
            self.written_bytes += size
            self.written.append(effect.key)
            self._body.spent = True
        return result

    def _headers(self, stamp: Stamp) -> dict[str, str]:
        assert self._source is not None
        assert self._output is not None
        config = self._pipeline.config
        metadata = {name: value for name, value in self._source.metadata.items() if not name.startswith("windlass-")}
        metadata |= dict(self._output.metadata) | config.metadata | stamp.to_metadata()
        headers = self._preserved | {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        kind = config.content_type or content_type_of(self._output, self._source)
        if kind:
            headers["content-type"] = kind
        if config.storage_class != "keep":
            headers.pop("x-amz-storage-class", None)
            if config.storage_class:
                headers["x-amz-storage-class"] = config.storage_class
        if self._source.tags:
            headers["x-amz-tagging"] = urlencode(self._source.tags)
        return headers

    def _delete(self, key: str, if_match: str) -> bool:
        try:
            self._clients.target.send(s3.delete(self._pipeline.target.bucket, key, if_match=if_match))
        except WindlassError as error:
            if error.code in ("PreconditionFailed", "412", "ConditionalRequestConflict", "409"):
                return False
            if error.code in ("NoSuchKey", "404"):
                return True
            raise
        return True


def _metadata(headers: Any) -> dict[str, str]:
    return {name[len("x-amz-meta-") :]: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
