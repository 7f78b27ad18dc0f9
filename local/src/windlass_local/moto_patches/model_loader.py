"""Service models are loaded once.

Upstream: create_loader makes a loader for each service's first call, and each reads the folder of all models.
AWS: no visible difference; the first call of a service is faster.
Source: https://docs.getmoto.org/en/latest/docs/server_mode.html
Offered upstream: no.
"""

from __future__ import annotations

import functools

import moto.core.utils

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.core.utils.create_loader",)


def apply() -> None:
    """Keep the loader."""
    if not hasattr(moto.core.utils.create_loader, "cache_info"):
        moto.core.utils.create_loader = functools.cache(moto.core.utils.create_loader)
