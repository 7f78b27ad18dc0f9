"""Services as botocore describes them: their models, their unpageable operations, and where they are offered.

Reading every model takes seconds of CPU: callers cache what they derive from it per `models_version()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.estate.paging_rule import Unpageable, paging_rule

__all__ = ["ServiceDescription", "describe_service", "describe_services", "models_version"]

_PROBE_REGIONS = ("eu-west-1", "ap-southeast-2", "us-west-2")  # one host for all of them: the service is not regional


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDescription:
    """A service: its model (the plain document of service-2.json), its unpageable operations, its endpoints.

    `regions` are the regions in which botocore's endpoint data knows the service; empty when the data does not list it.
    """

    name: str
    document: Mapping[str, Any]
    unpageable: frozenset[str]
    once_per_account: bool
    regions: frozenset[str]


def models_version() -> str:
    """Return the version of the models."""
    import botocore

    return str(botocore.__version__)


def describe_services() -> Iterator[ServiceDescription]:
    """Yield every service, by name. One model is in memory at a time."""
    from windlass.estate.model_loader import ModelLoader

    shared = ModelLoader()
    endpoints, partitions = shared.load_data("endpoints")["partitions"], shared.load_data("partitions")
    for name in shared.list_available_services("service-2"):
        # A loader caches every model: each service gets its own loader.
        loader = ModelLoader()
        document = loader.load_service_model(name, "service-2")
        listed = _listed(endpoints, document["metadata"].get("endpointPrefix", name))
        yield describe_service(
            name,
            document,
            _paginators(loader, name),
            once_per_account=_has_one_endpoint(loader, name, partitions)
            or any(entry.get("isRegionalized") is False for entry in listed),
            regions=_regions(listed),
        )


def describe_service(
    name: str,
    document: Mapping[str, Any],
    paginators: Mapping[str, Any],
    *,
    once_per_account: bool = False,
    regions: Iterable[str] = (),
) -> ServiceDescription:
    """Return the description of a service with this model and botocore's paginators for it."""
    from botocore.model import ServiceModel

    model = ServiceModel(document, name)
    reading = [operation for operation in document["operations"] if operation.startswith(("List", "Describe", "Get"))]
    unpageable = {
        operation
        for operation in reading
        if isinstance(paging_rule(model, operation, paginators.get(operation)), Unpageable)
    }
    return ServiceDescription(
        name=name,
        document=document,
        unpageable=frozenset(unpageable),
        once_per_account=once_per_account,
        regions=frozenset(regions),
    )


def _paginators(loader: Any, name: str) -> Mapping[str, Any]:
    from botocore.exceptions import DataNotFoundError

    try:
        return dict(loader.load_service_model(name, "paginators-1")["pagination"])
    except DataNotFoundError:
        return {}


def _listed(endpoints: Sequence[Mapping[str, Any]], prefix: str) -> list[Mapping[str, Any]]:
    """Return the endpoint data of a service, one entry per partition that lists it."""
    return [partition["services"][prefix] for partition in endpoints if prefix in partition["services"]]


def _regions(listed: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(
        region
        for entry in listed
        for region, endpoint in entry.get("endpoints", {}).items()
        if not endpoint.get("deprecated") and not region.startswith(("fips-", "aws-")) and not region.endswith("-fips")
    )


def _has_one_endpoint(loader: Any, name: str, partitions: Mapping[str, Any]) -> bool:
    """True when the service's endpoint rules give one host for all regions."""
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import BotoCoreError, DataNotFoundError

    try:
        rules = EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1"), partitions)
        hosts = {
            rules.resolve_endpoint(Region=region, UseDualStack=False, UseFIPS=False).url for region in _PROBE_REGIONS
        }
    except (BotoCoreError, DataNotFoundError):
        return False  # its endpoint depends on more than the region: an account, a bucket, a cell
    return len(hosts) == 1
