"""Runtime: the clients and the runner of pipelines, opened for a block."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.executor import PipelineClients, Tags
from windlass.pipelines.pipeline import Pipeline
from windlass.pipelines.runner import PipelineRunner
from windlass.wire.blocking_client import BlockingClient

if TYPE_CHECKING:
    from windlass.estate.service import Estate
    from windlass.store.engine import Store

__all__ = ["location_of", "open_runner"]


@contextlib.contextmanager
def open_runner(
    pipelines: Sequence[Pipeline], estate: Estate, store: Callable[[], Store] | None = None
) -> Iterator[PipelineRunner]:
    """Open a runner over these pipelines. One client per account, region and pool size; all are closed at the end of the block."""
    with contextlib.ExitStack() as stack:
        clients: dict[tuple[str, str, int], BlockingClient] = {}

        def open_client(account: str, region: str, connections: int) -> BlockingClient:
            key = (account, region, connections)
            if key not in clients:
                access = estate.access(account, region, "s3")
                clients[key] = stack.enter_context(BlockingClient(access, connections=connections))
            return clients[key]

        pairs = []
        for pipeline in pipelines:
            account, region = location_of(pipeline.config, estate)
            connections = pipeline.config.concurrency * 2 + 8
            target = open_client(account, pipeline.config.target_region or region, connections)
            large = threading.Semaphore(pipeline.config.large_concurrency)
            source = open_client(account, region, connections)
            pairs.append((pipeline, PipelineClients(source, target, _tags(estate, account, region), large)))
        runner = PipelineRunner(pairs, store)
        with runner.flushing():
            yield runner


def location_of(config: PipelineConfig, estate: Estate) -> tuple[str, str]:
    """Return the account and region of a pipeline's queue and source."""
    return config.account or estate.accounts()[0].id, config.region or estate.config.home_region


def _tags(estate: Estate, account: str, region: str) -> Tags:
    def tags(bucket: str, key: str, version_id: str) -> dict[str, str]:
        version = {"VersionId": version_id} if version_id else {}
        response = estate.call(account, region, "s3", "GetObjectTagging", Bucket=bucket, Key=key, **version)
        return {tag["Key"]: tag["Value"] for tag in response["TagSet"]}

    return tags
