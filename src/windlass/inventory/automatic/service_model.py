"""Reading a service model: the plain document of botocore's service-2.json. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ListMember", "ModelOperation", "ModelSource", "operations"]

_NO_SHAPE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """One service, as the estate provides it: its model, and facts about its endpoints.

    `unpageable` are operations whose paging no rule covers. `once_per_account` is true for a service with one
    endpoint for all regions of the partition.
    """

    service: str
    document: Mapping[str, Any]
    unpageable: frozenset[str] = frozenset()
    once_per_account: bool = False


@dataclass(frozen=True, slots=True)
class ListMember:
    """A list in an operation's response: its path, and its items (`members` of structures by name; empty for texts)."""

    path: str
    item_type: str
    item_shape: str
    members: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ModelOperation:
    """One operation of a model. `shapes` are those of its service."""

    name: str
    document: Mapping[str, Any]
    shapes: Mapping[str, Mapping[str, Any]]

    @property
    def input(self) -> Mapping[str, Any]:
        """The shape of the request; empty for an operation without input."""
        return self._shape(self.document.get("input"))

    @property
    def required(self) -> tuple[str, ...]:
        """The required members of the request."""
        return tuple(self.input.get("required", ()))

    def input_members(self) -> dict[str, Mapping[str, Any]]:
        """Return the shapes of the request's members by name."""
        return self._members(self.input)

    def lists(self) -> Iterator[ListMember]:
        """Yield the lists of structures or texts at the top of the response, else those one structure below."""
        members = self._members(self._shape(self.document.get("output")))
        top = [list_member for name, shape in members.items() if (list_member := self._list(name, shape))]
        if top:
            yield from top
            return
        for name, shape in members.items():
            if shape["type"] == "structure":
                for inner, inner_shape in self._members(shape).items():
                    if below := self._list(f"{name}.{inner}", inner_shape):
                        yield below

    def members_of(self, shape: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Return the shapes of a structure's members by name."""
        return self._members(shape)

    def item_of(self, shape: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the shape of a list's items."""
        return self._shape(shape["member"])

    def _list(self, path: str, shape: Mapping[str, Any]) -> ListMember | None:
        if shape["type"] != "list":
            return None
        item = self.item_of(shape)
        return ListMember(path, item["type"], shape["member"]["shape"], self._members(item))

    def _members(self, shape: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {name: self._shape(reference) for name, reference in shape.get("members", _NO_SHAPE).items()}

    def _shape(self, reference: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return self.shapes[reference["shape"]] if reference else _NO_SHAPE


def operations(document: Mapping[str, Any]) -> Iterator[ModelOperation]:
    """Yield the operations of a model that only read: those named List…, Describe… and Get…. Deprecated ones are left out."""
    for name, operation in document["operations"].items():
        if name.startswith(("List", "Describe", "Get")) and not operation.get("deprecated"):
            yield ModelOperation(name, operation, document["shapes"])
