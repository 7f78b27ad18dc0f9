"""Services that are replaced or added: modules with `install()`, and perhaps `native`, `server_started` and `server_stopped`."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from windlass_local import moto_patches
from windlass_local.faults import Faults
from windlass_local.request import Native
from windlass_local.services import (
    account,
    athena,
    cloudformation,
    eks,
    elasticache,
    events,
    lambda_,
    s3,
    s3control,
    s3express,
    servicequotas,
    sqs,
    ssm,
    storagegateway,
)

__all__ = ["SERVICES", "close_all", "install_all", "natives", "open_all"]

SERVICES: tuple[ModuleType, ...] = (
    sqs,
    s3,
    s3control,
    s3express,
    lambda_,
    events,
    storagegateway,
    elasticache,
    servicequotas,
    athena,
    cloudformation,
    eks,
    account,
    ssm,
)


def install_all() -> None:
    """Install every service; before moto's server starts, once per process (a second call changes nothing)."""
    for service in SERVICES:
        service.install()
    moto_patches.apply_all()


def natives() -> Mapping[str, Native]:
    """Return each service's own handler, by signing name."""
    return {_name(service): service.native for service in SERVICES if hasattr(service, "native")}


def open_all(url: str, faults: Faults) -> None:
    """Notify the services that a server started at `url`, and pass its faults."""
    for service in SERVICES:
        if hasattr(service, "server_started"):
            service.server_started(url, faults)


def close_all(url: str, faults: Faults) -> None:
    """Notify the services that the server at `url` stops."""
    for service in SERVICES:
        if hasattr(service, "server_stopped"):
            service.server_stopped(url, faults)


def _name(service: ModuleType) -> str:
    return service.__name__.rpartition(".")[2].rstrip("_")  # `lambda` is a Python keyword
