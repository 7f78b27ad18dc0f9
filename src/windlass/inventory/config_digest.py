"""The digest of everything besides AWS that shapes a document. Only processes with the same digest share a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from windlass import __version__
from windlass.core.canonical import canonical_json
from windlass.inventory.config import InventoryConfig
from windlass.inventory.resource_type import ResourceType

__all__ = ["config_digest"]


def config_digest(config: InventoryConfig, types: Iterable[ResourceType]) -> str:
    """Return a digest of the versions of Windlass and botocore, the names of the types, and what is hashed in documents."""
    parts = [__version__, _botocore(), sorted({kind.name for kind in types}), sorted(config.redact_paths)]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]


def _botocore() -> str:
    try:
        return version("botocore")
    except PackageNotFoundError:  # vendored
        return ""
