"""Pipelines made ready to run: a client per account, region and width, and an engine over them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from windlass.pipelines.build import Pipeline
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.engine import Engine
from windlass.pipelines.executor import Clients, Tags
from windlass.wire.blocking_client import BlockingClient

if TYPE_CHECKING:
    from windlass.estate.service import Estate
    from windlass.store.engine import Store

__all__ = ["open_engine", "place_of"]


@contextlib.contextmanager
def open_engine(
    pipelines: Sequence[Pipeline], estate: Estate, store: Callable[[], Store] | None = None
) -> Iterator[Engine]:
    """The pipelines ready to run, for the block: their connections are closed at its end."""
    with contextlib.ExitStack() as stack:
        clients: dict[tuple[str, str, int], BlockingClient] = {}

        def open_client(account: str, region: str, connections: int) -> BlockingClient:
            key = (account, region, connections)
            if key not in clients:
                access = estate.access(account, region, "s3")
                clients[key] = stack.enter_context(BlockingClient(access, connections=connections))
            return clients[key]

        made = []
        for one in pipelines:
            account, region = place_of(one.config, estate)
            connections = one.config.concurrency * 2 + 8
            target = open_client(account, one.config.target_region or region, connections)
            large = threading.Semaphore(one.config.large_concurrency)
            source = open_client(account, region, connections)
            made.append((one, Clients(source, target, _tags(estate, account, region), large)))
        engine = Engine(made, store)
        with engine.flushing():
            yield engine


def place_of(config: PipelineConfig, estate: Estate) -> tuple[str, str]:
    """Account and region of a pipeline's queue and source."""
    return config.account or estate.accounts()[0].id, config.region or estate.config.home_region


def _tags(estate: Estate, account: str, region: str) -> Tags:
    def tags(bucket: str, key: str, version_id: str) -> dict[str, str]:
        more = {"VersionId": version_id} if version_id else {}
        found = estate.call(account, region, "s3", "GetObjectTagging", Bucket=bucket, Key=key, **more)
        return {one["Key"]: one["Value"] for one in found["TagSet"]}

    return tags
