"""A scripted AWS for the collector: a second, small implementation of `EstateCaller`, with every call on record."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from windlass.core.errors import AccessDenied, AwsError, NotFound, Throttled
from windlass.estate.model import Identity, RegionList, RegionSource
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.collector import Collector
from windlass.inventory.plan import plan_scopes

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
ONE, TWO = "111111111111", "222222222222"


@dataclass(frozen=True)
class Account:
    id: str


def denied(operation="it"):
    return AccessDenied(f"{operation}: not authorized", code="AccessDenied")


def throttled():
    return Throttled("rate exceeded", code="ThrottlingException")


def unreachable():
    return AwsError("no route", code="EndpointUnreachable")


def gone(code="NoSuchBucket"):
    return NotFound("it is not there", code=code)


@dataclass
class FakeCaller:
    """`answers[service, operation]` is an answer, a list of pages, an error, or a function of (account, region, params)."""

    answers: dict = field(default_factory=dict)
    account_ids: tuple = (ONE,)
    region_names: tuple = ("us-east-1", "eu-west-1")
    region_source: object = RegionSource.CONFIGURATION
    refusals: dict = field(default_factory=dict)
    fault: object = None
    log: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def accounts(self):
        return [Account(identifier) for identifier in self.account_ids]

    def regions(self, account_id, /):
        return self.region_names

    def identity(self, account_id, /):
        if account_id in self.refusals:
            raise self.refusals[account_id]
        return Identity(account_id, f"arn:aws:iam::{account_id}:role/Reader")

    def region_list(self, account_id, /):
        return RegionList(self.regions(account_id), self.region_source)

    def partition(self, account_id, /):
        return "aws"

    def call(self, account_id, region, service, operation, /, **params):
        found = self._ask(account_id, region, service, operation, params)
        return found[0] if isinstance(found, list) else found

    def pages(self, account_id, region, service, operation, /, **params):
        found = self._ask(account_id, region, service, operation, params)
        if not isinstance(found, list):
            found = [found]
        for number, page in enumerate(found):
            if number:
                page = self._ask(account_id, region, service, operation, params)[number]
            yield page

    def _ask(self, account_id, region, service, operation, params):
        with self.lock:
            self.log.append((account_id, region, service, operation, params))
        if self.fault is not None:
            error = self.fault(account_id, region, service, operation, params)
            if error is not None:
                raise error
        found = self.answers.get((service, operation), {})
        if callable(found):
            found = found(account_id, region, params)
        if isinstance(found, BaseException):
            raise found
        return [dict(page) for page in found] if isinstance(found, list) else dict(found)

    def counts(self):
        return Counter(operation for _, _, _, operation, _ in self.log)


def bucket_world(buckets, **more):
    """ListBuckets of `{name: region}` (region None: the listing does not say) and one answer for some details."""

    def listing(account_id, region, params):
        assert params.get("MaxBuckets"), "S3 tells BucketRegion only when asked with a parameter"
        rows = [
            {"Name": name, "CreationDate": NOW} | ({"BucketRegion": at} if at else {}) for name, at in buckets.items()
        ]
        return [{"Buckets": rows[at : at + 2]} for at in range(0, len(rows), 2)] or [{"Buckets": []}]

    return FakeCaller({("s3", "ListBuckets"): listing, **more})


def collect(caller, *types, stop=None, done_before=(), progress=lambda _: None, sink=None, **options):
    """Results by (account, region, type), of a collection of these types."""
    kinds = [BY_NAME[name] for name in types]
    results = []
    regions = {account.id: caller.regions(account.id) for account in caller.accounts()}
    collector = Collector(caller=caller, types=BY_NAME, salt=b"salt", now=lambda: NOW, **({"concurrency": 4} | options))
    whole = collector.run(
        plan_scopes(kinds, regions), sink=sink or results.append, progress=progress, stop=stop, done_before=done_before
    )
    found = {(result.scope.account_id, result.scope.region, result.scope.type): result for result in results}
    assert len(found) == len(results), "a scope was reported twice"
    return whole, found
