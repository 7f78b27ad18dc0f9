"""StackSets return all parameters of their creation.

Upstream: capabilities and automatic deployment are forgotten, and service-managed sets name the roles of self-managed
ones.
AWS: DescribeStackSet returns Capabilities and AutoDeployment, and no roles for SERVICE_MANAGED. Terraform otherwise
finds a change at each plan.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSet.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.cloudformation.responses import CloudFormationResponse

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.cloudformation.models.CloudFormationBackend.describe_stack_set",
    "moto.cloudformation.responses.CloudFormationResponse.create_stack_set",
    "moto.cloudformation.responses.CloudFormationResponse.update_stack_set",
)
_KEPT = {"Capabilities": "capabilities", "AutoDeployment": "auto_deployment"}
_FALSE = ("false", "False", False)


def apply() -> None:
    """Patch moto's two operations."""
    for name in ("create_stack_set", "update_stack_set"):
        setattr(CloudFormationResponse, name, _keeping(getattr(CloudFormationResponse, name)))


def _keeping(method: Any) -> Any:
    @wraps(method)
    def run(response: Any) -> Any:
        answer = method(response)
        result = response.cloudformation_backend.describe_stack_set(response._get_param("StackSetName"))  # noqa: SLF001
        for parameter, attribute in _KEPT.items():
            value = response._get_param(parameter)  # noqa: SLF001
            if value is not None:
                setattr(result, attribute, _plain(value))
        if result.permission_model == "SERVICE_MANAGED":
            result.administration_role_arn = result.execution_role_name = None
        return answer

    return run


def _plain(value: Any) -> Any:
    """Convert booleans that came as text."""
    if not isinstance(value, dict):
        return value
    return {name: flag not in _FALSE for name, flag in value.items()}
