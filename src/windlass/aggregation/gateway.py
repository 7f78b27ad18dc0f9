"""Which writes are a Storage Gateway's own: a rule that refreshes a share leaves them out, or it would feed itself.

Exact on purpose: the published design drops every event whose principal has "StorageGateway" somewhere in it, and with
them the writes of people and jobs whose role or session is so named.
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
    """Whether this principal is the service itself, or a session of one of the shares' roles.

    S3 notifications name a session `AWS:AROA…:name`, CloudTrail by its ARN `arn:aws:sts::account:assumed-role/Role/name`.
    `session` asks for that session's name too, where the role is not the gateway's alone. EventBridge tells only the
    requester's account or service: there, a share's role can't be told from others of its account, and the answer is no.
    """
    if principal_id in SERVICE_PRINCIPALS:
        return True
    if principal_id.startswith("AWS:"):
        role_id, _, name = principal_id.removeprefix("AWS:").partition(":")
        known = role_id != "" and any(role.role_id == role_id for role in roles)
    else:
        known, name = _assumed(principal_id, roles)
    return known and bool(name) and session in ("", name)


def _assumed(principal_arn: str, roles: Iterable[GatewayRole]) -> tuple[bool, str]:
    """Whether an STS session ARN is of one of the roles, and the session's name. A role's path is not in it."""
    arn = parse_arn(principal_arn)
    if arn is None or arn.service != "sts" or not arn.resource.startswith("assumed-role/"):
        return False, ""
    role_name, _, name = arn.resource.removeprefix("assumed-role/").partition("/")
    for role in roles:
        theirs = parse_arn(role.arn)
        if (
            theirs is not None
            and theirs.service == "iam"
            and (theirs.partition, theirs.account) == (arn.partition, arn.account)
            and theirs.resource.startswith("role/")
            and theirs.resource.rpartition("/")[2] == role_name
        ):
            return True, name
    return False, ""
