"""The functions that conditions may call besides JMESPath's own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from jmespath import functions

from windlass.checks.public import is_public_acl, is_public_policy, others_may_administer, policy_of, requires_tls
from windlass.checks.support import day_of_end
from windlass.core.clock import parse_time
from windlass.core.errors import WindlassError

__all__ = ["Functions", "Moment"]

Moment = Callable[[], datetime]
"""Returns the time for which conditions are judged."""

_ANYWHERE = ("0.0.0.0/0", "::/0")
_SECONDS_PER_DAY = 86_400.0


class Functions(functions.Functions):  # type: ignore[misc]  # jmespath has no types
    """JMESPath's functions and ours. All of ours return null for null."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        super().__init__()

    def has(self, name: str) -> bool:
        """True when a function of this name exists."""
        return name in self.FUNCTION_TABLE

    @functions.signature({"types": ["string", "number", "null"]})  # type: ignore[untyped-decorator]
    def _func_days_since(self, value: Any) -> float | None:
        """Days from a time (ISO 8601 or epoch seconds) to now; null for any other value."""
        at = _time(value)
        return None if at is None else (self._moment() - at).total_seconds() / _SECONDS_PER_DAY

    @functions.signature({"types": ["string", "number", "null"]})  # type: ignore[untyped-decorator]
    def _func_days_until(self, value: Any) -> float | None:
        """Days from now to a time; negative when it has passed; null for any other value."""
        at = _time(value)
        return None if at is None else (at - self._moment()).total_seconds() / _SECONDS_PER_DAY

    @functions.signature({"types": ["object", "string", "null"]})  # type: ignore[untyped-decorator]
    def _func_is_public_policy(self, value: Any) -> bool:
        """True when a resource policy grants anything to everyone, by AWS's definition of public."""
        return is_public_policy(policy_of(value))

    @functions.signature({"types": ["object", "string", "null"]})  # type: ignore[untyped-decorator]
    def _func_requires_tls(self, value: Any) -> bool:
        """True when a bucket policy denies every request that does not use TLS."""
        return requires_tls(policy_of(value))

    @functions.signature({"types": ["object", "string", "null"]})  # type: ignore[untyped-decorator]
    def _func_allows_everything(self, value: Any) -> bool:
        """True when a statement allows all actions on all resources."""
        return any(
            statement.get("Effect") == "Allow"
            and "*" in _texts(statement.get("Action"))
            and "*" in _texts(statement.get("Resource"))
            for statement in policy_of(value)
        )

    @functions.signature(  # type: ignore[untyped-decorator]
        {"types": ["object", "string", "null"]}, {"types": ["string"]}
    )
    def _func_others_may_administer(self, value: Any, account_id: str) -> bool:
        """True when a bucket policy lets an account other than this one change the bucket's permissions or encryption."""
        return others_may_administer(policy_of(value), account_id)

    @functions.signature({"types": ["string"]}, {"types": ["string", "null"]})  # type: ignore[untyped-decorator]
    def _func_days_to_end(self, kind: str, version: Any) -> float:
        """Days until AWS ends the support of a version; negative afterwards. The condition is unknown for an unlisted version."""
        end = day_of_end(kind, str(version))
        return (datetime(end.year, end.month, end.day, tzinfo=UTC) - self._moment()).total_seconds() / _SECONDS_PER_DAY

    @functions.signature({"types": ["object", "null"]})  # type: ignore[untyped-decorator]
    def _func_is_public_acl(self, value: Any) -> bool:
        """True when an S3 ACL grants anything to everyone or to every AWS account."""
        return is_public_acl(value)

    @functions.signature({"types": ["array", "null"]}, {"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_opens_port(self, permissions: Any, port: float) -> bool:
        """True when a rule of a security group (`IpPermissions`) lets everybody reach this TCP port."""
        return any(_covers(rule, port) for rule in permissions or () if _from_anywhere(rule))

    @functions.signature({"types": ["array", "null"]})  # type: ignore[untyped-decorator]
    def _func_opens_anything(self, permissions: Any) -> bool:
        """True when a rule of a security group lets everybody reach anything."""
        return any(_from_anywhere(rule) for rule in permissions or ())


def _time(value: Any) -> datetime | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        return None
    try:
        at = parse_time(value)
    except (ValueError, WindlassError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _texts(value: Any) -> Iterable[str]:
    return (value,) if isinstance(value, str) else [text for text in value or () if isinstance(text, str)]


def _from_anywhere(rule: Mapping[str, Any]) -> bool:
    ranges = [entry.get("CidrIp") for entry in rule.get("IpRanges") or ()]
    ranges += [entry.get("CidrIpv6") for entry in rule.get("Ipv6Ranges") or ()]
    return any(text in _ANYWHERE for text in ranges)


def _covers(rule: Mapping[str, Any], port: float) -> bool:
    protocol = str(rule.get("IpProtocol"))
    if protocol == "-1":
        return True
    if protocol not in ("tcp", "6"):
        return False
    first, last = rule.get("FromPort"), rule.get("ToPort")
    return first is None or last is None or first <= port <= last
