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
    """A KMS key: its ARN and its state as KMS says it; `Missing` when there is none, empty when it could not be asked."""

    arn: str
    state: str = ""
    policy: Mapping[str, Any] | None = None
    """The key's policy; None when it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role as IAM has it: not `found`, or with its trust and every policy that could be read."""

    arn: str
    found: bool = True
    trust: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[Mapping[str, Any], ...] = ()
    readable: bool = True
    """False where IAM did not let us look: nothing is claimed then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFacts:
    """One bucket. `refused` maps a dry call to the error code it met; a fact that could not be read keeps its default."""

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
    """True when the first object that a listing shows is under a customer key (SSE-C)."""
    blocks_customer_keys: bool = False
    """True when the bucket refuses objects under customer keys, as new buckets do since April 2026."""
    replication_role: str = ""
    rules: tuple[Mapping[str, Any], ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` …"""
        return partition_of(self.region)

    def place(self) -> BucketRef:
        """Where it is."""
        return BucketRef(bucket=self.bucket, account_id=self.account_id, region=self.region, service=self.service)

    def rule_for(self, destination: BucketRef) -> Mapping[str, Any] | None:
        """The enabled replication rule towards a bucket: the one of the highest priority."""
        live = [
            one
            for one in self.rules
            if one.get("Status") == "Enabled" and one["Destination"]["Bucket"] == destination.arn
        ]
        return max(live, key=lambda one: int(one.get("Priority", 0)), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """A pair's two buckets and the roles in play; None where no role is named and one will be made."""

    pair: Pair
    source: BucketFacts
    destination: BucketFacts
    replication_role: RoleFacts | None = None
    batch_role: RoleFacts | None = None
    source_refused: Mapping[str, str] = field(default_factory=dict)
    """Calls on the source that were refused to the destination's account, with the error code."""

    @property
    def placed(self) -> Pair:
        """The pair with what was found out of where its buckets are."""
        return replace(self.pair, source=self.source.place(), destination=self.destination.place())

    @property
    def encryption(self) -> Encryption:
        """The KMS keys in use."""
        return Encryption(_arn(self.source.key), _arn(self.destination.key))

    @property
    def rule(self) -> Mapping[str, Any] | None:
        """The live rule from the source to the destination."""
        return None if self.pair.services else self.source.rule_for(self.destination.place())


def _arn(key: KeyFacts | None) -> str:
    return key.arn if key is not None and key.state != "Missing" else ""
