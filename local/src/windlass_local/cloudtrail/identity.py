"""Who made a call, by its access key."""

from __future__ import annotations

from urllib.parse import parse_qsl

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from windlass_local.cloudtrail.events import UserIdentity
from windlass_local.request import Request

__all__ = ["PRIVATE_NAMES", "identity_of"]

PRIVATE_NAMES = ("moto.iam.models.iam_backends", "moto.sts.models.sts_backends")


def identity_of(request: Request) -> UserIdentity:
    """Return the caller of a call: a user, an assumed role, or the root of the account that the key stands for."""
    key = request.access_key or _presigned_key(request.query)
    if not key:
        return UserIdentity(account_id="", arn="", role_arn="", principal_id="", access_key="", user_name="")
    account_id = key if len(key) == 12 and key.isdigit() else request.account_id
    arn, role_arn, principal, user = f"arn:aws:iam::{account_id}:root", "", account_id, ""
    if not key.isdigit():
        session = sts_backends[account_id]["aws"].get_assumed_role_from_access_key(key)
        of_user = iam_backends[account_id]["aws"].access_keys.get(key)
        if session is not None:
            arn, role_arn, principal = session.arn, session.role_arn, session.user_id
        elif of_user is not None:
            user = of_user.user_name
            arn, principal = f"arn:aws:iam::{account_id}:user/{user}", user
    return UserIdentity(
        account_id=account_id, arn=arn, role_arn=role_arn, principal_id=principal, access_key=key, user_name=user
    )


def _presigned_key(query: str) -> str:
    result = dict(parse_qsl(query))
    return result.get("X-Amz-Credential", "").partition("/")[0] or result.get("AWSAccessKeyId", "")
