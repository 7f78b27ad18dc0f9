"""Checks of the estate: identity, endpoint, clock, allowed accounts, regions, permissions by trial."""

from __future__ import annotations

import email.utils
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from windlass.core.errors import AccessDenied, AwsError, ConfigError, WindlassError
from windlass.estate.service import Estate

__all__ = ["checks"]

_SKEW_S = 60.0
_TRIALS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("s3", "ListBuckets", {"MaxBuckets": 1}),
    ("ec2", "DescribeRegions", {}),
    ("iam", "ListRoles", {"MaxItems": 1}),
    ("cloudtrail", "DescribeTrails", {}),
    ("tagging", "GetTagKeys", {}),
)
_NAMES = {"tagging": "resourcegroupstaggingapi"}


def checks(estate: Estate, *, now: Callable[[], datetime]) -> Mapping[str, Callable[[], str]]:
    """Return the checks by name; each returns a short result or raises an error with its remedy."""
    return {
        "credential policy": lambda: _policy(estate),
        "identity": lambda: _identity(estate),
        "accounts": lambda: _accounts(estate),
        "regions": lambda: _regions(estate),
        "clock": lambda: _clock(estate, now()),
        "permissions": lambda: _permissions(estate),
    }


def _policy(estate: Estate) -> str:
    if estate.decision.refusal:
        raise ConfigError(estate.decision.refusal, hint=estate.decision.hint)
    used = [source.name for source in estate.decision.sources if source.verdict == "used"]
    what = "the embedded AWS's own keys" if estate.decision.embedded else ", ".join(used) or "no source"
    return f"{estate.environment or 'local'} environment: {what}"


def _identity(estate: Estate) -> str:
    identities = estate.whoami().identities
    broken = [identity for identity in identities if identity.error]
    if broken:
        raise AccessDenied(
            f"{broken[0].account_id}: {broken[0].error}", hint="Check the role's trust policy and its name."
        )
    return identities[0].arn if identities else "none"


def _accounts(estate: Estate) -> str:
    accounts = estate.accounts()
    return f"{len(accounts)}: " + ", ".join(
        f"{account.id}{f' ({account.alias})' if account.alias else ''}" for account in accounts[:5]
    )


def _regions(estate: Estate) -> str:
    account = estate.accounts()[0].id
    regions = estate.regions(account)
    for region in regions[:3]:
        estate.call(account, region, "sts", "GetCallerIdentity")
    return f"{len(regions)}: {', '.join(regions[:5])}{' …' if len(regions) > 5 else ''}"


def _clock(estate: Estate, now: datetime) -> str:
    url = estate.config.endpoint_url or f"https://sts.{estate.config.home_region}.amazonaws.com"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5) as response:  # noqa: S310  the configured endpoint
            date = response.headers.get("date", "")
    except urllib.error.HTTPError as error:  # any response carries the time
        date = error.headers.get("date", "")
        error.close()
    except OSError as error:
        raise AwsError(
            f"{url} can't be reached: {error}", hint="Check the network, the proxy and the endpoint."
        ) from None
    if not date:
        return "the endpoint sends no Date header"
    skew_s = (now - email.utils.parsedate_to_datetime(date)).total_seconds()
    if abs(skew_s) > _SKEW_S:
        raise ConfigError(
            f"this machine's clock is off by {skew_s:+.0f} s",
            hint="Set it (chrony, ntpd): AWS rejects signatures that are 5 minutes off.",
        )
    return f"off by {skew_s:+.0f} s"


def _permissions(estate: Estate) -> str:
    account = estate.accounts()[0].id
    refused = []
    for service, operation, params in _TRIALS:
        try:
            estate.call(account, estate.config.home_region, _NAMES.get(service, service), operation, **params)
        except AccessDenied:
            refused.append(f"{service}:{operation}")
        except WindlassError:
            continue  # a missing resource is not a refusal
    if refused:
        raise AccessDenied(
            f"refused in {account}: {', '.join(refused)}",
            hint="Attach ReadOnlyAccess, or the policy in docs/guide/real-account.md.",
        )
    return f"{len(_TRIALS)} read calls tried in {account}, none refused"
