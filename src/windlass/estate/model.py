"""Accounts, scopes and the report of `whoami`, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from windlass.core.arns import AccountId, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the estate; without a role, the caller's own credentials are used."""

    id: AccountId
    alias: str = ""
    role_arn: str = ""
    external_id: str = ""
    session_name: str = "windlass"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """The account and ARN of the credentials, as GetCallerIdentity returned them."""

    account_id: AccountId
    arn: str


class RegionSource(StrEnum):
    """The source of a list of regions, best first."""

    CONFIGURATION = "estate.regions"
    EC2 = "ec2:DescribeRegions"
    ACCOUNT = "account:ListRegions"
    LAST_KNOWN = "the last known list"
    DEFAULTS = "the partition's default regions"

    @property
    def current(self) -> bool:
        """True when the list is the configuration's, or AWS's current one."""
        return self not in (RegionSource.LAST_KNOWN, RegionSource.DEFAULTS)


@dataclass(frozen=True, slots=True)
class RegionList:
    """An account's regions, their source, and why each better source failed."""

    regions: tuple[Region, ...]
    source: RegionSource
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """A unit of throttling: a service in an account and region."""

    account_id: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class ThrottleStat:
    """A scope's calls since the start, the throttled ones among them, and the current rate limit (0: none)."""

    scope: Scope
    calls: int
    throttled: int
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """A credential source and the policy's verdict on it."""

    name: str
    present: bool
    verdict: str  # used, allowed, refused, absent
    reason: str


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """The identity in one account, or why it is unknown."""

    account_id: str
    alias: str
    arn: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """The decision on credential sources, and the identity per account."""

    environment: str
    endpoint: str
    sources: tuple[CredentialSource, ...]
    identities: tuple[AccountIdentity, ...]
