"""The resources of a stack: one module per kind, which reads, creates, updates and deletes it.

`read(call, resource)` reads the resource from AWS. `create`, `update` and `delete` are pure and return effects. `update` receives
`ours`: whether this deployment made the resource. A resource of others is used unchanged, or is a Conflict if it cannot be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from windlass.deploy.effects import DeploymentEffect
from windlass.deploy.resources import event_rule, function, log_group, mapping, notification, queue, role, rule, table
from windlass.deploy.resources.calls import AwsCall
from windlass.deploy.stack import ExistingResource, ResourceKind, StackResource

__all__ = ["RESOURCE_MODULES", "ResourceModule"]


class ResourceModule(Protocol):
    """The functions of a resource module."""

    def read(self, call: AwsCall, resource: StackResource) -> ExistingResource | None:
        """Return the existing resource; None when it does not exist."""
        ...

    def create(self, resource: StackResource, tags: Mapping[str, str]) -> tuple[DeploymentEffect, ...]:
        """Return the effects that create it."""
        ...

    def update(
        self, resource: StackResource, existing: ExistingResource, *, ours: bool
    ) -> tuple[DeploymentEffect, ...]:
        """Return the effects that bring it to the desired state."""
        ...

    def delete(
        self, resource: StackResource, existing: ExistingResource, *, ours: bool
    ) -> tuple[DeploymentEffect, ...]:
        """Return the effects that delete it, or that remove our additions from a resource of others."""
        ...


RESOURCE_MODULES: Mapping[ResourceKind, ResourceModule] = MappingProxyType(
    {
        ResourceKind.QUEUE: queue,
        ResourceKind.TABLE: table,
        ResourceKind.LOG_GROUP: log_group,
        ResourceKind.ROLE: role,
        ResourceKind.FUNCTION: function,
        ResourceKind.MAPPING: mapping,
        ResourceKind.RULE: rule,
        ResourceKind.EVENT_RULE: event_rule,
        ResourceKind.NOTIFICATION: notification,
    }
)
