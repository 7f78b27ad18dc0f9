"""Whose requests: the instance that the session is named for, else who held the address at the second of the request.

An address changes hands; so a key's times are split where its holder changes, and each part is told of its own holder.
What nobody is known to have held stays unknown; then the principal's own tags may name the owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Protocol

from windlass.clients.model import Holder, Key, Use
from windlass.core.clock import parse_time

__all__ = ["Directory", "Nobody", "attribute"]


class Directory(Protocol):
    """Who is who: the inventory, handed in by the composition root."""

    def holder(self, ip: str, at: datetime, *, account_id: str = "") -> Holder | None:
        """Who held the address at that time; of several, one of the account's."""
        ...

    def instance(self, instance_id: str) -> Holder | None:
        """The instance of this id."""
        ...

    def principal(self, arn: str) -> Holder | None:
        """The role or user."""
        ...


class Nobody:
    """A directory that knows nobody, for scans without an inventory."""

    def holder(self, ip: str, at: datetime, *, account_id: str = "") -> Holder | None:  # noqa: ARG002
        """Unknown."""
        return None

    def instance(self, instance_id: str) -> Holder | None:  # noqa: ARG002
        """Unknown."""
        return None

    def principal(self, arn: str) -> Holder | None:  # noqa: ARG002
        """Unknown."""
        return None


def attribute(found: Mapping[Key, Iterable[str]], directory: Directory) -> Iterator[Use]:
    """The uses of a file: each key's event times by day and by who held the address then."""
    for key, times in found.items():
        principal = directory.principal(key.principal) if key.principal.startswith("arn:") else None
        by_instance = directory.instance(key.instance) if key.instance else None
        for (day, holder_key), part in groupby(
            ((time, by_instance or _held(key, time, directory)) for time in sorted(times)),
            key=lambda pair: (pair[0][:10], pair[1].key if pair[1] else ""),
        ):
            pairs = list(part)
            holder = pairs[0][1]
            yield Use(
                key=key,
                day=day,
                holder=holder_key,
                holder_name=holder.name if holder else "",
                owner=(holder.owner if holder else "") or (principal.owner if principal else ""),
                requests=len(pairs),
                first_seen=pairs[0][0],
                last_seen=pairs[-1][0],
            )


def _held(key: Key, time: str, directory: Directory) -> Holder | None:
    # A service calls under its host's name, which nobody here holds.
    if not key.ip[:1].isdigit() and ":" not in key.ip:
        return None
    try:
        at = parse_time(time)
    except ValueError:
        return None
    return directory.holder(key.ip, at, account_id=key.account_id)
