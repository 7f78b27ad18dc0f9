"""Resource types from a service's model: one declaration per kind of item that an operation lists. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.inventory.automatic.exclusions import exclusion_of
from windlass.inventory.automatic.identity import ItemIdentity, identity_of, text_identity
from windlass.inventory.automatic.nouns import kebab, noun_of_operation, noun_of_shape, version_of, words
from windlass.inventory.automatic.owner_defaults import request_of
from windlass.inventory.automatic.service_model import ListMember, ModelOperation, ModelSource, operations
from windlass.inventory.automatic.volatile_members import volatile_paths
from windlass.inventory.resource_type import Parent, ResourceType

__all__ = ["Candidate", "candidates", "declare_types"]

_LONGEST_NAME = 64  # of a type in the store
_TAGS = ("Tags", "tags", "TagList", "tagList", "TagSet", "tagSet")
_VERB_RANK = {"Describe": 2, "List": 1, "Get": 0}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation that lists identified items. `missing` are required request members that no default fills."""

    operation: ModelOperation
    items: ListMember
    identity: ItemIdentity
    noun: str
    request: Mapping[str, Any]
    missing: tuple[str, ...]

    @property
    def rank(self) -> tuple[Any, ...]:
        """The larger, the better it describes the noun: the newest version, structures, more members, Describe."""
        verb = next(verb for verb in _VERB_RANK if self.operation.name.startswith(verb))
        return (
            version_of(self.operation.name),
            self.items.item_type == "structure",
            bool(self.identity.arn),
            len(self.items.members),
            _VERB_RANK[verb],
            self.operation.name,
        )


def candidates(source: ModelSource) -> Iterator[Candidate]:
    """Yield every operation of the service that is not excluded, can be paged and lists identified items."""
    for operation in operations(source.document):
        if operation.name in source.unpageable or exclusion_of(source.service, operation.name):
            continue
        members = operation.input_members()
        request = request_of(source.service, operation.name, members)
        missing = tuple(name for name in operation.required if name not in request)
        if len(missing) > 1:
            continue
        noun = noun_of_operation(operation.name)
        identified = [
            (items, identity) for items in operation.lists() if (identity := _identity(items, noun)) is not None
        ]
        if len(identified) > 1:  # the list named like the operation is what it lists
            identified = [entry for entry in identified if _noun_of_list(entry[0]) == noun.lower()]
        if len(identified) == 1:
            yield Candidate(operation, *identified[0], noun, request, missing)


def declare_types(source: ModelSource) -> tuple[ResourceType, ...]:
    """Return the types of a service: those listed without a parent, then those listed for each item of one parent."""
    by_noun: dict[str, Candidate] = {}
    children: dict[str, list[Candidate]] = {}
    for candidate in candidates(source):
        if candidate.missing:
            children.setdefault(candidate.noun, []).append(candidate)
        elif candidate.noun not in by_noun or candidate.rank > by_noun[candidate.noun].rank:
            by_noun[candidate.noun] = candidate
    roots = {noun: _declare(source, candidate, None) for noun, candidate in by_noun.items()}
    types = [*roots.values()]
    for noun, alternatives in sorted(children.items()):
        if noun in by_noun:
            continue
        child = max(alternatives, key=lambda candidate: candidate.rank)
        parent = _parent_of(child, by_noun)
        if parent is not None:
            types.append(_declare(source, child, parent))
    unique = {kind.name: kind for kind in types if len(kind.name) <= _LONGEST_NAME}
    return tuple(unique.values())


def _identity(items: ListMember, noun: str) -> ItemIdentity | None:
    if items.item_type == "string":
        return text_identity(items.path, noun)
    if items.item_type != "structure":
        return None
    return identity_of(items.members, dict.fromkeys((noun, noun_of_shape(items.item_shape), _list_noun(items))))


def _list_noun(items: ListMember) -> str:
    return noun_of_operation("List" + items.path.rpartition(".")[2][:1].upper() + items.path.rpartition(".")[2][1:])


def _noun_of_list(items: ListMember) -> str:
    return noun_of_shape(_list_noun(items)).lower()


def _declare(source: ModelSource, candidate: Candidate, parent: Parent | None) -> ResourceType:
    operation, items, identity = candidate.operation, candidate.items, candidate.identity
    tags = next((name for name in _TAGS if name in items.members), "Tags")
    return ResourceType(
        name=f"{source.service}.{kebab(candidate.noun)}",
        title=" ".join(words(candidate.noun)).capitalize(),
        service=source.service,
        operation=operation.name,
        items=items.path,
        id=_id(identity, candidate.missing),
        arn=identity.arn,
        label=identity.label,
        tags=tags,
        wrap=identity.id if items.item_type == "string" else "",
        request=candidate.request,
        once_per_account=source.once_per_account,
        parent=parent,
        volatile=volatile_paths(operation, items.members),
        automatic=True,
    )


def _id(identity: ItemIdentity, missing: tuple[str, ...]) -> str:
    """Return the path of the id. A child without an ARN is identified within its parent, whose id is among its members."""
    if not missing or identity.arn:
        return identity.id
    return f"join('/', [{missing[0]}, {identity.id} || ''])"


def _parent_of(child: Candidate, roots: Mapping[str, Candidate]) -> Parent | None:
    """Return the one listing whose items have the child's required member; None when no listing or several have it."""
    (required,) = child.missing
    offers = [(root, path) for root in roots.values() if (path := _member_for(required, root))]
    named = [(root, path) for root, path in offers if _is_named(required, child.noun, root.noun)]
    longest = max((len(root.noun) for root, _ in named), default=0)
    offers = [(root, path) for root, path in named if len(root.noun) == longest] or offers
    if len(offers) != 1:
        return None
    root, path = offers[0]
    items = root.items.path if root.items.item_type == "structure" else f"{root.items.path}[].{{{path}: @}}"
    return Parent(operation=root.operation.name, items=items, params={required: path}, request=root.request)


def _is_named(required: str, child: str, parent: str) -> bool:
    """True when the required member, or the child's own noun, begins with the parent's noun: `ListDocumentVersions`."""
    return required.lower().startswith(parent.lower()) or (child.startswith(parent) and child != parent)


def _member_for(required: str, root: Candidate) -> str:
    """Return the identifying member of a listing's items that the required request member takes; empty for none."""
    low, noun = required.lower(), root.noun.lower()
    if root.items.item_type == "string":
        ending = root.identity.id.lower()
        return root.identity.id if low in (f"{noun}{ending}", f"{noun.removesuffix(ending)}{ending}") else ""
    identifying = root.identity.id.split(" || ")
    named = {name.lower(): name for name in root.items.members}
    if low in named and (named[low] in identifying or low.startswith(noun)):
        return named[low]
    for ending in ("arn", "id", "identifier", "name"):
        if low in (noun + ending, noun) and ending in named:
            return named[ending]
    if low in ("arn", "id", "name"):
        return next((name for name in identifying if name.lower().endswith(low)), "")
    return identifying[0] if low in (f"{noun}identifier", noun) else ""
