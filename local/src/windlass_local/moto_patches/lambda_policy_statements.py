"""A statement id exists once in a policy of a function, alias or layer.

Upstream: add_statement appends a statement whose id exists.
AWS: ResourceConflictException (409).
Source: https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
Offered upstream: no.
"""

from __future__ import annotations

import json
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.policy import Policy

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.awslambda.policy.Policy.add_statement",)


class _StatementExists(LambdaClientError):
    code = 409

    def __init__(self, statement_id: str) -> None:
        message = (
            f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
        super().__init__("ResourceConflictException", message)


def apply() -> None:
    """Refuse a statement id that exists."""
    original = Policy.add_statement

    @wraps(original)
    def add_statement(policy: Any, raw: str, qualifier: str | None = None) -> Any:
        statement_id = json.loads(raw).get("StatementId", "")
        parent = getattr(policy.parent, "function_arn", None) or policy.parent.arn
        resource = f"{parent}:{qualifier}" if qualifier else parent
        if any(
            statement.get("Sid") == statement_id and statement.get("Resource") == resource
            for statement in policy.statements
        ):
            raise _StatementExists(statement_id)
        return original(policy, raw, qualifier)

    Policy.add_statement = add_statement
