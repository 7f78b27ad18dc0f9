"""StackSets of CloudFormation: moto's, which tell of themselves what they were made with.

moto forgets capabilities and automatic deployment, and names the roles of self-managed sets for service-managed ones, too;
Terraform then makes a set anew at each apply.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.cloudformation.models.CloudFormationBackend.describe_stack_set",
    "moto.cloudformation.responses.CloudFormationResponse.create_stack_set",
    "moto.cloudformation.responses.CloudFormationResponse.update_stack_set",
)
_PATCHED = "_windlass_stacksets"
_KEPT = {"Capabilities": "capabilities", "AutoDeployment": "auto_deployment"}
_FALSE = ("false", "False", False)


def install() -> None:
    """Patch moto's two operations; a second call changes nothing."""
    if hasattr(CloudFormationBackend, _PATCHED):
        return
    setattr(CloudFormationBackend, _PATCHED, True)
    for name in ("create_stack_set", "update_stack_set"):
        setattr(CloudFormationResponse, name, _keeping(getattr(CloudFormationResponse, name)))


def _keeping(method: Any) -> Any:
    @wraps(method)
    def run(response: Any) -> Any:
        answer = method(response)
        found = response.cloudformation_backend.describe_stack_set(response._get_param("StackSetName"))  # noqa: SLF001
        for parameter, attribute in _KEPT.items():
            value = response._get_param(parameter)  # noqa: SLF001
            if value is not None:
                setattr(found, attribute, _plain(value))
        if found.permission_model == "SERVICE_MANAGED":
            found.administration_role_arn = found.execution_role_name = None
        return answer

    return run


def _plain(value: Any) -> Any:
    """Truths that came as text."""
    if not isinstance(value, dict):
        return value
    return {name: one not in _FALSE for name, one in value.items()}
