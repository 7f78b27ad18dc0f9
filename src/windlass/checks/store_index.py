"""The answers about other resources, from the store: whether a target, a name or an address still has something behind it.

An answer is certain only when the target's account, region and type were read completely. A DNS name carries no account:
it is known by our own resources, those that were deleted included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, select

from windlass.checks.subjects import COMPLETE
from windlass.core.arns import parse_arn
from windlass.inventory.member_values import pointer_hash
from windlass.inventory.tables import address, member_value, resource, scope

__all__ = ["BLOCK_TYPE", "StoreIndex"]

BLOCK_TYPE = "s3.account-public-access-block"
_TYPES = {
    ("lambda", "function"): "lambda.function",
    ("sqs", ""): "sqs.queue",
    ("sns", ""): "sns.topic",
    ("states", "stateMachine"): "stepfunctions.state-machine",
    ("events", "event-bus"): "events.bus",
    ("firehose", "deliverystream"): "firehose.delivery-stream",
    ("kinesis", "stream"): "kinesis.stream",
    ("logs", "log-group"): "logs.group",
    ("ecs", "cluster"): "ecs.cluster",
    ("batch", "job-queue"): "batch.job-queue",
    ("codebuild", "project"): "codebuild.project",
}
"""The service and kind of an ARN, and our type. Targets of other types are not judged."""
_LAMBDA_PARTS = 7  # of a function's ARN; an eighth one is a version or an alias
_NAME_MEMBERS = (("DNSName",), ("DomainName",), ("DnsName",), ("Endpoint", "Address"))
_AWS_NAME = re.compile(r"\.(elb\.amazonaws\.com|cloudfront\.net|rds\.amazonaws\.com|awsglobalaccelerator\.com)$")
_BUCKET_NAME = re.compile(r"^(?P<bucket>.+?)\.s3(-website)?([.-][a-z0-9-]+)?\.amazonaws\.com$")


class StoreIndex:
    """Answers by one connection at a time: `with index.reading(connection):`."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._deleted_at: dict[str, str | None] = {}
        self._names: dict[str, bool] | None = None
        self._scopes: dict[tuple[str, str, str], bool] | None = None

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[None]:
        """Answer by this connection in the block."""
        self._connection = connection
        try:
            yield
        finally:
            self._connection = None

    def exists(self, arn: str) -> bool | None:
        """Return whether the resource of an ARN exists; None when its scope was not read completely."""
        parsed = parse_arn(arn)
        kind = _TYPES.get((parsed.service, parsed.resource_type)) if parsed else None
        if parsed is None or kind is None:
            return True
        if self._is_known(arn):
            return True
        return False if self._is_complete(parsed.account, parsed.region, kind) else None

    def deleted_at(self, arn: str) -> str | None:
        """Return when the resource of an ARN was deleted; empty when it exists, None when it was never there."""
        base = _base(arn)
        if base not in self._deleted_at:
            row = self._read.execute(
                select(resource.c.deleted_at)
                .where(resource.c.key == base)
                .order_by(resource.c.deleted_at.is_(None).desc())
            ).first()
            self._deleted_at[base] = None if row is None else row.deleted_at or ""
        return self._deleted_at[base]

    def serves(self, name: str) -> bool | None:
        """Return whether a resource of ours has the DNS name; False for one of a deleted resource, None for an unknown one."""
        name = name.lower().rstrip(".").removeprefix("dualstack.")
        bucket = _BUCKET_NAME.match(name)
        if bucket:
            return self._has_bucket(bucket["bucket"])
        if not _AWS_NAME.search(name):
            return True
        return self._all_names().get(name)

    def holds(self, address_: str) -> bool | None:
        """Return False for an address that a resource of ours had, and that none has now."""
        ended = self._read.execute(select(address.c.valid_to).where(address.c.address == address_)).scalars().all()
        return not ended or None in ended

    def account_block(self, account_id: str) -> Mapping[str, bool] | None:
        """Return the account's S3 public access block; empty without one, None when it was not read."""
        statement = select(resource.c.document).where(
            resource.c.type == BLOCK_TYPE, resource.c.account_id == account_id, resource.c.deleted_at.is_(None)
        )
        document = self._read.execute(statement).scalar()
        if document is not None:
            block: Mapping[str, bool] = json.loads(document)
            return block
        states = [
            complete for key, complete in self._all_scopes().items() if (key[0], key[2]) == (account_id, BLOCK_TYPE)
        ]
        return {} if states and all(states) else None

    @property
    def _read(self) -> Connection:
        assert self._connection is not None, "the index answers inside `reading` alone"
        return self._connection

    def _is_known(self, arn: str) -> bool:
        return self.deleted_at(arn) == ""

    def _is_complete(self, account_id: str, region: str, kind: str) -> bool:
        return self._all_scopes().get((account_id, region, kind), False)

    def _all_scopes(self) -> dict[tuple[str, str, str], bool]:
        if self._scopes is None:
            kinds = (*_TYPES.values(), BLOCK_TYPE)
            statement = select(scope.c.account_id, scope.c.region, scope.c.type, scope.c.state)
            rows = self._read.execute(statement.where(scope.c.type.in_(kinds)))
            # A partial listing is complete: it lacks details, and no resource.
            complete = (*COMPLETE, "partial")
            self._scopes = {(row.account_id, row.region, row.type): row.state in complete for row in rows}
        return self._scopes

    def _has_bucket(self, name: str) -> bool | None:
        statement = select(resource.c.deleted_at).where(resource.c.type == "s3.bucket", resource.c.resource_id == name)
        ended = self._read.execute(statement).scalars().all()
        return None in ended if ended else None

    def _all_names(self) -> dict[str, bool]:
        """Return every DNS name that a resource of ours has (True) or had (False)."""
        if self._names is None:
            pointers = [pointer_hash(parts) for parts in _NAME_MEMBERS]
            statement = select(member_value.c.value, member_value.c.valid_to).where(
                member_value.c.pointer.in_(pointers)
            )
            names: dict[str, bool] = {}
            for row in self._read.execute(statement):
                name = row.value.lower()
                names[name] = names.get(name, False) or row.valid_to is None
            self._names = names
        return self._names


def _base(arn: str) -> str:
    """Return the ARN without a function's qualifier and a log group's `:*`."""
    parts = arn.removesuffix(":*").split(":")
    return ":".join(parts[:_LAMBDA_PARTS]) if ":lambda:" in arn else ":".join(parts)
