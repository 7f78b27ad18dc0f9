"""Facts about a pair before anything is written. Values only; aws.py reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from windlass.core.arns import partition_of
from windlass.replication.model import BucketRef, Pair
from windlass.replication.setup.role import Encryption

__all__ = ["BucketFacts", "KeyFacts", "PairFacts", "RoleFacts"]


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A KMS key: its ARN and its KMS state; `Missing` when it does not exist, empty when the state cannot be read."""

    arn: str
    state: str = ""
    policy: Mapping[str, Any] | None = None
    """The key's policy; None when it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role in IAM: its trust policy and every policy that can be read, or `found` is False."""

    arn: str
    found: bool = True
    trust: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[Mapping[str, Any], ...] = ()
    readable: bool = True
    """False when IAM refused the read: preflight then reports the permissions as unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFacts:
    """One bucket. `refused` maps a refused call to its error code. A fact that cannot be read keeps its default."""

    bucket: str
    service: str = ""
    exists: bool = True
    account_id: str = ""
    region: str = ""
    versioning: str = ""
    key: KeyFacts | None = None
    bucket_key: bool = False
    locked: bool = False
    ownership: str = "BucketOwnerEnforced"
    policy: Mapping[str, Any] | None = None
    expires: bool = False
    requester_pays: bool = False
    customer_keyed: bool = False
    """True when the first object of a listing is encrypted with a customer key (SSE-C)."""
    blocks_customer_keys: bool = False
    """True when the bucket refuses objects with customer keys, as new buckets do since April 2026."""
    replication_role: str = ""
    rules: tuple[Mapping[str, Any], ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Return the partition: `aws`, `aws-cn` …"""
        return partition_of(self.region)

    def place(self) -> BucketRef:
        """Return the bucket with its account and region."""
        return BucketRef(bucket=self.bucket, account_id=self.account_id, region=self.region, service=self.service)

    def rule_for(self, destination: BucketRef) -> Mapping[str, Any] | None:
        """Return the enabled replication rule of the highest priority to a bucket; None when there is none."""
        live = [
            rule
            for rule in self.rules
            if rule.get("Status") == "Enabled" and rule["Destination"]["Bucket"] == destination.arn
        ]
        return max(live, key=lambda rule: int(rule.get("Priority", 0)), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """A pair's two buckets and its roles. A role is None when Windlass will create it."""

    pair: Pair
    source: BucketFacts
    destination: BucketFacts
    replication_role: RoleFacts | None = None
    batch_role: RoleFacts | None = None
    source_refused: Mapping[str, str] = field(default_factory=dict)
    """The calls on the source that were refused to the destination's account, with their error codes."""

    @property
    def placed(self) -> Pair:
        """Return the pair with the regions that were read."""
        return replace(self.pair, source=self.source.place(), destination=self.destination.place())

    @property
    def encryption(self) -> Encryption:
        """Return the KMS keys in use."""
        return Encryption(_arn(self.source.key), _arn(self.destination.key))

    @property
    def rule(self) -> Mapping[str, Any] | None:
        """Return the live rule from the source to the destination; None when there is none."""
        return None if self.pair.services else self.source.rule_for(self.destination.place())


def _arn(key: KeyFacts | None) -> str:
    return key.arn if key is not None and key.state != "Missing" else ""
