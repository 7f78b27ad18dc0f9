"""The cost and duration of each method for a volume, from a dated price list. Pure except for reading the list.

Durations are estimates: AWS publishes no rate for Batch Operations. The rates are settings; the durations of your
finished seeds show which values fit.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from windlass.replication.config import ReplicationConfig
from windlass.replication.model import Method, Operation, Pair, Volume

__all__ = ["Estimate", "KmsKeys", "estimate", "price_list"]

_GB = 1e9
_NEAR = frozenset({"us-east-1", "us-east-2"})
_PART_BYTES = 512 * 1024**2
_COPY_BYTES_PER_S = 2e9
"""The total rate of server-side copies in flight. It bounds large objects; the number of requests bounds small ones."""
_STREAMED_PER_S, _STREAMED_BYTES_PER_S = 500.0, 1e8
"""Objects and bytes per second that one process streams from one service to another."""


@dataclass(frozen=True, slots=True)
class KmsKeys:
    """Whether source and destination use KMS keys, and a bucket key (few requests to KMS)."""

    source: bool = False
    destination: bool = False
    bucket_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The cost (USD) and duration (seconds) of one method, with their parts."""

    method: Method
    operation: Operation
    usd: float
    seconds: float
    parts: Mapping[str, float]


def price_list(own: Mapping[str, float]) -> Mapping[str, Any]:
    """Return the price list, in which configured prices replace the built-in ones."""
    return {**_listed(), **own}


def estimate(
    method: Method,
    operation: Operation,
    pair: Pair,
    volume: Volume,
    config: ReplicationConfig,
    keys: KmsKeys = KmsKeys(),
) -> Estimate:
    """Estimate the cost and duration of copying the volume with this method."""
    prices = price_list(config.prices)
    objects, size = volume.to_move, volume.bytes_to_move
    parts = {"requests": _requests(prices, objects, volume.large_bytes), "transfer": _transfer(prices, pair, size)}
    if (keys.source or keys.destination) and not keys.bucket_key:
        parts["kms"] = objects * (keys.source + keys.destination) / 10_000 * prices["kms_per_10000"]
    if method is Method.BATCH:
        parts["batch"] = prices["batch_job"] + objects / 1e6 * prices["batch_per_million"]
        seconds = _MANAGED_START_S + max(objects / config.batch_objects_per_s, size / _COPY_BYTES_PER_S)
    elif method is Method.EMR:
        rate = prices["emr_objects_per_core_s"] * prices["emr_cores"]
        seconds = prices["emr_start_s"] + max(objects / rate, size / _COPY_BYTES_PER_S)
        parts["emr"] = prices["emr_cores"] * prices["emr_core_hour"] * max(seconds, 60) / 3600
    else:
        listed = 2 * volume.objects / 1000
        parts["requests"] += listed / 1000 * prices["put_per_1000"]
        objects_per_s, bytes_per_s = config.direct_objects_per_s, _COPY_BYTES_PER_S
        if not pair.one_service:
            objects_per_s, bytes_per_s = min(objects_per_s, _STREAMED_PER_S), _STREAMED_BYTES_PER_S
        seconds = max(objects / objects_per_s, size / bytes_per_s)
    if operation is Operation.LAMBDA:
        parts["lambda"] = objects / 1e6 * prices["lambda_per_million"]
    return Estimate(method=method, operation=operation, usd=sum(parts.values()), seconds=seconds, parts=parts)


_MANAGED_START_S = 60.0


def _requests(prices: Mapping[str, Any], objects: int, large_bytes: int) -> float:
    """Return the cost of requests. A copy is a PUT and a GET; large objects need one of each per part."""
    calls = objects + large_bytes / _PART_BYTES
    return float(calls / 1000 * (prices["put_per_1000"] + prices["get_per_1000"]))


def _transfer(prices: Mapping[str, Any], pair: Pair, size_bytes: int) -> float:
    if pair.services:
        # AWS charges for outgoing data. The prices of other services are unknown.
        leaves = not pair.source.service
        return float(size_bytes / _GB * prices["transfer_out_per_gb"]) if leaves else 0.0
    regions = {pair.source.region, pair.destination.region} - {""}
    if len(regions) < 2:
        return 0.0
    price = prices["transfer_near_per_gb"] if regions <= _NEAR else prices["transfer_per_gb"]
    return float(size_bytes / _GB * price)


@functools.cache
def _listed() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("prices.toml").read_text("utf-8"))
