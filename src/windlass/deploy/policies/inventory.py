"""The inventory: what the catalog's declarations call, for the types that are collected. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from windlass.deploy.policies.shared import estate
from windlass.deploy.policy import Facts, Statement, Use
from windlass.deploy.policy_calls import actions_of
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.catalog import CATALOG
from windlass.inventory.resource_type import ResourceType
from windlass.settings import Settings

__all__ = ["chosen", "statements"]


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:  # noqa: ARG001  one use
    """Every listing and detail of the chosen types. What is looked for is not known yet: the resources are all."""
    actions = sorted({action for one in chosen(settings) for action in _calls(one)})
    found = list(estate(settings, facts))
    if settings.inventory.bucket_sizes_interval_s:
        actions += {action for one in chosen(settings) for action in one.measure_actions}
    return [*found, Statement("Collect", tuple(sorted(actions)), ("*",), "the catalog's listings and details")]


def chosen(settings: Settings) -> tuple[ResourceType, ...]:
    """The types that `inventory.automatic`, `inventory.types` and `inventory.exclude_types` leave."""
    config = settings.inventory
    named = TypeRegistry(CATALOG, config.automatic).named([name for name in config.types if name != "*"])
    return tuple(
        one
        for one in named
        if any(fnmatchcase(one.name, each) for each in config.types)
        and not any(fnmatchcase(one.name, each) for each in config.exclude_types)
    )


def _calls(one: ResourceType) -> Iterator[str]:
    service = one.iam_prefix or one.service
    yield from actions_of(service, one.operation)
    parent = one.parent
    while parent is not None:
        yield from actions_of(service, parent.operation)
        parent = parent.parent
    for detail in one.details:
        yield from actions_of(one.iam_prefix or detail.service or service, detail.operation)
