"""Least-privilege IAM policies as values: statements with their reason, for an identity that does one thing. Pure.

The identity decides what the policy allows: a `worker` that runs, a `function` in Lambda, or an `operator`, who also uses
the capability's other commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from windlass.core.arns import format_arn, parse_arn, partition_of
from windlass.queues.address import read_reference

if TYPE_CHECKING:  # the settings' models are slow to import, and `windlass policy --help` does not need them
    from windlass.settings import Settings

__all__ = [
    "PolicyFacts",
    "PolicyIdentity",
    "Statement",
    "Statements",
    "document",
    "facts_of",
    "merged",
    "size_of",
    "split",
]

ANY = "*"
_VERSION = "2012-10-17"
_MAX_CHARACTERS = 6144
"""Size limit of a managed policy in characters, without white space (IAM quotas)."""


class PolicyIdentity(StrEnum):
    """The identity that a policy is for."""

    WORKER = "worker"
    FUNCTION = "function"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions on resources under conditions, with the reason."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the statement in IAM's JSON form."""
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        if self.conditions:
            statement["Condition"] = {name: dict(comparison) for name, comparison in self.conditions.items()}
        return statement


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """Inputs of a policy, in addition to windlass.toml. An unknown account is `*` in ARNs.

    `keys` are the ARNs of customer KMS keys that encrypt buckets or queues; `logs` the locations of CloudTrail's files;
    `dead_letters` the names or ARNs of dead-letter queues; `function` the Lambda function's name; `cluster`, `application` and
    `execution_role` identify EMR's steps and runs, and the runs' role (ARN or name); `versions` also allows direct copies of
    noncurrent versions; `restore` also allows restores of archived objects (`--restore`).
    """

    account: str = ANY
    region: str = "us-east-1"
    keys: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    dead_letters: tuple[str, ...] = ()
    function: str = ANY
    cluster: str = ""
    application: str = ""
    execution_role: str = ""
    versions: bool = False
    restore: bool = False

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """Return an ARN in this partition; by default in our region and account."""
        where = self.region if region is None else region
        owner = self.account if account is None else account
        return format_arn(service, where, owner, resource, partition=partition_of(self.region))

    def at(self, account: str, region: str) -> PolicyFacts:
        """Return the same facts for another account or region; empty means ours."""
        return replace(self, account=account or self.account, region=region or self.region)

    def bucket(self, name: str) -> str:
        """Return a bucket's ARN."""
        return self.arn("s3", name, region="", account="")

    def objects(self, bucket: str, prefix: str = "") -> str:
        """Return the ARN of the objects below a prefix."""
        return f"{self.bucket(bucket)}/{prefix}*"

    def queue(self, text: str) -> str:
        """Return the ARN of a queue given by URL, ARN or name."""
        reference = read_reference(text)
        return self.arn(
            "sqs", reference.name, region=reference.region or self.region, account=reference.account_id or self.account
        )

    @property
    def owned(self) -> dict[str, dict[str, Any]]:
        """The condition that a resource belongs to our account, if that is known; it excludes buckets of other accounts."""
        return {} if self.account == ANY else {"StringEquals": {"aws:ResourceAccount": self.account}}

    def listed(self, *prefixes: str) -> dict[str, dict[str, Any]]:
        """`owned`, limited to keys below these prefixes. S3 also checks ListBucket for HEAD and GET of a missing key, without a
        prefix: hence IfExists."""
        if not all(prefixes):
            return self.owned
        return {**self.owned, "StringLikeIfExists": {"s3:prefix": [f"{text}*" for text in prefixes]}}


Statements = Callable[["Settings", PolicyFacts, PolicyIdentity], Sequence[Statement]]
"""The function that returns a capability's statements."""


def facts_of(
    settings: Settings,
    *,
    account: str = "",
    keys: Sequence[str] = (),
    logs: Sequence[str] = (),
    dead_letters: Sequence[str] = (),
    function: str = "",
    cluster: str = "",
    application: str = "",
    execution_role: str = "",
    versions: bool = False,
    restore: bool = False,
) -> PolicyFacts:
    """Return the facts of a configuration. The account is the first of `estate.accounts` by default."""
    ours = account or (settings.estate.accounts[0].id if settings.estate.accounts else ANY)
    return PolicyFacts(
        account=ours,
        region=settings.estate.home_region,
        keys=tuple(keys),
        logs=tuple(logs),
        dead_letters=tuple(dead_letters),
        function=function or ANY,
        cluster=cluster,
        application=application,
        execution_role=execution_role,
        versions=versions,
        restore=restore,
    )


def merged(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Merge statements that differ only in their resources. Sids stay unique."""
    by_key: dict[Any, Statement] = {}
    for statement in statements:
        key = (statement.actions, statement.why, repr(statement.conditions))
        known = by_key.get(key)
        by_key[key] = (
            statement if known is None else replace(known, resources=_union(known.resources, statement.resources))
        )
    count: dict[str, int] = {}
    unique = []
    for statement in by_key.values():
        count[statement.sid] = count.get(statement.sid, 0) + 1
        unique.append(
            statement if count[statement.sid] == 1 else replace(statement, sid=f"{statement.sid}{count[statement.sid]}")
        )
    return tuple(unique)


def _union(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*left, *right)))


def document(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return the policy document."""
    return {"Version": _VERSION, "Statement": [statement.to_json() for statement in merged(statements)]}


def size_of(statements: Iterable[Statement]) -> tuple[int, int]:
    """Return the characters of the document that count, and the limit of a managed policy."""
    import json

    return len(json.dumps(document(statements), separators=(",", ":"))), _MAX_CHARACTERS


def split(statements: Iterable[Statement]) -> tuple[tuple[Statement, ...], ...]:
    """Return the statements as parts that each fit into a managed policy. A statement with many actions is divided by them.

    One that is too long because of its resources or conditions stays unchanged.
    """
    parts: list[tuple[Statement, ...]] = []
    for statement in merged(statements):
        remaining: Statement | None = statement
        while remaining is not None:
            last = parts[-1] if parts else ()
            fitting = _fitting_actions(last, remaining)
            if not fitting and last:
                parts.append(())
                continue
            actions = remaining.actions[: fitting or len(remaining.actions)]
            rest = remaining.actions[len(actions) :]
            if not parts:
                parts.append(())
            parts[-1] = (*parts[-1], replace(remaining, actions=actions))
            remaining = replace(remaining, actions=rest) if rest else None
    return tuple(parts)


def _fitting_actions(part: tuple[Statement, ...], statement: Statement) -> int:
    """Return how many of the statement's actions still fit into the part; 0 for none."""
    low, high = 0, len(statement.actions)
    while low < high:
        middle = (low + high + 1) // 2
        size, limit = size_of((*part, replace(statement, actions=statement.actions[:middle])))
        low, high = (middle, high) if size <= limit else (low, middle - 1)
    return low


def role_arn(facts: PolicyFacts, role: str, account: str = "") -> str:
    """Return the ARN of a role given by ARN or name."""
    return role if parse_arn(role) else facts.arn("iam", f"role/{role}", region="", account=account or facts.account)
