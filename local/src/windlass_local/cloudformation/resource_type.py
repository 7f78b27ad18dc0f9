"""A resource type: how it is created, changed and deleted by calls, with the properties of a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from windlass_local.sample_estate.clients import Clients

__all__ = ["Created", "Props", "ResourceContext", "ResourceType", "lowered", "pruned", "selected", "tags_of"]

Props = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """A created resource: the values of `Ref` and `Fn::GetAtt`."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def with_id(self, physical_id: str) -> Created:
        """Return a copy with another id."""
        return replace(self, id=physical_id)


@dataclass(frozen=True, slots=True)
class ResourceContext:
    """The account and region of a stack, and calls of AWS there."""

    clients: Clients
    account_id: str
    region: str
    stack_id: str = ""
    logical_id: str = ""
    type: str = ""

    def client(self, service: str) -> Any:
        """Return a client of the account and region."""
        return self.clients.get(self.account_id, self.region, service)

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Make one call by its method's name."""
        response: dict[str, Any] = getattr(self.client(service), operation)(**params)
        return response

    def gone(self, service: str, operation: str, /, **params: Any) -> None:
        """Delete; a resource that does not exist is no error."""
        try:
            self.call(service, operation, **params)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if not any(word in code for word in ("NoSuch", "NotFound", "NonExistent", "DoesNotExist")):
                raise

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type.

    `update` gets the resource, its old and its new properties. A change of `fixed` properties needs a new resource.
    """

    type: str
    name: str
    create: Callable[[ResourceContext, str, Props], Created]
    update: Callable[[ResourceContext, Created, Props, Props], Created]
    delete: Callable[[ResourceContext, Created, Props], None]
    fixed: tuple[str, ...] = ()


def pruned(value: Any) -> Any:
    """Remove properties whose value is `AWS::NoValue`."""
    match value:
        case Mapping():
            return {key: pruned(item) for key, item in value.items() if item is not None}
        case list():
            return [pruned(item) for item in value if item is not None]
        case _:
            return value


def selected(props: Props, *names: str) -> dict[str, Any]:
    """Return those of the named properties that are present."""
    return {name: props[name] for name in names if name in props}


def tags_of(props: Props) -> dict[str, str]:
    """Return tags, given as a list or a mapping, as a mapping."""
    tags = props.get("Tags") or ()
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}


def lowered(value: Any) -> Any:
    """Lower the first letter of every key, recursively, as calls of CloudTrail and others have them."""
    match value:
        case Mapping():
            return {key[:1].lower() + key[1:]: lowered(item) for key, item in value.items()}
        case list():
            return [lowered(item) for item in value]
        case _:
            return value
