"""botocore's models, serialisers, parsers and handlers: one per service, shared by all accounts and regions."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.serialize
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.regions import S3_UNREFERENCED_PARAMS, EndpointResolver

from windlass.aws.botocore_handlers import Handler, Handlers
from windlass.aws.limits import unsupported_reason
from windlass.aws.parsers import make_parser
from windlass.estate.model_loader import shared_loader

__all__ = ["Operation", "Service", "ServiceModels"]

_EVENTS = ("before-parameter-build", "before-call", "before-parse", "after-call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts that all calls of a service share. Thread-safe, like a botocore client."""

    name: str
    model: Any  # botocore's ServiceModel
    serializer: Any
    parser: Any
    ruleset: EndpointProvider | None
    events: Handlers
    event_suffix: str
    """The service's name in events: its hyphenated service id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation, with everything that does not depend on a call's parameters."""

    service: Service
    name: str
    model: Any  # botocore's OperationModel
    unsupported: str
    """The reason why botocore's own client must make the call; empty when there is none."""
    static_params: tuple[tuple[str, Any], ...]
    """Endpoint parameters with a fixed value."""
    call_params: tuple[tuple[str, str], ...]
    """Endpoint parameters (name, request member) that come from the request."""
    searched_params: tuple[tuple[str, str], ...]
    """Endpoint parameters (name, JMESPath) that are evaluated on the request."""

    handlers: Mapping[str, tuple[Handler, ...]]
    """botocore's handlers of the operation's events, by the event's name."""

    def emit(self, event: str, **arguments: Any) -> None:
        """Call the handlers of an event with these arguments, which they may change."""
        for handler in self.handlers[event]:
            handler(**arguments, event_name=f"{event}.{self.service.event_suffix}.{self.name}")


class ServiceModels:
    """Services and operations by AWS's names. Each is built once, on first use. Thread-safe."""

    def __init__(self, loader: Loader | None = None) -> None:
        self.loader = loader or shared_loader()
        self.events = Handlers()
        self._serializers: dict[str, Any] = {}
        self._parsers: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._services: dict[str, Service] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._partitions: Any = None
        self._legacy_endpoints: EndpointResolver | None = None

    def service(self, name: str) -> Service:
        """Return the service with botocore's name. UnknownServiceError (botocore's) when there is none."""
        service = self._services.get(name)
        if service is None:
            with self._lock:
                service = self._services.get(name) or self._services.setdefault(name, self._load(name))
        return service

    def operation(self, service_name: str, name: str) -> Operation:
        """Return an operation. OperationNotFoundError (botocore's) when the service has no such operation."""
        key = (service_name, name)
        operation = self._operations.get(key)
        if operation is None:
            service = self.service(service_name)
            with self._lock:
                operation = self._operations.get(key) or self._operations.setdefault(key, _operation(service, name))
        return operation

    def legacy_endpoints(self) -> EndpointResolver:
        """Return botocore's older endpoint data, which still provides signing names and regions."""
        with self._lock:
            if self._legacy_endpoints is None:
                data, path = self.loader.load_data_with_path("endpoints")
                self._legacy_endpoints = EndpointResolver(data, uses_builtin_data=self.loader.is_builtin_path(path))
            return self._legacy_endpoints

    def paginator(self, service_name: str, operation: str) -> Mapping[str, Any] | None:
        """Return botocore's paging declaration of an operation; None when it has none."""
        try:
            declared = self.loader.load_service_model(service_name, "paginators-1")["pagination"]
        except DataNotFoundError:
            return None
        found: Mapping[str, Any] | None = declared.get(operation)
        return found

    def _load(self, name: str) -> Service:
        model = ServiceModel(self.loader.load_service_model(name, "service-2"), service_name=name)
        protocol = model.resolved_protocol
        if protocol not in self._serializers:
            self._serializers[protocol] = botocore.serialize.create_serializer(protocol, include_validation=True)
            self._parsers[protocol] = make_parser(protocol)
        return Service(
            name=name,
            model=model,
            serializer=self._serializers[protocol],
            parser=self._parsers[protocol],
            ruleset=self._ruleset(name),
            events=self.events,
            event_suffix=model.service_id.hyphenize(),
        )

    def _ruleset(self, name: str) -> EndpointProvider | None:
        try:
            rules = self.loader.load_service_model(name, "endpoint-rule-set-1")
        except UnknownServiceError:
            return None
        if self._partitions is None:
            self._partitions = self.loader.load_data("partitions")
        excluded = S3_UNREFERENCED_PARAMS if name == "s3" else None
        return EndpointProvider(ruleset_data=rules, partition_data=self._partitions, excluded_params=excluded)


def _operation(service: Service, name: str) -> Operation:
    model: OperationModel = service.model.operation_model(name)
    ignored = S3_UNREFERENCED_PARAMS if service.name == "s3" else frozenset()
    return Operation(
        service=service,
        name=name,
        model=model,
        unsupported=unsupported_reason(model),
        static_params=tuple((param.name, param.value) for param in model.static_context_parameters),
        call_params=tuple(
            (param.name, param.member_name) for param in model.context_parameters if param.name not in ignored
        ),
        searched_params=tuple(
            (name, member["path"]) for name, member in dict(model.operation_context_parameters).items()
        ),
        handlers={
            event: service.events.of_operation(f"{event}.{service.event_suffix}.{name}", model) for event in _EVENTS
        },
    )
