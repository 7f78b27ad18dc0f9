"""Taking what is already there through a pipeline: from a listing, an S3 Inventory or a manifest; resumable, as a job."""

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
from windlass.pipelines.engine import Contended, Engine, Refused
from windlass.pipelines.memory import give_back_what_is_freed
from windlass.pipelines.selection import Selection, split_url
from windlass.pipelines.service import Pipelines
from windlass.pipelines.settle import Outcome
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
    """Run a backfill of pipeline `name` under a new job; the job's id. `origin` is empty for a listing of the source,
    `s3://…/manifest.json` of an S3 Inventory, or a file with a key a line.
    """
    pipelines.built([name])
    params = {"pipeline": name, "origin": origin}
    with jobs.run_new(KIND, f"backfill {name}", params=params, unit="objects") as running:
        _run(pipelines, running, show=show, stop=stop)
    return running.job_id


def start(pipelines: Pipelines, jobs: Jobs, name: str, *, origin: str = "") -> str:
    """Run a backfill on a thread; the job's id. NotFound for an unknown pipeline; the job has any later failure."""
    pipelines.built([name])
    job_id = jobs.create(KIND, f"backfill {name}", params={"pipeline": name, "origin": origin}, unit="objects")

    def work() -> None:
        with contextlib.suppress(WindlassError), jobs.run(job_id) as running:
            _run(pipelines, running, show=lambda *_: None, stop=None)

    threading.Thread(target=work, name="backfill", daemon=True).start()
    return job_id


def register(pipelines: Callable[[], Pipelines], jobs: Jobs) -> None:
    """Let `jobs.resume` take up backfills: what was done is skipped by its place in the order of keys."""
    jobs.runners[KIND] = lambda running: _run(pipelines(), running, show=lambda *_: None, stop=None)


def _run(pipelines: Pipelines, running: RunningJob, *, show: Show, stop: threading.Event | None) -> None:
    give_back_what_is_freed()
    name, origin = str(running.params["pipeline"]), str(running.params.get("origin", ""))
    (pipeline,) = pipelines.built([name])
    account, region = pipelines.place(pipeline.config)
    seen = dict(running.checkpoint) or {"place": 0, "after": "", "done": 0, "refused": 0, "failed": 0}
    access = pipelines.estate().access(account, region, "s3")
    with pipelines.engine([name]) as engine, BlockingClient(access, connections=8) as client:
        keys = _keys(client, pipeline.selection, origin, after=str(seen["after"]), skip=int(seen["place"]))
        with ThreadPoolExecutor(pipeline.config.concurrency, thread_name_prefix="backfill") as pool:
            while batch := list(islice(keys, _BATCH)):
                wanted = [key for key in batch if pipeline.selection.takes(pipeline.selection.bucket, key)]
                for ended in pool.map(lambda key: _take(engine, running, name, pipeline.selection.bucket, key), wanted):
                    seen[ended] = int(seen.get(ended, 0)) + 1
                seen |= {"place": int(seen["place"]) + len(batch), "after": "" if origin else batch[-1]}
                detail = _said(seen)
                running.report(done=int(seen["place"]), detail=detail, checkpoint=seen)
                show(int(seen["place"]), 0, detail)
                if stop is not None and stop.is_set():
                    running.stop.set()
                running.check()
    running.report(done=int(seen["place"]), total=int(seen["place"]))
    running.log(f"{seen['place']:,} keys: {_said(seen)}")
    if seen["failed"]:
        raise WindlassError(
            f"{seen['failed']:,} objects failed; the job's log names them",
            hint="Run the backfill again: what is done is skipped.",
        )


def _said(seen: dict[str, Any]) -> str:
    there = seen.get("there", 0)
    return f"{seen['done']:,} written, {there:,} there, {seen['refused']:,} refused, {seen['failed']:,} failed"


def _take(engine: Engine, running: RunningJob, name: str, bucket: str, key: str) -> str:
    try:
        ended = engine.take(name, bucket, key)
    except (Contended, WindlassError) as error:
        running.log(f"{key}: {error}", level="error")
        return "failed"
    except BaseException as error:  # noqa: BLE001  # on a thread of the pool: a fault in a user's transform is that object's, not the backfill's
        running.log(f"{key}: {describe(error)}", level="error")
        return "failed"
    if isinstance(ended, Refused):
        running.log(f"{key}: {ended.error.message}", level="warning")
        return "refused"
    return "done" if ended.outcome is Outcome.WRITTEN else "there"


# Where keys come from


def _keys(client: BlockingClient, selection: Selection, origin: str, *, after: str, skip: int) -> Iterator[str]:
    """Keys in an order that is the same each time; those before `after` (a listing) or `skip` (a file) are left out."""
    if not origin:
        return _listed(client, selection, after)
    found = (
        _inventory(client, selection, origin) if origin.startswith("s3://") else _lines(Path(origin), selection.bucket)
    )
    return islice(found, skip, None)


def _listed(client: BlockingClient, selection: Selection, after: str) -> Iterator[str]:
    token = ""
    guard = LoopGuard(f"the listing of {selection.bucket}")
    while True:
        page = client.send(
            s3.list_objects(selection.bucket, prefix=selection.prefix, start_after="" if token else after, token=token)
        )
        for one in page.objects:
            yield one.key
        token = page.token
        if not token:
            return
        guard.advance(token)


def _lines(file: Path, bucket: str) -> Iterator[str]:
    """A key a line, or rows of bucket and url-encoded key, as S3 Batch Operations has them: known by the bucket's name."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read: {error}", hint="Give a text file with one key a line.") from None
    for line in filter(None, text.replace("\r\n", "\n").split("\n")):
        row = next(csv.reader([line]), [])
        yield unquote_plus(row[1]) if len(row) > 1 and row[0] == bucket else line


def _inventory(client: BlockingClient, selection: Selection, url: str) -> Iterator[str]:
    """The keys of an S3 Inventory by its manifest.json: CSV or Parquet files."""
    bucket, key = split_url(url)
    manifest = json.loads(client.send(s3.get(bucket, key))[1])
    if manifest.get("sourceBucket") != selection.bucket:
        raise UsageError(
            f"{url} is an inventory of {manifest.get('sourceBucket')}, not of {selection.bucket}",
            hint="Name that one's.",
        )
    columns = [one.strip() for one in str(manifest.get("fileSchema", "")).split(",")]
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
            raise UsageError(
                f"{url} is in {manifest['fileFormat']}", hint="Inventories in CSV and Parquet can be read."
            )


def _parquet_keys(body: bytes) -> Iterator[str]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(io.BytesIO(body)).iter_batches(columns=["key"]):
        yield from batch.column("key").to_pylist()
