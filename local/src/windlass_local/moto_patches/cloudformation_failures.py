# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""A stack that fails is rolled back and gives the reason in its events.

Upstream: the call fails with the resource's exception, and half of the stack stays.
AWS: the stack becomes ROLLBACK_COMPLETE, UPDATE_ROLLBACK_COMPLETE or DELETE_FAILED; ResourceStatusReason has the cause.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import Stack

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.cloudformation.models.Stack.create_resources",
    "moto.cloudformation.models.Stack.update",
    "moto.cloudformation.models.Stack.delete",
    "moto.cloudformation.models.Stack._add_stack_event",
)


def apply() -> None:
    """Wrap the three operations of a stack."""
    create, update, delete = Stack.create_resources, Stack.update, Stack.delete

    @wraps(create)
    def create_resources(stack: Any) -> None:
        try:
            create(stack)
        except Exception as error:  # noqa: BLE001  any call's failure is the stack's
            stack._add_stack_event("CREATE_FAILED", resource_status_reason=_reason(error))
            stack.resource_map.delete()
            stack.status = "ROLLBACK_COMPLETE"
            stack._add_stack_event("ROLLBACK_COMPLETE")
            stack.output_map = _no_outputs(stack)

    @wraps(update)
    def update_stack(stack: Any, *args: Any, **kwargs: Any) -> None:
        try:
            update(stack, *args, **kwargs)
        except Exception as error:  # noqa: BLE001
            stack._add_stack_event("UPDATE_FAILED", resource_status_reason=_reason(error))
            stack.status = "UPDATE_ROLLBACK_COMPLETE"

    @wraps(delete)
    def delete_stack(stack: Any) -> None:
        try:
            delete(stack)
        except Exception as error:
            stack.status = "DELETE_FAILED"
            stack._add_stack_event("DELETE_FAILED", resource_status_reason=_reason(error))
            raise

    Stack.create_resources = create_resources
    Stack.update = update_stack
    Stack.delete = delete_stack


def _no_outputs(stack: Any) -> Any:
    return parsing.OutputMap(stack.resource_map, {}, stack.stack_id)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
