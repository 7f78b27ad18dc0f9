"""Manifests of batch jobs, written to the seed's prefix: keys to copy, and failed tasks to retry.

S3's batch copy writes one storage class (STANDARD unless the job names one). So copies get a manifest and a job for
each storage class of their sources.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from windlass.core.errors import Interrupted, NotFound
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.effects import checkpoint_of, staging_prefixes
from windlass.replication.methods.batch.manifest import encode_rows, encode_versions
from windlass.replication.methods.batch.report_download import failed_rows
from windlass.replication.methods.batch.upload import upload
from windlass.replication.model import BatchJob, Method, Operation
from windlass.replication.own_keys import BucketClients
from windlass.replication.planning.candidates import (
    CandidateCounts,
    PeekedChunks,
    Rows,
    noncurrent,
    restored_check,
    wanted,
)
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.task import SeedTask
from windlass.wire.listing import Listed, ListedVersion

if TYPE_CHECKING:
    from windlass.replication.service import Replication

__all__ = ["ManifestWriter"]

_BUFFERED_ROWS = 4096
_CHUNK_BYTES = 1 << 20
_COPIED_CLASSES = frozenset(
    {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"}
)
"""The classes that a batch copy can write besides STANDARD (S3 Control API, S3CopyObjectOperation)."""


@dataclass(frozen=True, slots=True)
class ManifestWriter:
    """Writes the manifests of one seed until `stop` is set."""

    replication: Replication
    seed: SeedTask
    request: SeedRequest
    stop: threading.Event

    def list_objects(self, tally: CandidateCounts) -> list[batch.ManifestRef]:
        """Write the keys to copy into manifests: noncurrent versions first, in separate manifests.

        Archived objects are included only if they are restored; `tally` counts the others.
        """
        seed, request, most = self.seed, self.request, self.replication.config.multipart_threshold_bytes
        bucket = seed.pair.source.bucket
        written: list[batch.ManifestRef] = []
        with BucketClients(self.replication.estate) as clients:
            reader = seed.pair.source.account_id or seed.pair.destination.account_id
            is_restored = restored_check(clients, seed.pair.source, reader)
            by_class = seed.method is Method.BATCH and seed.operation is Operation.COPY
            by_class = by_class and not request.template.copying.StorageClass
            if request.versions:
                older = noncurrent(clients, seed, reader, tally, largest_bytes=most, is_restored=is_restored)
                if by_class:
                    written += self._write_by_class("noncurrent", older, versions=True)
                else:
                    written += self._write("noncurrent", _encoded(bucket, older), versions=True)
            both = self.replication.direct.candidates(
                seed.pair, source_only=seed.operation is Operation.LAMBDA, criteria=request.criteria
            )
            rows = wanted(both, seed, tally, largest_bytes=most, is_restored=is_restored)
            if by_class:
                written += self._write_by_class("current", rows, versions=False)
            else:
                written += self._write("current", _encoded(bucket, rows), versions=False)
        return written

    def list_failed(self, tally: CandidateCounts) -> list[batch.ManifestRef]:
        """Write the failed tasks of earlier jobs, from their reports: one manifest per job, with the job's storage
        class.
        """
        written: list[batch.ManifestRef] = []
        for number, job_at in enumerate(checkpoint_of(self.seed).retry_of):
            job = batch.describe(self.replication.estate, *job_at)
            rows = Rows(self._failed_rows(job))
            manifests = self._write(f"retry-{number}", rows, versions=False)
            written += [
                replace(manifest, versions=rows.versions, storage_class=job.storage_class) for manifest in manifests
            ]
            tally.rows += rows.count
        return written

    def _failed_rows(self, job: BatchJob) -> Iterator[bytes]:
        place = batch.job_bucket(self.seed.operation, self.seed.pair)
        try:
            yield from failed_rows(self.replication.estate, job, place)
        except NotFound:
            raise NotFound(
                f"job {job.job_id} has no completion report: its failed objects are unknown",
                hint="Seed the pair again: objects that are in sync are skipped.",
            ) from None

    def _write_by_class(
        self, name: str, rows: Iterable[Listed | ListedVersion], *, versions: bool
    ) -> list[batch.ManifestRef]:
        """Write a manifest for each storage class of the rows: `NAME-standard-ia`; `NAME` for those that need no class
        in the job.
        """
        written: list[batch.ManifestRef] = []
        with contextlib.ExitStack() as files:
            spooled = _spool(self.seed.pair.source.bucket, rows, files)
            for storage_class in sorted(spooled, key=lambda name: (name != "", name)):
                file = spooled[storage_class]
                file.seek(0)
                of_class = f"{name}-{storage_class.lower().replace('_', '-')}" if storage_class else name
                manifests = self._write(of_class, iter(partial(file.read, _CHUNK_BYTES), b""), versions=versions)
                written += [replace(manifest, storage_class=storage_class) for manifest in manifests]
        return written

    def _write(self, name: str, chunks: Iterable[bytes], *, versions: bool) -> list[batch.ManifestRef]:
        """Write one manifest; none when there are no rows."""
        seen = PeekedChunks(chunks)
        if not seen.any:
            return []
        seed = self.seed
        spot = staging_prefixes(
            seed.pair, self.request.template, seed.operation, self.replication.config, seed.seed_id
        )[0]
        place = batch.job_bucket(seed.operation, seed.pair)
        estate = self.replication.estate

        def call(operation: str, **params: Any) -> dict[str, Any]:
            if self.stop.is_set():
                raise Interrupted(f"the seed of {seed.pair.title} was stopped")
            return estate.call(place.account_id, place.region, "s3", operation, **params)

        key = f"{spot.prefix}/manifest-{name}.csv"
        done = upload(call, spot.bucket, key, seen)
        return [batch.ManifestRef(spot.bucket, key, done.etag, versions)]


def _encoded(bucket: str, rows: Iterable[Listed | ListedVersion]) -> Iterator[bytes]:
    """Encode rows of one kind: versions with their ids, objects without."""
    source = iter(rows)
    first = next(source, None)
    if first is None:
        return iter(())
    every = chain((first,), source)
    if isinstance(first, ListedVersion):
        return encode_versions(bucket, ((row.key, row.version_id) for row in every if isinstance(row, ListedVersion)))
    return encode_rows(bucket, (row.key for row in every))


def _spool(bucket: str, rows: Iterable[Listed | ListedVersion], files: contextlib.ExitStack) -> dict[str, IO[bytes]]:
    """Write manifest rows to one file for each storage class that a job must name. All others are under the empty name."""
    spooled: dict[str, IO[bytes]] = {}
    waiting: dict[str, list[Listed | ListedVersion]] = {}

    def write(name: str) -> None:
        if name not in spooled:
            spooled[name] = files.enter_context(tempfile.TemporaryFile(prefix="windlass-manifest-"))  # noqa: SIM115  it is entered
        spooled[name].writelines(_encoded(bucket, waiting.pop(name)))

    for row in rows:
        name = row.storage_class if row.storage_class in _COPIED_CLASSES else ""
        rows_of_class = waiting.setdefault(name, [])
        rows_of_class.append(row)
        if len(rows_of_class) == _BUFFERED_ROWS:
            write(name)
    for name in list(waiting):
        write(name)
    return spooled
