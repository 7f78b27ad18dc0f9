"""The sample estate: Harbour Freight & Tide, three accounts in four regions, the same for the same random seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

from windlass_local.exceptions import Conflict
from windlass_local.sample_estate.buckets import build_bucket, build_replication
from windlass_local.sample_estate.central_services import build_platform
from windlass_local.sample_estate.clients import Clients, EstateRegion
from windlass_local.sample_estate.identity import build_identity, build_organization
from windlass_local.sample_estate.network import build_network
from windlass_local.sample_estate.plan import ACCOUNTS, REGIONS, Bucket, Workload, plan_buckets, plan_workloads
from windlass_local.sample_estate.supporting_services import build_account, build_region
from windlass_local.sample_estate.workloads import build_workload

__all__ = ["PopulateSummary", "populate"]

_THREADS = 6
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class PopulateSummary:
    """Created resources by type, and operations that the embedded AWS does not have."""

    counts: Mapping[str, int]
    skipped: Mapping[str, int]


def populate(
    endpoint_url: str, *, random_seed: int = 7, scale: int = 1, secret: str = "", progress: Progress | None = None
) -> PopulateSummary:
    """Create the estate in a running embedded AWS. Conflict when it already has one.

    `secret` is the one that a server in another process printed when it was started with --require-signature.
    """
    clients = Clients(endpoint_url, secret)
    try:
        _Builder(clients, random_seed, scale, progress or (lambda *_: None)).run()
    finally:
        clients.close()
    return PopulateSummary(dict(sorted(clients.created.items())), dict(sorted(clients.skipped.items())))


class _Builder:
    """One run that creates the estate: accounts first, then regions in parallel."""

    def __init__(self, clients: Clients, random_seed: int, scale: int, progress: Progress) -> None:
        self._clients = clients
        self._progress = progress
        self._buckets: dict[tuple[str, str], list[Bucket]] = defaultdict(list)
        for bucket in plan_buckets(random_seed, scale):
            self._buckets[bucket.account_id, bucket.region].append(bucket)
        self._workloads: dict[tuple[str, str], list[Workload]] = defaultdict(list)
        for work in plan_workloads(random_seed, scale):
            self._workloads[work.account_id, work.region].append(work)
        self._done = 0
        self._total = len(ACCOUNTS) * len(REGIONS) + len(ACCOUNTS)

    def run(self) -> None:
        management = EstateRegion(self._clients, next(iter(ACCOUNTS)), "us-east-1")
        if any(role["RoleName"] == "WindlassReader" for role in management.client("iam").list_roles()["Roles"]):
            raise Conflict(
                "this embedded AWS already has a sample estate", hint="Restart it (`windlass local up`) for a new one."
            )
        build_organization(management)
        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(self._account, ACCOUNTS):
                self._step()
            for _ in threads.map(self._place, product(ACCOUNTS, REGIONS)):
                self._step()
            list(threads.map(self._finish, ACCOUNTS))

    def _step(self) -> None:
        self._done += 1
        self._progress("accounts" if self._done <= len(ACCOUNTS) else "regions", self._done, self._total)

    def _account(self, account_id: str) -> None:
        build_identity(EstateRegion(self._clients, account_id, "us-east-1"))

    def _place(self, where: tuple[str, str]) -> None:
        estate_region = EstateRegion(self._clients, *where)
        network = build_network(estate_region)
        works, buckets = self._workloads[where], self._buckets[where]
        for number, work in enumerate(works):
            build_workload(estate_region, work, network, number)
        for number, bucket in enumerate(buckets):
            build_bucket(estate_region, bucket, network, works[number % len(works)] if works else None)
        build_region(estate_region, network, buckets)
        build_platform(estate_region, network, buckets)

    def _finish(self, account_id: str) -> None:
        own = [bucket for (owner, _), buckets in self._buckets.items() if owner == account_id for bucket in buckets]
        build_account(EstateRegion(self._clients, account_id, "us-east-1"), own)
        plain = [bucket for bucket in own if "object-lock" not in bucket.features]
        for source, target in zip(plain[::6], plain[3::6], strict=False):
            EstateRegion(self._clients, account_id, target.region).client("s3").put_bucket_versioning(
                Bucket=target.name, VersioningConfiguration={"Status": "Enabled"}
            )
            build_replication(EstateRegion(self._clients, account_id, source.region), source, target)
