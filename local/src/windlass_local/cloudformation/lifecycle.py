# ruff: noqa: SLF001 - this module is where moto's private names are touched, all of them in PRIVATE_NAMES
"""Stacks of moto, mended: resources of the kinds here are made by calls, updated in order of need, and deleted in reverse.

moto resolves templates (parameters, conditions, functions) and keeps stacks; what a resource *is* comes from here. A stack that
can't be made is rolled back and says why in its events; one that can't be updated keeps what was done and says so.
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.models import Stack
from moto.cloudformation.parsing import ResourceMap

from windlass_local.cloudformation import analytics, buckets, functions, queues, roles, rules, tables
from windlass_local.cloudformation.custom_resources import CUSTOM
from windlass_local.cloudformation.resource_type import Created, ResourceContext, ResourceType, pruned

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.cloudformation.models.yaml_tag_constructor",
    "moto.cloudformation.models.Stack.create_resources",
    "moto.cloudformation.models.Stack.update",
    "moto.cloudformation.models.Stack.delete",
    "moto.cloudformation.models.Stack._add_stack_event",
    "moto.cloudformation.parsing.ResourceMap.load_parameters",
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
    """The kind of a template's type, where it is one of ours."""
    return CUSTOM if resource_type.startswith("Custom::") else _KINDS.get(resource_type)


class Resource:
    """What moto keeps of a resource, over what was made: it asks for ids, attributes and whether it is there."""

    def __init__(self, kind: ResourceType, context: ResourceContext, created: Created, props: dict[str, Any]) -> None:
        self.kind, self.context, self.created, self.props = kind, context, created, props
        self.cf_resource_type = context.type
        self.logical_resource_id = context.logical_id
        self.type = context.type

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` is."""
        return self.created.id

    def get_cfn_attribute(self, name: str) -> Any:
        """What `GetAtt` is."""
        if name not in self.created.attributes:
            raise parsing.UnformattedGetAttTemplateException
        return self.created.attributes[name]

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003  told when it is asked for
        """Known when it is asked for."""
        return True

    def is_created(self) -> bool:
        """Always: making it waited."""
        return True

    def changed(self, name: str, props: dict[str, Any]) -> Resource:
        """The resource with these properties: as it is, updated, or replaced by a new one."""
        if props == self.props:
            return self
        if any(self.props.get(one) != props.get(one) for one in self.kind.fixed):
            fresh = Resource(self.kind, self.context, self.kind.create(self.context, name, props), props)
            self.unmake()
            return fresh
        return Resource(self.kind, self.context, self.kind.update(self.context, self.created, self.props, props), props)

    def unmake(self) -> None:
        """Delete it."""
        self.kind.delete(self.context, self.created, self.props)


def apply(clients: Any) -> None:
    """Patch moto's CloudFormation; `clients()` gives clients of the server that is up. Once per process."""
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
        context = ResourceContext(clients(), account_id, region_name, resources.stack_id, logical_id, template["Type"])
        for one in (
            template.get("DependsOn", ())
            if isinstance(template.get("DependsOn"), list)
            else [template.get("DependsOn")]
        ):
            if one:
                resources[one]
        props = pruned(parsing.clean_json(template.get("Properties", {}), resources))
        name = str(
            props.get(kind.name) or parsing.generate_resource_name(kind.type, resources["AWS::StackName"], logical_id)
        )
        if isinstance(previous, Resource) and previous.kind is kind:
            return Resource.changed(_placed(previous, context), name, props)
        return Resource(kind, context, kind.create(context, name, props), props)

    parsing.resource_class_from_type = resource_class
    parsing.parse_and_create_resource = create
    models.yaml_tag_constructor = _conditions_read(models.yaml_tag_constructor)
    ResourceMap.load_parameters = _lists_split(ResourceMap.load_parameters)
    ResourceMap.update = _update
    ResourceMap.delete = _delete
    _told()


def _placed(resource: Resource, context: ResourceContext) -> Resource:
    return Resource(resource.kind, replace(context), resource.created, resource.props)


def _conditions_read(construct: Any) -> Any:
    """`!Condition Name` is no function: moto reads it as one, which is never true."""

    @wraps(construct)
    def tag(loader: Any, name: str, node: Any) -> Any:
        return {"Condition": node.value} if name == "!Condition" else construct(loader, name, node)

    return tag


def _lists_split(load: Any) -> Any:
    """moto splits lists that are given, and leaves their defaults one text."""

    @wraps(load)
    def load_parameters(resources: Any) -> None:
        load(resources)
        for name, declared in (resources._template.get("Parameters") or {}).items():
            value = resources.resolved_parameters.get(name)
            if isinstance(value, str) and str(declared.get("Type", "")).startswith(("CommaDelimitedList", "List<")):
                split = [one.strip() for one in value.split(",")]
                resources.resolved_parameters[name] = resources._parsed_resources[name] = split

    return load_parameters


def _update(resources: Any, template: dict[str, Any], parameters: dict[str, Any] | None = None) -> None:
    """Go through the new template as for a new stack; what is there already is changed, what is left over goes."""
    named = set(resources._resource_json_map)
    before = {
        name: created for name, created in resources._parsed_resources.items() if name in named and created is not None
    }
    policies = {name: one.get("DeletionPolicy") for name, one in resources._resource_json_map.items()}
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
        kept = [name for name in before if name in previous and name in template["Resources"]]
        for name in kept:  # an update that failed before it came to them
            resources._parsed_resources.setdefault(name, previous.pop(name))
    for name in reversed(list(previous)):
        gone = previous.pop(name)
        if policies.get(name) not in _RETAINED:
            _unmake(resources, gone)


def _delete(resources: Any) -> None:
    """In the reverse of the order in which they were made: what needs another was made after it."""
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


def _told() -> None:
    """A stack that fails is rolled back and says why; moto answers its own exception and keeps half of it."""
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
