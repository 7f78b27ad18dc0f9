"""The caller of an S3 call: account, the ARNs that a policy can name, and the ids that events carry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends

from windlass_local.s3.address import S3Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The identity behind a request; `account_id` is "" for an anonymous one."""

    account_id: str
    access_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller's names: ARNs (session and role, user, or root) and the unique id."""

    arns: tuple[str, ...]
    principal_id: str


def caller_of(call: S3Request) -> Caller:
    """Return the identity that signed the request, in the header or in a presigned URL."""
    request = call.request
    if request.access_key:
        return Caller(account_id=request.account_id, access_key=request.access_key)
    key = _presigned_key(call)
    return Caller(account_id=account_of(key) if key else "", access_key=key)


def account_of(access_key: str) -> str:
    """Return the account of an access key: a key of 12 digits is the account; moto knows the others."""
    return access_key if len(access_key) == 12 and access_key.isdigit() else get_account_id_from(access_key)


def _presigned_key(call: S3Request) -> str:
    query = call.query
    if not query:
        return ""
    return query.get("X-Amz-Credential", "").partition("/")[0] or query.get("AWSAccessKeyId", "")


def principal_of(caller: Caller) -> Principal:
    """Return the names of the caller: an assumed role's session, an IAM user, else the account's root."""
    account_id, key = caller.account_id, caller.access_key
    if not account_id:
        return Principal(arns=(), principal_id="Anonymous")
    if not key.isdigit():
        role = sts_backends[account_id]["aws"].get_assumed_role_from_access_key(key)
        if role is not None:
            return Principal(arns=(role.arn, role.role_arn), principal_id=f"AWS:{role.user_id}")
        user_key = iam_backends[account_id]["aws"].access_keys.get(key)
        user = iam_backends[account_id]["aws"].users.get(user_key.user_name) if user_key else None
        if user is not None:
            return Principal(arns=(user.arn,), principal_id=f"AWS:{user.id}")
    return Principal(arns=(f"arn:aws:iam::{account_id}:root",), principal_id=f"AWS:{account_id}")


@lru_cache(maxsize=1024)
def canonical_id(account_id: str) -> str:
    """Return the canonical id of an account (64 hex digits), for ACLs and owners. moto has one for all callers."""
    return hashlib.sha256(f"windlass-local:{account_id}".encode()).hexdigest()
