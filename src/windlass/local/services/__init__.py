"""The services that are mended, replaced or added, each a module with `install()` and perhaps `native(request)`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from windlass.local.request import Native
from windlass.local.services import athena, dynamodb, organizations, s3, sqs, storagegateway

__all__ = ["SERVICES", "install_all", "natives"]

SERVICES: tuple[ModuleType, ...] = (sqs, s3, dynamodb, storagegateway, organizations, athena)


def install_all() -> None:
    """Put every service in place; before moto's server starts, once per process (a second call changes nothing)."""
    for service in SERVICES:
        service.install()


def natives() -> Mapping[str, Native]:
    """Each service's own door, by signing name."""
    return {service.__name__.rpartition(".")[2]: service.native for service in SERVICES if hasattr(service, "native")}
