"""Roles that S3 assumes: to replicate, and to run the tasks of batch jobs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from windlass_local.s3 import policy
from windlass_local.s3.caller import Caller

__all__ = ["PRIVATE_NAMES", "denies", "find_role", "session_of", "trusts"]

PRIVATE_NAMES = (
    "moto.iam.models.IAMBackend.get_roles",
    "moto.iam.models.ManagedPolicy",
    "moto.iam.models.Role",
    "moto.iam.models.iam_backends",
    "moto.sts.models.STSBackend.assume_role",
    "moto.sts.models.sts_backends",
)
_SESSION_S = 43_200


def find_role(arn: str) -> Any:
    """Return moto's role of that ARN, or None."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("role/"):
        return None
    return next((role for role in iam_backends[parts[4]][parts[1]].get_roles() if role.arn == arn), None)


def trusts(role: Any, service: str) -> bool:
    """True when a role's trust policy lets a service assume it."""
    try:
        document = json.loads(unquote(role.assume_role_policy_document or "{}"))
    except ValueError:
        return False
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal") or {}
        services = ["*"] if principal == "*" else _as_list(principal.get("Service")) + _as_list(principal.get("AWS"))
        actions = [entry.lower() for entry in _as_list(statement.get("Action"))]
        named = service in services or "*" in services
        if statement.get("Effect") == "Allow" and named and {"sts:assumerole", "sts:*", "*"} & set(actions):
            return True
    return False


def denies(role: Any, action: str, resource: str) -> bool:
    """True when a policy of the role denies the action.

    A missing Allow is no refusal: the embedded AWS checks no Allow of roles.
    """
    documents = [
        *role.policies.values(),
        *(managed_policy.document for managed_policy in role.managed_policies.values()),
    ]
    question = policy.Question(account_id="", arns=(), action=action, resource=resource)
    return any(
        policy.evaluate(_for_everybody(document), question).verdict is policy.Decision.DENY for document in documents
    )


def _for_everybody(document: str) -> bytes:
    """Return the role's policy in the form of a bucket policy, for any principal."""
    try:
        parsed = json.loads(document)
    except ValueError:
        return b"{}"
    statements = parsed.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    return json.dumps({"Statement": [{**statement, "Principal": "*"} for statement in statements]}).encode()


def session_of(arn: str, region: str, name: str) -> Caller:
    """Assume a role as S3 does; bucket policies see the session as the caller of its calls."""
    _, partition, _, _, account_id, _ = arn.split(":", 5)
    role = sts_backends[account_id][partition].assume_role(
        region_name=region, role_session_name=name, role_arn=arn, policy="", duration=_SESSION_S, external_id=""
    )
    return Caller(account_id=account_id, access_key=role.access_key_id)


def _as_list(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else [] if value is None else [str(value)]
