"""Accounts, scopes and what `whoami` tells, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from windlass.core.arns import AccountId, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account to work in; without a role it is reached with the caller's own credentials."""

    id: AccountId
    alias: str = ""
    role_arn: str = ""
    external_id: str = ""
    session_name: str = "windlass"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials are used: the account and the ARN that GetCallerIdentity answered."""

    account_id: AccountId
    arn: str


class RegionSource(StrEnum):
    """Where a list of regions comes from, from the best to the last resort."""

    CONFIGURATION = "estate.regions"
    EC2 = "ec2:DescribeRegions"
    ACCOUNT = "account:ListRegions"
    LAST_KNOWN = "the last known list"
    DEFAULTS = "the partition's default regions"

    @property
    def current(self) -> bool:
        """Whether the list is what the configuration or AWS says now."""
        return self not in (RegionSource.LAST_KNOWN, RegionSource.DEFAULTS)


@dataclass(frozen=True, slots=True)
class RegionList:
    """The regions of an account, where the list comes from, and why each better source gave none."""

    regions: tuple[Region, ...]
    source: RegionSource
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What AWS throttles together: a service in an account and region."""

    account_id: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class ThrottleStat:
    """A scope's calls since the start, how many of them were throttled, and the pace now (0 is not limited)."""

    scope: Scope
    calls: int
    throttled: int
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class Source:
    """One place credentials can come from, and what the policy made of it."""

    name: str
    present: bool
    verdict: str  # used, allowed, refused, absent
    reason: str


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """Who we are in one account, or why that could not be told."""

    account_id: str
    alias: str
    arn: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """The chain as decided and the identity it led to, per account."""

    environment: str
    endpoint: str
    sources: tuple[Source, ...]
    identities: tuple[AccountIdentity, ...]
