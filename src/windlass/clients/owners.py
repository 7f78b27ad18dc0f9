"""Whose requests: the instance that the session is named for, else who held the address at the second of the request.

An address changes hands; so a key's times are split where its holder changes, and each part is told of its own holder.
What nobody is known to have held stays unknown; then the principal's own tags may name the owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Protocol

from windlass.clients.model import Holder, Use, UseKey
from windlass.core.clock import parse_time

__all__ = ["Directory", "EmptyDirectory", "attribute", "attribute_group"]


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


class EmptyDirectory:
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


def attribute(found: Mapping[UseKey, Iterable[str]], directory: Directory) -> Iterator[Use]:
    """The uses of a file: each key's event times by day and by who held the address then."""
    for key, times in found.items():
        principal = directory.principal(key.principal) if key.principal.startswith("arn:") else None
        by_instance = directory.instance(key.instance) if key.instance else None
        for _, part in groupby(
            ((time, by_instance or _held(key, time, directory)) for time in sorted(times)),
            key=lambda pair: (pair[0][:10], pair[1].key if pair[1] else ""),
        ):
            pairs = list(part)
            yield _use(key, pairs[0][1], principal, len(pairs), pairs[0][0], pairs[-1][0])


def attribute_group(key: UseKey, requests: int, first_seen: str, last_seen: str, directory: Directory) -> Use | None:
    """The use of requests of one day that were counted elsewhere; None when their address changed hands between them."""
    principal = directory.principal(key.principal) if key.principal.startswith("arn:") else None
    holder = directory.instance(key.instance) if key.instance else None
    if holder is None:
        holder = _held(key, first_seen, directory)
        last = _held(key, last_seen, directory) if last_seen != first_seen else holder
        if (holder and holder.key) != (last and last.key):
            return None
    return _use(key, holder, principal, requests, first_seen, last_seen)


def _use(key: UseKey, holder: Holder | None, principal: Holder | None, requests: int, first: str, last: str) -> Use:
    return Use(
        key=key,
        day=first[:10],
        holder=holder.key if holder else "",
        holder_name=holder.name if holder else "",
        owner=(holder.owner if holder else "") or (principal.owner if principal else ""),
        requests=requests,
        first_seen=first,
        last_seen=last,
    )


def _held(key: UseKey, time: str, directory: Directory) -> Holder | None:
    # A service calls under its host's name, which nobody here holds.
    if not key.ip[:1].isdigit() and ":" not in key.ip:
        return None
    try:
        at = parse_time(time)
    except ValueError:
        return None
    return directory.holder(key.ip, at, account_id=key.account_id)
