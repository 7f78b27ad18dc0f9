"""The file shares of a bucket: found by listing and describing all shares, and cached for a while.

Storage Gateway cannot list the shares of a bucket (service API 2013-06-30): ListFileShares returns no location, and the two
Describe operations take at most 10 ARNs each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.aggregation.actions.base import AwsCall, Context
from windlass.aggregation.gateway import GatewayRole
from windlass.core.arns import parse_arn
from windlass.core.paging import LoopGuard

__all__ = ["FileShare", "forget_shares", "gateway_roles", "list_shares", "location", "shares_of"]

DESCRIBED = 10
_GONE = ("DELETING", "FORCE_DELETING")


@dataclass(frozen=True, slots=True)
class FileShare:
    """A file share of a bucket; `place` is the bucket's name, or an access point's ARN or alias.

    `prefix` ends with a slash, or is empty for the bucket's top. `role_arn` is the role with which the share reads and writes.
    """

    arn: str
    kind: str
    place: str
    prefix: str
    role_arn: str = ""


def location(location_arn: str) -> tuple[str, str]:
    """Return the place and the prefix of a share's LocationARN.

    It is `arn:aws:s3:::bucket/prefix/`, `arn:aws:s3:region:account:accesspoint/name/prefix/` or an access point's alias,
    bare or as a bucket's ARN.
    """
    arn = parse_arn(location_arn)
    if arn is not None and arn.resource.startswith("accesspoint/"):
        name, _, prefix = arn.resource.removeprefix("accesspoint/").partition("/")
        place = f"arn:{arn.partition}:s3:{arn.region}:{arn.account}:accesspoint/{name}"
    else:
        place, _, prefix = (arn.resource if arn is not None else location_arn).partition("/")
    return place, f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def list_shares(call: AwsCall) -> tuple[FileShare, ...]:
    """List the NFS and SMB shares of an account and region, without those being deleted."""
    by_kind: dict[str, list[str]] = {"NFS": [], "SMB": []}
    for row in _listed(call):
        if row.get("FileShareType") in by_kind and row.get("FileShareStatus") not in _GONE:
            by_kind[row["FileShareType"]].append(row["FileShareARN"])
    shares = []
    for kind, arns in by_kind.items():
        for first in range(0, len(arns), DESCRIBED):
            response = call(
                "storagegateway", f"Describe{kind}FileShares", FileShareARNList=arns[first : first + DESCRIBED]
            )
            for info in response[f"{kind}FileShareInfoList"]:
                place, prefix = location(info["LocationARN"])
                shares.append(FileShare(info["FileShareARN"], kind, place, prefix, info.get("Role", "")))
    return tuple(shares)


def _listed(call: AwsCall) -> Iterator[dict[str, Any]]:
    marker: dict[str, str] = {}
    guard = LoopGuard("ListFileShares")
    while True:
        response = call("storagegateway", "ListFileShares", **marker)
        yield from response.get("FileShareInfoList", ())
        if not response.get("NextMarker"):
            return
        guard.advance(response["NextMarker"])
        marker = {"Marker": response["NextMarker"]}


def shares_of(
    bucket: str, context: Context, *, access_points: Mapping[str, str], remember_s: float
) -> tuple[FileShare, ...]:
    """Return the shares over a bucket. Lists again when the cached list is too old, or has no share over the bucket."""
    name = _memory_name(context)
    places = {bucket} | {place for place, leads_to in access_points.items() if leads_to == bucket}
    until, cached = context.memory.get(name, (0.0, ()))
    if context.now < until <= context.now + remember_s:  # a clock that was set back must not extend the cache's life
        matching = tuple(share for share in cached if share.place in places)
        if matching:
            return matching
    listed = list_shares(context.call)
    context.memory[name] = (context.now + remember_s, listed)
    return tuple(share for share in listed if share.place in places)


def forget_shares(context: Context) -> None:
    """Drop the cached shares: one of them no longer exists."""
    context.memory.pop(_memory_name(context), None)


def gateway_roles(shares: Sequence[FileShare], call: AwsCall) -> tuple[GatewayRole, ...]:
    """Return the roles with which shares write, with their unique ids, for `written_by_gateway`."""
    arns = dict.fromkeys(share.role_arn for share in shares if share.role_arn)
    return tuple(
        GatewayRole(arn, call("iam", "GetRole", RoleName=arn.rpartition("/")[2])["Role"]["RoleId"]) for arn in arns
    )


def _memory_name(context: Context) -> str:
    return f"storage-gateway shares {context.account_id} {context.region}"
