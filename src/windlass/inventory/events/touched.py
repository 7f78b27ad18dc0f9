"""Which resources a CloudTrail record touched. Pure.

The record's service gives the types, the operation's noun the changed type, and the members of parameters and
response the name. A superfluous name costs one read that changes nothing; a missed one waits for the next scan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windlass.core.arns import parse_arn
from windlass.inventory.events.cloudtrail import event_of_record
from windlass.inventory.events.model import Touch
from windlass.inventory.events.type_index import EC2_PREFIXES, IndexedType, TypeIndex
from windlass.inventory.model import GLOBAL, ChangeEvent, Scope

__all__ = ["names_in", "scope_of", "touches_of"]

MAX_TOUCHES = 50
"""Of one record: RunInstances may start hundreds, which one listing reads as cheaply as fifty requests."""
_MAX_TEXTS = 2_000
_MAX_DEPTH = 8
_EC2_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_VERSION = re.compile(r"(?:\d{8}(?:v\d+)?|\d{4}_\d{2}_\d{2}|v\d+|V\d+)$")
_DELETING = ("delete", "terminate", "release", "deregister", "remove", "disable")
_CREATING = ("create", "run", "allocate", "register", "put", "import", "copy", "restore", "publish", "request")
_NOT_CHANGED = frozenset({"ec2.image", "ec2.key-pair"})
"""Types that many operations of EC2 name without changing them: only operations on them cause a read."""

Text = tuple[str, str]
"""A member's name in lower case, and its text."""


def touches_of(record: Mapping[str, Any], index: TypeIndex) -> tuple[Touch, ...]:
    """Return the resources that a record of a changing call touched. ValueError when it is not a CloudTrail record."""
    event = event_of_record(record)
    account_id = _account_of(record)
    types = index.of_source(event.source)
    operation = _VERSION.sub("", event.name).lower()
    named = _Named(event, account_id, event.region or "us-east-1", operation)
    texts = [*_texts(record.get("requestParameters")), *_texts(record.get("responseElements"))]
    about = [kind for kind in types if any(noun in operation for noun in kind.nouns)]
    named.add_resources(record.get("resources"), index)
    for kind in about:
        generic = ("name", "id", "arn", "identifier")
        named.add(kind, (text for key, text in texts if key in kind.keys or key in generic))
    if not named.touches:
        for kind in types:
            named.add(kind, (text for key, text in texts if key in kind.keys))
    if event.source.startswith("ec2."):
        named.add_ec2_ids(texts, index, about)
    if not named.touches:
        for _, text in texts:
            for kind in index.of_arn(text) if text.startswith("arn:") else ():
                named.add(kind, (text,))
    if not named.touches:
        named.add_scopes(about)
    return tuple(named.touches.values())[:MAX_TOUCHES]


def scope_of(each: IndexedType, account_id: str, region: str) -> Scope:
    """Return the scope in which a resource of the type is listed."""
    return Scope(account_id, GLOBAL if each.kind.once_per_account else region, each.kind.name)


def names_in(each: IndexedType, text: str) -> frozenset[str]:
    """Return the names that a text of an event is for a resource of the type: an id, an ARN or both, the id in a URL."""
    arn = parse_arn(text)
    if arn is not None:
        pattern = each.arn_pattern
        if pattern is not None:
            match = pattern.fullmatch(text)
            return frozenset({match[1] if match else arn.resource_id})
        return frozenset({text.removesuffix(":*"), arn.resource_id})
    if each.kind.id_after and each.kind.id_after in text:
        return frozenset({text.rpartition(each.kind.id_after)[2]})
    return frozenset({text.removeprefix(each.kind.strip) if each.kind.strip else text})


class _Named:
    """The touches of one record, each resource once."""

    def __init__(self, event: ChangeEvent, account_id: str, region: str, operation: str) -> None:
        self.touches: dict[tuple[Scope, frozenset[str]], Touch] = {}
        self._event, self._account_id, self._region, self._operation = event, account_id, region, operation

    def add(self, each: IndexedType, texts: Iterable[str]) -> None:
        """Add the resources of a type that texts name. ARNs of other types are left out."""
        for text in dict.fromkeys(texts):
            if text.startswith("arn:") and not _may_be(each, text):
                continue
            self._put(each, scope_of(each, self._account_id, self._region), names_in(each, text))

    def add_resources(self, resources: object, index: TypeIndex) -> None:
        """Add the resources in the record's own list."""
        for entry in resources if isinstance(resources, list) else ():
            arn, config_type = (entry.get("ARN"), entry.get("type")) if isinstance(entry, dict) else (None, None)
            if not isinstance(arn, str):
                continue
            kind = index.by_config_name.get(str(config_type).lower())
            types = (index.by_name[kind.name],) if kind else index.of_arn(arn)
            for indexed in types:
                self.add(indexed, (arn,))

    def add_ec2_ids(self, texts: Iterable[Text], index: TypeIndex, about: Iterable[IndexedType]) -> None:
        """Add every resource whose id is in the record: an attachment changes both its ends."""
        about_names = {indexed.kind.name for indexed in about}
        for _, text in texts:
            match = _EC2_ID.fullmatch(text)
            indexed = index.by_name.get(EC2_PREFIXES.get(match[1], "")) if match else None
            if indexed and (indexed.kind.name not in _NOT_CHANGED or indexed.kind.name in about_names):
                self.add(indexed, (text,))

    def add_scopes(self, types: Iterable[IndexedType]) -> None:
        """Add the scopes of types that the operation changes without naming a resource."""
        for indexed in types:
            self._put(indexed, scope_of(indexed, self._account_id, self._region), frozenset())

    def _put(self, indexed: IndexedType, scope: Scope, names: frozenset[str]) -> None:
        is_about = any(noun in self._operation for noun in indexed.nouns)
        ends = any(self._operation.rstrip("s").endswith(noun.rstrip("s")) for noun in indexed.nouns)
        self.touches.setdefault(
            (scope, names),
            Touch(
                scope=scope,
                names=names,
                event=self._event,
                deletes=ends and self._operation.startswith(_DELETING),
                creates=ends and self._operation.startswith(_CREATING),
                is_mention=not is_about,
            ),
        )


def _may_be(each: IndexedType, arn: str) -> bool:
    if each.arn_pattern is not None:
        return each.arn_pattern.fullmatch(arn) is not None
    parsed = parse_arn(arn)
    if parsed is None:
        return False
    resource_type = parsed.resource_type.replace("-", "").replace("_", "").lower()
    return not resource_type or any(resource_type in noun or noun in resource_type for noun in each.nouns)


def _account_of(record: Mapping[str, Any]) -> str:
    identity = record.get("userIdentity")
    accounts = (record.get("recipientAccountId"), identity.get("accountId") if isinstance(identity, Mapping) else None)
    return next((account for account in accounts if isinstance(account, str) and account.isdigit()), "")


def _texts(value: object, key: str = "", depth: int = 0) -> Iterator[Text]:
    """Yield the texts of a document with the nearest member's name: items of a list have that of the list."""
    stack = [(key, value, depth)]
    count = 0
    while stack and count < _MAX_TEXTS:
        name, item, level = stack.pop()
        if isinstance(item, str):
            count += 1
            if 0 < len(item) <= 2048:
                yield name, item
        elif level < _MAX_DEPTH and isinstance(item, Mapping):
            stack += [(name if str(k) in ("items", "Items") else str(k).lower(), v, level + 1) for k, v in item.items()]
        elif level < _MAX_DEPTH and isinstance(item, list):
            stack += [(name, v, level + 1) for v in item]
