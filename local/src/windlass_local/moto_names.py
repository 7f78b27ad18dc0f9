"""The check of every private name of moto that we rely on, at start: an upgrade that moved one is reported by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import version

from windlass_local import dispatch, moto_patches, rest_routes
from windlass_local.cloudtrail import identity, parameters, recorder
from windlass_local.exceptions import ConfigError
from windlass_local.services import SERVICES

__all__ = ["MOTO_VERSION", "check_names", "missing_names", "self_check"]

MOTO_VERSION = "5.2.5"


def missing_names() -> list[str]:
    """Return the dotted names that the embedded AWS relies on and this moto does not have."""
    names = [
        name
        for part in (dispatch, rest_routes, identity, parameters, recorder, *SERVICES)
        for name in part.PRIVATE_NAMES
    ]
    names += moto_patches.private_names()
    return [name for name in names if not _exists(name)]


def self_check() -> None:
    """Raise ConfigError when a name that we rely on is missing from this moto."""
    _refuse(missing_names())


def check_names(names: Iterable[str]) -> None:
    """Raise ConfigError when one of `names` is missing from this moto, for modules that are loaded later."""
    _refuse([name for name in names if not _exists(name)])


def _refuse(missing: list[str]) -> None:
    if missing:
        raise ConfigError(
            f"moto {version('moto')} does not have {', '.join(missing)}, which the embedded AWS needs",
            hint=f"Install moto=={MOTO_VERSION}: pip install 'windlass-aws[local]'.",
        )


def _exists(dotted: str) -> bool:
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            result = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[cut:]:
            if not hasattr(result, attribute):
                return False
            result = getattr(result, attribute)
        return True
    return False
