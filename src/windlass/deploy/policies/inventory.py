"""The policy of the inventory: the calls of the catalog's declarations, for the collected types. Read only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from windlass.deploy.policies.shared import consuming, dead_letters, estate, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.deploy.policy_calls import actions_of
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.catalog import CATALOG
from windlass.inventory.resource_type import ResourceType
from windlass.settings import Settings

__all__ = ["chosen", "statements"]


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return the listings and details of the chosen types. Their resources are `*`: they are unknown before the collection."""
    actions = sorted({action for kind in chosen(settings) for action in _calls(kind)})
    grants = list(estate(settings, facts))
    if settings.inventory.bucket_sizes_interval_s:
        actions += {action for kind in chosen(settings) for action in kind.measure_actions}
    if settings.feed.queue:
        grants += _feed(settings, facts, use)
    return [*grants, Statement("Collect", tuple(sorted(actions)), ("*",), "read the catalog's listings and details")]


def _feed(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> list[Statement]:
    """Return what the feed needs: its queue, and the dead-letter queue of what is no event."""
    config = settings.feed
    at = facts.at(config.account, config.region)
    actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
    return [
        *consuming(at, config.queue, use, "receive the events that keep the inventory current"),
        Statement("DeadLetter", actions, dead_letters(at, config.queue), "reject messages that are no events"),
        *_files(at, config.file_buckets),
        *kms(at, ("sqs", "s3")),
    ]


def _files(facts: PolicyFacts, buckets: Sequence[str]) -> list[Statement]:
    if not buckets:
        return []
    arns = [facts.arn("s3", bucket, region="", account="") for bucket in buckets]
    return [
        Statement(
            "ListFiles",
            ("s3:ListBucket",),
            tuple(arns),
            "find files that CloudTrail, Config and Systems Manager delivered",
        ),
        Statement("ReadFiles", ("s3:GetObject",), tuple(f"{arn}/*" for arn in arns), "read them"),
    ]


def chosen(settings: Settings) -> tuple[ResourceType, ...]:
    """Return the types that `inventory.automatic`, `inventory.types` and `inventory.exclude_types` select."""
    config = settings.inventory
    named = TypeRegistry(CATALOG, config.automatic).named([name for name in config.types if name != "*"])
    return tuple(
        kind
        for kind in named
        if any(fnmatchcase(kind.name, pattern) for pattern in config.types)
        and not any(fnmatchcase(kind.name, pattern) for pattern in config.exclude_types)
    )


def _calls(kind: ResourceType) -> Iterator[str]:
    service = kind.iam_prefix or kind.service
    yield from actions_of(service, kind.operation)
    parent = kind.parent
    while parent is not None:
        yield from actions_of(service, parent.operation)
        parent = parent.parent
    for detail in kind.details:
        yield from actions_of(kind.iam_prefix or detail.service or service, detail.operation)
