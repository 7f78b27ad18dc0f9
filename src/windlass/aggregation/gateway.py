"""Recognition of a Storage Gateway's own writes: a rule that refreshes a share ignores them, or it would trigger itself.

The check is exact: AWS's published design drops every event whose principal contains "StorageGateway", and with them the
writes of people and jobs whose role or session has such a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from windlass.core.arns import parse_arn

__all__ = ["SERVICE_PRINCIPALS", "GatewayRole", "written_by_gateway"]

SERVICE_PRINCIPALS = frozenset({"storagegateway.amazonaws.com", "storagegateway.amazonaws.com.cn"})


@dataclass(frozen=True, slots=True)
class GatewayRole:
    """The role that a share writes with: its ARN, and its unique id (IAM GetRole's RoleId, `AROA…`)."""

    arn: str
    role_id: str = ""


def written_by_gateway(principal_id: str, roles: Iterable[GatewayRole] = (), *, session: str = "") -> bool:
    """Return whether a principal is the Storage Gateway service, or a session of one of the shares' roles.

    S3 notifications name a session `AWS:AROA…:name`, CloudTrail by its ARN `arn:aws:sts::account:assumed-role/Role/name`.
    `session` also requires this session name, for a role that others use too. EventBridge gives only the requester's account or
    service, so a share's role cannot be recognised there: the result is False.
    """
    if principal_id in SERVICE_PRINCIPALS:
        return True
    if principal_id.startswith("AWS:"):
        role_id, _, name = principal_id.removeprefix("AWS:").partition(":")
        is_share_role = role_id != "" and any(role.role_id == role_id for role in roles)
    else:
        is_share_role, name = _assumed(principal_id, roles)
    return is_share_role and bool(name) and session in ("", name)


def _assumed(principal_arn: str, roles: Iterable[GatewayRole]) -> tuple[bool, str]:
    """Return whether an STS session ARN is of one of the roles, and the session's name. The ARN omits a role's path."""
    arn = parse_arn(principal_arn)
    if arn is None or arn.service != "sts" or not arn.resource.startswith("assumed-role/"):
        return False, ""
    role_name, _, name = arn.resource.removeprefix("assumed-role/").partition("/")
    for role in roles:
        role_arn = parse_arn(role.arn)
        if (
            role_arn is not None
            and role_arn.service == "iam"
            and (role_arn.partition, role_arn.account) == (arn.partition, arn.account)
            and role_arn.resource.startswith("role/")
            and role_arn.resource.rpartition("/")[2] == role_name
        ):
            return True, name
    return False, ""
