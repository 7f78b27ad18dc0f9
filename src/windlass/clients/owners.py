"""The owners of requests: the instance in the session's name, else the holder of the address at the time of the request.

The holder of an address changes over time: the times of a key are split where its holder changes. An address without a known
holder stays unknown; then the tags of the principal may name the owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Protocol

from windlass.clients.model import ClientUse, IpHolder, UseKey
from windlass.core.clock import parse_time

__all__ = ["Directory", "EmptyDirectory", "attribute", "attribute_group"]


class Directory(Protocol):
    """The holders of addresses and names: the inventory, passed in by the composition root."""

    def holder(self, ip: str, at: datetime, *, account_id: str = "") -> IpHolder | None:
        """Return the holder of the address at that time; of several, one in the account."""
        ...

    def instance(self, instance_id: str) -> IpHolder | None:
        """Return the instance of this id."""
        ...

    def principal(self, arn: str) -> IpHolder | None:
        """Return the role or user."""
        ...


class EmptyDirectory:
    """A directory without entries, for scans without an inventory."""

    def holder(self, ip: str, at: datetime, *, account_id: str = "") -> IpHolder | None:  # noqa: ARG002
        """Return None."""
        return None

    def instance(self, instance_id: str) -> IpHolder | None:  # noqa: ARG002
        """Return None."""
        return None

    def principal(self, arn: str) -> IpHolder | None:  # noqa: ARG002
        """Return None."""
        return None


def attribute(times_by_key: Mapping[UseKey, Iterable[str]], directory: Directory) -> Iterator[ClientUse]:
    """Yield the uses of a file: the event times of each key, by day and by holder."""
    for key, times in times_by_key.items():
        principal = directory.principal(key.principal) if key.principal.startswith("arn:") else None
        by_instance = directory.instance(key.instance) if key.instance else None
        for _, part in groupby(
            ((time, by_instance or _held(key, time, directory)) for time in sorted(times)),
            key=lambda pair: (pair[0][:10], pair[1].key if pair[1] else ""),
        ):
            pairs = list(part)
            yield _use(key, pairs[0][1], principal, len(pairs), pairs[0][0], pairs[-1][0])


def attribute_group(
    key: UseKey, requests: int, first_seen: str, last_seen: str, directory: Directory
) -> ClientUse | None:
    """Return the use of requests of one day, counted by Athena; None when the holder of their address changed in between."""
    principal = directory.principal(key.principal) if key.principal.startswith("arn:") else None
    holder = directory.instance(key.instance) if key.instance else None
    if holder is None:
        holder = _held(key, first_seen, directory)
        last = _held(key, last_seen, directory) if last_seen != first_seen else holder
        if (holder and holder.key) != (last and last.key):
            return None
    return _use(key, holder, principal, requests, first_seen, last_seen)


def _use(
    key: UseKey, holder: IpHolder | None, principal: IpHolder | None, requests: int, first: str, last: str
) -> ClientUse:
    return ClientUse(
        key=key,
        day=first[:10],
        holder=holder.key if holder else "",
        holder_name=holder.name if holder else "",
        owner=(holder.owner if holder else "") or (principal.owner if principal else ""),
        requests=requests,
        first_seen=first,
        last_seen=last,
    )


def _held(key: UseKey, time: str, directory: Directory) -> IpHolder | None:
    # A service's address is its host name, which no resource holds.
    if not key.ip[:1].isdigit() and ":" not in key.ip:
        return None
    try:
        at = parse_time(time)
    except ValueError:
        return None
    return directory.holder(key.ip, at, account_id=key.account_id)
