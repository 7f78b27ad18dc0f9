"""The declaration of a resource type: data for listing.py, detail_reader.py and observations.py.

Paths are JMESPath: `items` on a page of the listing, the others on one item with its details merged in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windlass.inventory.listing import Lister

__all__ = ["Detail", "EdgeRule", "Parent", "ResourceType"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One more call per item. `params` are request parameters as paths on the item.

    The result goes under `key` of the document; with an empty `key` it is merged into the document. `absent` are error
    codes which mean that the item has no such detail (null), which is not an error. All pages are read; their lists and
    maps are joined. An item whose member `unless[0]` is `unless[1]` has no such detail, and no call is made.

    With `each`, a path to texts on the item, the call is made once for each of them: `params` name the text as `each`,
    and the results go under `key` as a map from text to result (an absent one is null). A parameter `{account}` is the
    scope's account, and `{arn}` the item's ARN.
    """

    operation: str
    params: Mapping[str, str]
    result: str = "@"
    key: str = ""
    absent: tuple[str, ...] = ()
    service: str = ""  # the service to call, when it is not the type's own
    unless: tuple[str, str] | None = None
    each: str = ""


@dataclass(frozen=True, slots=True)
class EdgeRule:
    """A relation: every text that `path` finds in the document names a target, by ARN or id."""

    kind: str
    path: str
    target_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A listing to read first. The type's own listing is called once per item of it, with `params` from that item.

    A parent may have a parent of its own: a path `above.X` is the parameter X of the parent's own listing. `{account}` in
    `items` and `request` is the scope's account.
    """

    operation: str
    items: str
    params: Mapping[str, str]
    request: Mapping[str, Any] = field(default_factory=dict)
    parent: Parent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One resource type: how it is listed, identified, described and related."""

    name: str
    title: str
    service: str
    operation: str
    items: str
    id: str  # a path in the listing: an item must be identified even when its details are unreadable
    id_after: str = ""  # the id is the text after the last occurrence of this in the value at `id` (a queue's URL)
    arn: str = ""  # a template with {partition} {region} {account} {id} where AWS defines the form, else a path
    label: str = ""  # a path to the name that people use; the tag Name takes precedence
    tags: str = "Tags"
    strip: str = ""  # a prefix of the id that other operations don't take (`/hostedzone/`)
    wrap: str = ""  # for listings of bare texts: the document key for each text
    request: Mapping[str, Any] = field(default_factory=dict)
    once_per_account: bool = False
    # Where a type listed once per account is listed in the `aws` partition, when not in us-east-1.
    home_region: str = ""
    # Errors of the listing which mean that the account has none: a code, or `code: text of the message`.
    absent: tuple[str, ...] = ()
    parent: Parent | None = None
    details: tuple[Detail, ...] = ()
    edges: tuple[EdgeRule, ...] = ()
    addresses: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()  # dotted paths left out of the document; `*` matches any key or item
    redact: tuple[str, ...] = ()  # dotted paths kept as salted hashes
    # Dotted paths of lists whose order matters, besides observations.ORDERED; `*` matches any key or item.
    ordered: tuple[str, ...] = ()
    # A path in the listing: items for which it is false are not kept (AWS-managed keys, default parameter groups).
    keep: str = ""
    owner: str = ""  # a path to the owning account, when it is not in a member known to ownership.py
    measures: Mapping[str, str] = field(default_factory=dict)  # shown, without history: name to path, volatile or not
    iam_prefix: str = ""  # of the IAM actions, when it is not the service's (s3express for directory buckets)
    lister: Lister | None = None  # lists the type in place of listing.list_items
    owner_param: str = ""  # the parameter of every detail call for the account that must own the item
    one_task_per_detail: bool = False  # for types with many, independent details
    measure_actions: tuple[str, ...] = ()  # IAM actions that `lister` needs to read sizes and counts
    automatic: bool = False  # derived from the service's model (automatic/), not curated
