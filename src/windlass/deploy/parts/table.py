"""A DynamoDB table with the string key `id`, paid by request. `want`: the `ttl` attribute.

A table that somebody else made is used as it is, if its key fits.
"""

from __future__ import annotations

from collections.abc import Mapping

from windlass.core.errors import Conflict
from windlass.deploy.effects import Call, Effect
from windlass.deploy.parts.calls import Ask, absent, tag_list, tags_of
from windlass.deploy.stacks import Found, Part

__all__ = ["change", "look", "make", "unmake"]

_KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
_IN_THE_MAKING = ("ResourceInUseException", "ResourceNotFoundException", "being created", "being updated")


def look(call: Ask, part: Part) -> Found | None:
    """The table, its key and its time to live."""
    answer = absent(call, "dynamodb", "DescribeTable", TableName=part.name)
    if answer is None or answer["Table"]["TableStatus"] == "DELETING":
        return None
    table = answer["Table"]
    ttl = call("dynamodb", "DescribeTimeToLive", TableName=part.name)["TimeToLiveDescription"]
    lives = ttl.get("AttributeName", "") if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") else ""
    tags = tags_of(call("dynamodb", "ListTagsOfResource", ResourceArn=table["TableArn"]).get("Tags"))
    have = {"ttl": lives, "key": table["KeySchema"]}
    return Found(part.name, tags, have, {"arn": table["TableArn"], "state": table["TableStatus"].lower()})


def make(part: Part, tags: Mapping[str, str]) -> tuple[Effect, ...]:
    """The table, then its time to live."""
    params = {
        "TableName": part.name,
        "KeySchema": _KEY,
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": tag_list(tags),
    }
    created = Call(
        part.purpose, "dynamodb", "CreateTable", params, f"table {part.name}", ("being deleted", "ResourceInUse")
    )
    return (created, _lives(part))


def change(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """The time to live of our own table."""
    if found.have["key"] != _KEY:
        raise Conflict(
            f"table {part.name} has another key than the string `id`", hint="Name another table in windlass.toml."
        )
    return (_lives(part),) if ours and found.have["ttl"] != part.want["ttl"] else ()


def unmake(part: Part, found: Found, *, ours: bool) -> tuple[Effect, ...]:
    """The table with all that is counted in it."""
    if not ours:
        return ()
    return (Call(part.purpose, "dynamodb", "DeleteTable", {"TableName": found.id}, f"table {part.name}"),)


def _lives(part: Part) -> Call:
    params = {
        "TableName": part.name,
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": part.want["ttl"]},
    }
    return Call(part.purpose, "dynamodb", "UpdateTimeToLive", params, f"time to live of {part.name}", _IN_THE_MAKING)
