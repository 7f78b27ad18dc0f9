"""Whether a resource policy or an ACL is public, by AWS's definition. Pure.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", section "The meaning of 'public'": a policy
is public when it grants anything to everyone and no condition limits the grant to fixed values of the keys listed there.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["is_public_acl", "is_public_policy", "others_may_administer", "policy_of", "requires_tls"]

Statement = Mapping[str, Any]

_PUBLIC_GROUPS = frozenset(
    f"http://acs.amazonaws.com/groups/global/{name}" for name in ("AllUsers", "AuthenticatedUsers")
)
_LIMITING_KEYS = frozenset(
    key.lower()
    for key in (
        "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceAccount",
        "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce",
        "aws:userid", "s3:DataAccessPointAccount", "s3:DataAccessPointArn", "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "kms:CallerAccount",
    )
)  # fmt: skip
_MATCHING = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress")
_ADMINISTRATIVE = (
    "s3:deletebucketpolicy",
    "s3:putbucketacl",
    "s3:putbucketpolicy",
    "s3:putencryptionconfiguration",
    "s3:putobjectacl",
)
_WIDEST_PREFIX = 8
"""A range of IPv4 addresses as wide as this, or wider, is no limit: AWS treats it as public."""
_WIDEST_PREFIX_V6 = 32


def policy_of(value: Any) -> tuple[Statement, ...]:
    """Return the statements of a policy that is a document or its JSON text; none for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return ()
    statements = value.get("Statement") if isinstance(value, Mapping) else None
    listed = [statements] if isinstance(statements, Mapping) else statements or ()
    return tuple(statement for statement in listed if isinstance(statement, Mapping))


def is_public_policy(statements: Iterable[Statement]) -> bool:
    """True when a statement allows anything to everyone without a condition that limits it."""
    return any(
        statement.get("Effect") == "Allow" and _for_everyone(statement) and not _is_limited(statement)
        for statement in statements
    )


def requires_tls(statements: Iterable[Statement]) -> bool:
    """True when a statement denies everyone every action on everything where `aws:SecureTransport` is false."""
    return any(
        statement.get("Effect") == "Deny"
        and _for_everyone(statement)
        and any(text in ("*", "s3:*") for text in _texts(statement.get("Action")))
        and _only_insecure(statement.get("Condition"))
        for statement in statements
    )


def others_may_administer(statements: Iterable[Statement], account_id: str) -> bool:
    """True when a statement allows an administrative action (FSBP S3.6) to a principal outside the account."""
    return any(
        statement.get("Effect") == "Allow"
        and any(
            fnmatchcase(action, text.lower()) for text in _texts(statement.get("Action")) for action in _ADMINISTRATIVE
        )
        and _for_others(statement, account_id)
        for statement in statements
    )


def is_public_acl(acl: Any) -> bool:
    """True when an ACL grants anything to everyone (AllUsers) or to every AWS account (AuthenticatedUsers)."""
    grants = acl.get("Grants") if isinstance(acl, Mapping) else None
    return any((grant.get("Grantee") or {}).get("URI") in _PUBLIC_GROUPS for grant in grants or ())


def _for_everyone(statement: Statement) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return "*" in _texts(principal.get("AWS"))
    return principal == "*"


def _for_others(statement: Statement, account_id: str) -> bool:
    if _for_everyone(statement):
        return True
    principal = statement.get("Principal")
    texts = _texts(principal.get("AWS")) if isinstance(principal, Mapping) else []
    return any(account_id not in (text, text.split(":")[4] if text.count(":") >= 5 else "") for text in texts)


def _is_limited(statement: Statement) -> bool:
    conditions = statement.get("Condition")
    if not isinstance(conditions, Mapping):
        return False
    for operator, keys in conditions.items():
        name = str(operator).removeprefix("ForAnyValue:")
        if name not in _MATCHING or not isinstance(keys, Mapping):
            continue  # a negated, optional or ForAllValues condition also holds where the key is missing
        for key, values in keys.items():
            texts = _texts(values)
            if not texts:
                continue
            if str(key).lower() == "aws:sourceip" and name == "IpAddress":
                if all(_is_narrow(text) for text in texts):
                    return True
            elif str(key).lower() in _LIMITING_KEYS and all(_is_fixed(text) for text in texts):
                return True
    return False


def _is_fixed(text: str) -> bool:
    """True for a value that names a fixed principal: `*`, `arn:aws:iam::*:role/x` and `${…}` do not."""
    if text.startswith("arn:"):
        parts = text.split(":", 5)
        return (
            len(parts) == 6 and "*" not in parts[4] and "?" not in parts[4] and (bool(parts[4]) or "*" not in parts[5])
        )
    return "*" not in text and "?" not in text and "${" not in text


def _is_narrow(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return network.prefixlen > (_WIDEST_PREFIX if network.version == 4 else _WIDEST_PREFIX_V6)


def _only_insecure(condition: Any) -> bool:
    """True for exactly `Bool: {aws:SecureTransport: false}`: a further condition would exclude some requests."""
    if not isinstance(condition, Mapping) or len(condition) != 1:
        return False
    keys = condition.get("Bool")
    if not isinstance(keys, Mapping) or len(keys) != 1:
        return False
    key, value = next(iter(keys.items()))
    return str(key).lower() == "aws:securetransport" and [str(text).lower() for text in _values(value)] == ["false"]


def _values(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str]:
    return [text for text in _values(value) if isinstance(text, str)]
