"""The words a resource type is declared in: data only, read by extract.py and collector.py.

Paths are JMESPath: of `items` on a page of the listing, of the others on one item (its details merged in).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Detail", "EdgeRule", "Parent", "ResourceType"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One more call per item. `params` are request parameters as paths on the item.

    The result goes under `key` of the document, or is merged into it when `key` is empty. `absent` codes mean that
    there is none, which is a fact (null), not an error. All pages are read: lists and maps are gathered over them. An item
    in which the member `unless[0]` is `unless[1]` has no such detail, and is not asked for it.
    """

    operation: str
    params: Mapping[str, str]
    result: str = "@"
    key: str = ""
    absent: tuple[str, ...] = ()
    service: str = ""  # where another service than the type's own answers
    unless: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class EdgeRule:
    """A relation: every text that `path` finds in the document names a target, by ARN or id."""

    kind: str
    path: str
    target_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A listing that must be walked first: for each of its items the type's listing is called with `params` from it."""

    operation: str
    items: str
    params: Mapping[str, str]
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One resource type: how it is listed, told apart, detailed, related."""

    name: str
    title: str
    service: str
    operation: str
    items: str
    id: str  # a path on the listing alone: an item must be known although its details can't be read
    id_after: str = ""  # the id is what follows the last of these in the text at `id` (a queue's URL)
    arn: str = ""  # a template with {partition} {region} {account} {id} where AWS defines the form, else a path
    label: str = ""  # path of the name people use; the tag Name wins
    tags: str = "Tags"
    strip: str = ""  # a prefix of the id that other operations don't take (`/hostedzone/`)
    wrap: str = ""  # listings of bare texts: the key each text is put under
    request: Mapping[str, Any] = field(default_factory=dict)
    once_per_account: bool = False
    parent: Parent | None = None
    details: tuple[Detail, ...] = ()
    edges: tuple[EdgeRule, ...] = ()
    addresses: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()  # dotted paths left out of the document; `*` matches any key or item
    redact: tuple[str, ...] = ()  # dotted paths kept as salted hashes
    ordered: tuple[
        str, ...
    ] = ()  # dotted paths of lists whose order means something, besides extract.ORDERED; `*` as above
    keep: str = ""  # a path: items for which it is false are not ours (AWS-managed keys, default parameter groups)
