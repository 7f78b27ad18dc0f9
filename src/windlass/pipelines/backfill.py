"""Backfill: a resumable job that runs existing objects through a pipeline, from a listing, an S3 Inventory or a file."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from windlass.core.errors import UsageError, WindlassError
from windlass.core.paging import LoopGuard
from windlass.jobs.service import Jobs, RunningJob
from windlass.pipelines.allocator import return_freed_memory
from windlass.pipelines.delivery import DeliveryOutcome
from windlass.pipelines.runner import Contended, PipelineRunner, Quarantined
from windlass.pipelines.selection import Selection, split_url
from windlass.pipelines.service import Pipelines
from windlass.queues.handlers import describe
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient

__all__ = ["KIND", "backfill_as_job", "register", "start"]

KIND = "pipeline.backfill"
_BATCH = 200
_MAX_INVENTORY_FILE = 2 << 30

Show = Callable[[int, int, str], None]


def backfill_as_job(
    pipelines: Pipelines,
    jobs: Jobs,
    name: str,
    *,
    origin: str = "",
    show: Show = lambda *_: None,
    stop: threading.Event | None = None,
) -> str:
    """Run a backfill of pipeline `name` as a new job, and return the job's id.

    `origin` is empty for a listing of the source, `s3://…/manifest.json` for an S3 Inventory, or a file with one key per line.
    """
    pipelines.built([name])
    params = {"pipeline": name, "origin": origin}
    with jobs.run_new(KIND, f"backfill {name}", params=params, unit="objects") as running:
        _run(pipelines, running, show=show, stop=stop)
    return running.job_id


def start(pipelines: Pipelines, jobs: Jobs, name: str, *, origin: str = "") -> str:
    """Start a backfill on a thread, and return the job's id. NotFound for an unknown pipeline; later failures are the job's."""
    pipelines.built([name])
    job_id = jobs.create(KIND, f"backfill {name}", params={"pipeline": name, "origin": origin}, unit="objects")

    def work() -> None:
        with contextlib.suppress(WindlassError), jobs.run(job_id) as running:
            _run(pipelines, running, show=lambda *_: None, stop=None)

    threading.Thread(target=work, name="backfill", daemon=True).start()
    return job_id


def register(pipelines: Callable[[], Pipelines], jobs: Jobs) -> None:
    """Register the runner with which `jobs.resume` continues a backfill after the last finished key."""
    jobs.runners[KIND] = lambda running: _run(pipelines(), running, show=lambda *_: None, stop=None)


def _run(pipelines: Pipelines, running: RunningJob, *, show: Show, stop: threading.Event | None) -> None:
    return_freed_memory()
    name, origin = str(running.params["pipeline"]), str(running.params.get("origin", ""))
    (pipeline,) = pipelines.built([name])
    account, region = pipelines.place(pipeline.config)
    progress = dict(running.checkpoint) or {"place": 0, "after": "", "done": 0, "refused": 0, "failed": 0}
    access = pipelines.estate().access(account, region, "s3")
    with pipelines.runner([name]) as runner, BlockingClient(access, connections=8) as client:
        keys = _keys(client, pipeline.selection, origin, after=str(progress["after"]), skip=int(progress["place"]))
        with ThreadPoolExecutor(pipeline.config.concurrency, thread_name_prefix="backfill") as pool:
            while batch := list(islice(keys, _BATCH)):
                selected = [key for key in batch if pipeline.selection.selects(pipeline.selection.bucket, key)]
                for ended in pool.map(
                    lambda key: _run_object(runner, running, name, pipeline.selection.bucket, key), selected
                ):
                    progress[ended] = int(progress.get(ended, 0)) + 1
                progress |= {"place": int(progress["place"]) + len(batch), "after": "" if origin else batch[-1]}
                detail = _summary(progress)
                running.report(done=int(progress["place"]), detail=detail, checkpoint=progress)
                show(int(progress["place"]), 0, detail)
                if stop is not None and stop.is_set():
                    running.stop.set()
                running.check()
    running.report(done=int(progress["place"]), total=int(progress["place"]))
    running.log(f"{progress['place']:,} keys: {_summary(progress)}")
    if progress["failed"]:
        raise WindlassError(
            f"{progress['failed']:,} objects failed; the job's log names them",
            hint="Run the backfill again; delivered objects are skipped.",
        )


def _summary(progress: dict[str, Any]) -> str:
    existing = progress.get("existing", 0)
    return f"{progress['done']:,} written, {existing:,} existing, {progress['refused']:,} refused, {progress['failed']:,} failed"


def _run_object(runner: PipelineRunner, running: RunningJob, name: str, bucket: str, key: str) -> str:
    try:
        ended = runner.run(name, bucket, key)
    except (Contended, WindlassError) as error:
        running.log(f"{key}: {error}", level="error")
        return "failed"
    except BaseException as error:  # noqa: BLE001  # a fault in a user's transform fails its object, not the backfill
        running.log(f"{key}: {describe(error)}", level="error")
        return "failed"
    if isinstance(ended, Quarantined):
        running.log(f"{key}: {ended.error.message}", level="warning")
        return "refused"
    return "done" if ended.outcome is DeliveryOutcome.WRITTEN else "existing"


# Sources of keys


def _keys(client: BlockingClient, selection: Selection, origin: str, *, after: str, skip: int) -> Iterator[str]:
    """Yield keys in a stable order, starting behind `after` (a listing) or `skip` keys (a file)."""
    if not origin:
        return _listed(client, selection, after)
    keys = (
        _inventory(client, selection, origin) if origin.startswith("s3://") else _lines(Path(origin), selection.bucket)
    )
    return islice(keys, skip, None)


def _listed(client: BlockingClient, selection: Selection, after: str) -> Iterator[str]:
    token = ""
    guard = LoopGuard(f"the listing of {selection.bucket}")
    while True:
        page = client.send(
            s3.list_objects(selection.bucket, prefix=selection.prefix, start_after="" if token else after, token=token)
        )
        for summary in page.objects:
            yield summary.key
        token = page.token
        if not token:
            return
        guard.advance(token)


def _lines(file: Path, bucket: str) -> Iterator[str]:
    """Yield one key per line; a row `bucket,url-encoded key` is read as in a manifest of S3 Batch Operations."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint="Give a text file with one key per line.") from None
    for line in filter(None, text.replace("\r\n", "\n").split("\n")):
        row = next(csv.reader([line]), [])
        yield unquote_plus(row[1]) if len(row) > 1 and row[0] == bucket else line


def _inventory(client: BlockingClient, selection: Selection, url: str) -> Iterator[str]:
    """Yield the keys of an S3 Inventory, named by its manifest.json (CSV or Parquet)."""
    bucket, key = split_url(url)
    manifest = json.loads(client.send(s3.get(bucket, key))[1])
    if manifest.get("sourceBucket") != selection.bucket:
        raise UsageError(
            f"{url} is an inventory of {manifest.get('sourceBucket')}, not of {selection.bucket}",
            hint="Give the inventory of the source bucket.",
        )
    columns = [column.strip() for column in str(manifest.get("fileSchema", "")).split(",")]
    for file in manifest["files"]:
        body = client.send(s3.get(bucket, file["key"], max_bytes=_MAX_INVENTORY_FILE))[1]
        if manifest["fileFormat"] == "Parquet":
            yield from _parquet_keys(body)
        elif manifest["fileFormat"] == "CSV":
            at = columns.index("Key")
            latest = columns.index("IsLatest") if "IsLatest" in columns else -1
            for row in csv.reader(io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(body)), "utf-8")):
                if latest < 0 or row[latest] == "true":
                    yield unquote_plus(row[at])
        else:
            raise UsageError(f"{url} is in {manifest['fileFormat']}", hint="Give an inventory in CSV or Parquet.")


def _parquet_keys(body: bytes) -> Iterator[str]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(io.BytesIO(body)).iter_batches(columns=["key"]):
        yield from batch.column("key").to_pylist()
