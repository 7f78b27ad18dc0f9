# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""Resources of stacks are created, updated and deleted by calls of their services.

Upstream: half of a resource's properties are dropped, updates have no effect for many types, and deletion ignores the
order of need.
AWS: CloudFormation calls the services, in the order of dependencies, and deletes in reverse; DeletionPolicy Retain
keeps a resource.
moto resolves parameters, conditions and functions and keeps the stacks; what a resource is comes from
`cloudformation/`.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/updating.stacks.walkthrough.html
Offered upstream: no.
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.parsing import ResourceMap

from windlass_local.cloudformation import analytics, buckets, functions, queues, roles, rules, tables
from windlass_local.cloudformation.custom_resources import CUSTOM
from windlass_local.cloudformation.resource_type import Created, ResourceContext, ResourceType, pruned
from windlass_local.cloudformation.server_clients import latest_clients

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.cloudformation.parsing.ResourceMap.update",
    "moto.cloudformation.parsing.ResourceMap.delete",
    "moto.cloudformation.parsing.ResourceMap._delete_resource",
    "moto.cloudformation.parsing.clean_json",
    "moto.cloudformation.parsing.generate_resource_name",
    "moto.cloudformation.parsing.parse_and_create_resource",
    "moto.cloudformation.parsing.parse_and_update_resource",
    "moto.cloudformation.parsing.resource_class_from_type",
)

_KINDS = {
    kind.type: kind for module in (buckets, queues, tables, functions, roles, rules, analytics) for kind in module.KINDS
} | {CUSTOM.type: CUSTOM}
_PREVIOUS = "_windlass_previous"
_RETAINED = ("Retain", "RetainExceptOnCreate")


def kind_of(resource_type: str) -> ResourceType | None:
    """Return the resource type of a template's type, where it is one of ours, else None."""
    return CUSTOM if resource_type.startswith("Custom::") else _KINDS.get(resource_type)


class Resource:
    """The object that moto stores for a resource. moto reads its id, its attributes and whether it exists."""

    def __init__(self, kind: ResourceType, context: ResourceContext, created: Created, props: dict[str, Any]) -> None:
        self.kind, self.context, self.created, self.props = kind, context, created, props
        self.cf_resource_type = context.type
        self.logical_resource_id = context.logical_id
        self.type = context.type

    @property
    def physical_resource_id(self) -> str:
        """Return what `Ref` returns."""
        return self.created.id

    def get_cfn_attribute(self, name: str) -> Any:
        """Return what `Fn::GetAtt` returns."""
        if name not in self.created.attributes:
            raise parsing.UnformattedGetAttTemplateException
        return self.created.attributes[name]

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003  an unknown one is reported on use
        """Return True: attributes are checked when they are read."""
        return True

    def is_created(self) -> bool:
        """Return True: creation waited."""
        return True

    def changed(self, name: str, props: dict[str, Any]) -> Resource:
        """Return the resource with these properties: unchanged, updated, or replaced by a new one."""
        if props == self.props:
            return self
        if any(self.props.get(name) != props.get(name) for name in self.kind.fixed):
            fresh = Resource(self.kind, self.context, self.kind.create(self.context, name, props), props)
            self.unmake()
            return fresh
        return Resource(self.kind, self.context, self.kind.update(self.context, self.created, self.props, props), props)

    def unmake(self) -> None:
        """Delete it."""
        self.kind.delete(self.context, self.created, self.props)


def apply() -> None:
    """Replace how moto makes, changes and deletes resources."""
    create_resource, class_of = parsing.parse_and_create_resource, parsing.resource_class_from_type

    def resource_class(resource_type: str) -> Any:
        return Resource if kind_of(resource_type) else class_of(resource_type)

    @wraps(create_resource)
    def create(logical_id: str, template: dict[str, Any], resources: Any, account_id: str, region_name: str) -> Any:
        kind = kind_of(template["Type"])
        previous = resources.__dict__.get(_PREVIOUS, {}).pop(logical_id, None)
        condition = template.get("Condition")
        if condition and not resources.lazy_condition_map[condition]:
            if previous is not None:
                _unmake(resources, previous)
            return None
        if kind is None:
            if previous is None:
                return create_resource(logical_id, template, resources, account_id, region_name)
            resources._parsed_resources[logical_id] = previous
            changed = parsing.parse_and_update_resource(logical_id, template, resources, account_id, region_name)
            return previous if changed is None else changed
        context = ResourceContext(
            latest_clients(), account_id, region_name, resources.stack_id, logical_id, template["Type"]
        )
        for attribute in (
            template.get("DependsOn", ())
            if isinstance(template.get("DependsOn"), list)
            else [template.get("DependsOn")]
        ):
            if attribute:
                resources[attribute]
        props = pruned(parsing.clean_json(template.get("Properties", {}), resources))
        name = str(
            props.get(kind.name) or parsing.generate_resource_name(kind.type, resources["AWS::StackName"], logical_id)
        )
        if isinstance(previous, Resource) and previous.kind is kind:
            return Resource.changed(_moved(previous, context), name, props)
        return Resource(kind, context, kind.create(context, name, props), props)

    parsing.resource_class_from_type = resource_class
    parsing.parse_and_create_resource = create
    ResourceMap.update = _update
    ResourceMap.delete = _delete


def _moved(resource: Resource, context: ResourceContext) -> Resource:
    return Resource(resource.kind, replace(context), resource.created, resource.props)


def _update(resources: Any, template: dict[str, Any], parameters: dict[str, Any] | None = None) -> None:
    """Apply the new template as for a new stack: existing resources are changed, those that it no longer has are deleted."""
    named = set(resources._resource_json_map)
    before = {
        name: created for name, created in resources._parsed_resources.items() if name in named and created is not None
    }
    policies = {name: resource.get("DeletionPolicy") for name, resource in resources._resource_json_map.items()}
    for name in before:
        del resources._parsed_resources[name]
    resources.__dict__[_PREVIOUS] = previous = dict(before)
    resources._template, resources._resource_json_map = template, template["Resources"]
    if parameters is not None:
        resources.input_parameters = parameters
    try:
        resources.load()
        resources.create(template)
    finally:
        stored = [name for name in before if name in previous and name in template["Resources"]]
        for name in stored:  # the update failed before it reached them
            resources._parsed_resources.setdefault(name, previous.pop(name))
    for name in reversed(list(previous)):
        removed = previous.pop(name)
        if policies.get(name) not in _RETAINED:
            _unmake(resources, removed)


def _delete(resources: Any) -> None:
    """Delete in reverse order of creation: a resource that needs another was created after it."""
    for name in reversed(list(resources._parsed_resources)):
        template = resources._resource_json_map.get(name)
        created = resources._parsed_resources[name]
        if template is None or created is None:
            continue
        if template.get("DeletionPolicy") not in _RETAINED:
            _unmake(resources, created)
        del resources._parsed_resources[name]


def _unmake(resources: Any, created: Any) -> None:
    if isinstance(created, Resource):
        created.unmake()
    else:
        resources._delete_resource(
            created, resources._resource_json_map.get(created.logical_resource_id, {"Type": created.cf_resource_type})
        )
