"""Every resource type: the curated ones, and the automatic ones that no curated type replaces."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Mapping, Sequence

from windlass.core.errors import ConfigError
from windlass.inventory.automatic.catalog_cache import AutomaticCatalog, load
from windlass.inventory.automatic.nouns import kebab, noun_of_operation
from windlass.inventory.model import GLOBAL
from windlass.inventory.resource_type import ResourceType

__all__ = ["TypeRegistry", "merge"]


def merge(curated: Sequence[ResourceType], automatic: Sequence[ResourceType]) -> tuple[ResourceType, ...]:
    """Return the curated types, then the automatic ones that list something else.

    A curated type replaces the automatic ones of its name, of its operations, and of the noun of its operation: a type of
    ListClusters replaces one of DescribeClusters.
    """
    names = {kind.name for kind in curated}
    operations = {(kind.service, kind.operation) for kind in curated}
    nouns = {f"{kind.service}.{kebab(noun_of_operation(kind.operation))}" for kind in curated}
    return (
        *curated,
        *(
            kind
            for kind in automatic
            if kind.name not in names and kind.name not in nouns and (kind.service, kind.operation) not in operations
        ),
    )


class TypeRegistry:
    """The types of this installation. The automatic ones are loaded on first use.

    `enabled` is `inventory.automatic`: True, False, or patterns of the automatic types to collect.
    """

    def __init__(
        self,
        curated: Sequence[ResourceType],
        enabled: bool | Sequence[str],
        catalog: Callable[[], AutomaticCatalog] = load,
    ) -> None:
        self._curated = tuple(curated)
        self._patterns = ("*",) if enabled is True else tuple(enabled or ())
        self._load = catalog

    @functools.cached_property
    def _catalog(self) -> AutomaticCatalog:
        return self._load()

    @functools.cached_property
    def all(self) -> tuple[ResourceType, ...]:
        """Every type, collected by default or not."""
        return merge(self._curated, self._catalog.types)

    @functools.cached_property
    def by_name(self) -> Mapping[str, ResourceType]:
        """Every type by its name."""
        return {kind.name: kind for kind in self.all}

    @functools.cached_property
    def collected(self) -> tuple[ResourceType, ...]:
        """The types that a collection reads unless it names others."""
        if not self._patterns:
            return self._curated
        names = [kind.name for kind in self.all if kind.automatic]
        for pattern in self._patterns:
            if not fnmatch.filter(names, pattern):
                raise ConfigError(
                    f"inventory.automatic: {pattern!r} matches no automatic type",
                    hint="`windlass inventory types --automatic` lists them; true takes all.",
                )
        return tuple(kind for kind in self.all if not kind.automatic or self._is_enabled(kind.name))

    def named(self, names: Sequence[str]) -> tuple[ResourceType, ...]:
        """Return the collected types and those others that `names` contains by their full name."""
        collected = self.collected
        known = {kind.name for kind in collected}
        extra = [name for name in names if "*" not in name and name not in known]
        if not extra:
            return collected
        return (*collected, *(self.by_name[name] for name in extra if name in self.by_name))

    def by_name_of(self, kinds: Sequence[ResourceType]) -> Mapping[str, ResourceType]:
        """Return these types by their names."""
        return {kind.name: kind for kind in kinds}

    def is_offered(self, kind: ResourceType, region: str) -> bool:
        """False when AWS's endpoint data lists the service and has no endpoint in the region. True for curated types."""
        if not kind.automatic or region == GLOBAL:
            return True
        regions = self._catalog.regions.get(kind.service)
        return regions is None or region in regions

    def _is_enabled(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)
