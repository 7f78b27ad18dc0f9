"""The functions that conditions may call besides JMESPath's own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from jmespath import functions

from windlass.checks.public import is_public_acl, is_public_policy, others_may_administer, policy_of, requires_tls
from windlass.checks.support import day_of_end
from windlass.core.clock import parse_time
from windlass.core.errors import WindlassError

__all__ = ["NOTHING_KNOWN", "Functions", "Moment", "OtherResources", "TimeReading", "UnknownState"]

Moment = Callable[[], datetime]
"""Returns the time for which conditions are judged."""

_ANYWHERE = ("0.0.0.0/0", "::/0")
_SECONDS_PER_DAY = 86_400.0


class UnknownState(Exception):
    """The answer depends on another resource, whose account, region or type was not read completely."""


class OtherResources(Protocol):
    """What conditions ask about other resources than the one that they judge. None: it is not known."""

    def exists(self, arn: str) -> bool | None:
        """Return whether the resource of an ARN exists. True for an ARN of a type that is not judged."""
        ...

    def serves(self, name: str) -> bool | None:
        """Return whether what a DNS name of AWS stands for exists. True for any other name."""
        ...

    def holds(self, address: str) -> bool | None:
        """Return whether a resource has a public IP address. True for one that none of ours ever had."""
        ...

    def account_block(self, account_id: str) -> Mapping[str, bool] | None:
        """Return the public access block of an account; empty when it has none."""
        ...


class _NothingKnown:
    """The answers before anything was read."""

    def exists(self, arn: str) -> bool | None:  # noqa: ARG002
        return None

    def serves(self, name: str) -> bool | None:  # noqa: ARG002
        return None

    def holds(self, address: str) -> bool | None:  # noqa: ARG002
        return None

    def account_block(self, account_id: str) -> Mapping[str, bool] | None:  # noqa: ARG002
        return None


NOTHING_KNOWN: OtherResources = _NothingKnown()


@dataclass(frozen=True, slots=True)
class TimeReading:
    """A time that an evaluation has compared with now."""

    at: datetime
    is_past: bool
    """True for days since, False for days until."""

    def crossing(self, days: float) -> datetime:
        """Return when the number of days is this one."""
        return self.at + timedelta(days=days) if self.is_past else self.at - timedelta(days=days)


class Functions(functions.Functions):  # type: ignore[misc]  # jmespath has no types
    """JMESPath's functions and ours. All of ours return null for null."""

    def __init__(self, moment: Moment, others: OtherResources = NOTHING_KNOWN) -> None:
        self._moment, self._others = moment, others
        self._readings: list[TimeReading] = []
        super().__init__()

    def take_readings(self) -> list[TimeReading]:
        """Return the times that were compared with now since the last call."""
        readings, self._readings = self._readings, []
        return readings

    def has(self, name: str) -> bool:
        """True when a function of this name exists."""
        return name in self.FUNCTION_TABLE

    @functions.signature({"types": ["string", "number", "null"]})  # type: ignore[untyped-decorator]
    def _func_days_since(self, value: Any) -> float | None:
        """Days from a time (ISO 8601 or epoch seconds) to now; null for any other value."""
        at = _time(value)
        if at is None:
            return None
        self._readings.append(TimeReading(at, is_past=True))
        return (self._moment() - at).total_seconds() / _SECONDS_PER_DAY

    @functions.signature({"types": ["string", "number", "null"]})  # type: ignore[untyped-decorator]
    def _func_days_until(self, value: Any) -> float | None:
        """Days from now to a time; negative when it has passed; null for any other value."""
        at = _time(value)
        return None if at is None else self._days_until(at)

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
        return self._days_until(datetime(end.year, end.month, end.day, tzinfo=UTC))

    def _days_until(self, at: datetime) -> float:
        self._readings.append(TimeReading(at, is_past=False))
        return (at - self._moment()).total_seconds() / _SECONDS_PER_DAY

    @functions.signature({"types": ["array", "null"]})  # type: ignore[untyped-decorator]
    def _func_gone_targets(self, arns: Any) -> list[str]:
        """The ARNs whose resource does not exist. The condition is unknown when none is gone for certain, and one may be."""
        return _certain([text for text in arns or () if isinstance(text, str)], self._others.exists)

    @functions.signature({"types": ["array", "null"]})  # type: ignore[untyped-decorator]
    def _func_gone_records(self, records: Any) -> list[str]:
        """The names of Route 53 records that point at what was deleted: somebody else may get the name or address."""
        return _certain(records or (), self._record_answers)

    def _record_answers(self, record: Mapping[str, Any]) -> bool | None:
        alias = record.get("AliasTarget")
        if alias:
            return self._others.serves(str(alias.get("DNSName", "")))
        values = [str(value.get("Value", "")) for value in record.get("ResourceRecords") or ()]
        if record.get("Type") == "CNAME":
            return _all(self._others.serves(value) for value in values)
        return _all(self._others.holds(value) for value in values) if record.get("Type") in ("A", "AAAA") else True

    @functions.signature({"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_account_blocks(self, account_id: str, setting: str) -> bool:
        """True when a setting of the account's S3 public access block is on; unknown when it was not read."""
        block = self._others.account_block(account_id)
        if block is None:
            raise UnknownState("the public access block of the account was not read")
        return bool(block.get(setting))

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


def _certain(items: Iterable[Any], is_there: Callable[[Any], bool | None]) -> list[str]:
    """Return the items that are gone for certain. UnknownState when none is, and one may be."""
    answers = [(item, is_there(item)) for item in items]
    gone = [str(item["Name"] if isinstance(item, Mapping) else item) for item, there in answers if there is False]
    if not gone and any(there is None for _, there in answers):
        raise UnknownState("another resource was not read")
    return gone


def _all(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    return False if False in known else None if None in known else True


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
