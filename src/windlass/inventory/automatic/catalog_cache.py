"""The automatic types of the installed botocore: derived once per version, then read from the user's cache.

Deriving reads the models of more than 400 services and takes some seconds of CPU.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from windlass.estate.service_models import ServiceDescription, describe_services, models_version
from windlass.inventory.automatic.declarations import declare_types
from windlass.inventory.automatic.service_model import ModelSource
from windlass.inventory.resource_type import Parent, ResourceType

__all__ = ["AutomaticCatalog", "cache_folder", "derive", "load"]

GENERATOR_VERSION = 1
"""Raise it with every change to what is derived from a model."""
_KEPT_FILES = 3
_FIELDS = tuple(field.name for field in fields(ResourceType))
_DEFAULTS = {field.name: field.default for field in fields(ResourceType)}


@dataclass(frozen=True, slots=True)
class AutomaticCatalog:
    """All automatic types, and the regions in which each service has endpoints (no entry: not known)."""

    types: tuple[ResourceType, ...]
    regions: Mapping[str, frozenset[str]] = field(default_factory=dict)


def derive(services: Iterable[ServiceDescription]) -> AutomaticCatalog:
    """Return the types of the services, whose models are read one at a time."""
    types: list[ResourceType] = []
    regions: dict[str, frozenset[str]] = {}
    for service in services:
        source = ModelSource(
            service=service.name,
            document=service.document,
            unpageable=service.unpageable,
            once_per_account=service.once_per_account,
        )
        declared = declare_types(source)
        types += declared
        if declared and service.regions:
            regions[service.name] = service.regions
    return AutomaticCatalog(tuple(types), regions)


def load(
    folder: Path | None = None, services: Callable[[], Iterable[ServiceDescription]] = describe_services
) -> AutomaticCatalog:
    """Return the catalog of the installed models, from the cache in `folder` when it has one."""
    path = (folder or cache_folder()) / f"{models_version()}-{GENERATOR_VERSION}.json"
    try:
        return _decode(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        catalog = derive(services())
        _store(path, orjson.dumps(_encode(catalog)))
        return catalog


def cache_folder() -> Path:
    """Return the folder of the cache, in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "windlass" / "automatic-types"


def _encode(catalog: AutomaticCatalog) -> dict[str, Any]:
    return {
        "types": [
            {
                name: asdict(value) if isinstance(value, Parent) else value
                for name in _FIELDS
                if (value := getattr(kind, name)) != _DEFAULTS[name] and value not in ({}, ())
            }
            for kind in catalog.types
        ],
        "regions": {service: sorted(names) for service, names in catalog.regions.items()},
    }


def _decode(document: Mapping[str, Any]) -> AutomaticCatalog:
    types = []
    for entry in document["types"]:
        parent = entry.pop("parent", None)
        volatile = entry.pop("volatile", ())
        types.append(ResourceType(**entry, parent=Parent(**parent) if parent else None, volatile=tuple(volatile)))
    return AutomaticCatalog(tuple(types), {service: frozenset(names) for service, names in document["regions"].items()})


def _store(path: Path, content: bytes) -> None:
    """Write the file atomically, and remove those of older versions. Failing to write the cache is not an error."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
        stored = sorted(path.parent.glob("*.json"), key=lambda cached: cached.stat().st_mtime)
        for old in stored[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)
    except OSError:
        return
