"""Endpoints by botocore's rules, resolved once per service, region and options, not once per client.

botocore builds a rule set for each client, and evaluates it for each call. Here each service has one rule set and each of its
regions the built-in parameters, and each combination of an operation's own parameters (a bucket) is evaluated once.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import jmespath
from botocore.args import ClientArgsCreator
from botocore.auth import resolve_auth_type
from botocore.client import ClientEndpointBridge
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.regions import EndpointResolverBuiltins, EndpointRulesetResolver

from windlass.aws.service_models import Operation, Service, ServiceModels
from windlass.estate.clients import client_config, without_account_host
from windlass.estate.config import EstateConfig
from windlass.estate.facts import is_loopback

__all__ = ["Endpoints", "ResolvedEndpoint"]

_MAX_RESOLVED = 4096  # per service and region: tables, streams, buckets with unusual names
# S3's rules test whether a bucket's name is a host label, an alias (`--x-s3`, `--op-s3`, `-s3alias`) or an ARN. All
# plain labels have the same endpoint except for the name, so the rules are evaluated for one of them.
_PLAIN_BUCKET = re.compile(r"(?!.*--)(?!.*-s3alias$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_EXAMPLE_BUCKET = "windlass-example-bucket"
_S3_SIGNING_NAMES = frozenset({"s3", "s3-outposts", "s3-object-lambda", "s3express"})  # botocore.handlers


@dataclass(frozen=True, slots=True)
class ResolvedEndpoint:
    """Where a request goes and how it is signed. `path` comes before the operation's own path."""

    url: str
    scheme: str
    authority: str
    path: str
    headers: tuple[tuple[str, str], ...]
    signature: str
    """`v4`, `s3v4`, or a scheme that only botocore's client signs."""
    signing_name: str
    signing_region: str

    def of_bucket(self, bucket: str) -> ResolvedEndpoint:
        """Return the endpoint with the example bucket's name replaced by `bucket`."""
        return replace(
            self,
            url=self.url.replace(_EXAMPLE_BUCKET, bucket),
            authority=self.authority.replace(_EXAMPLE_BUCKET, bucket),
            path=self.path.replace(_EXAMPLE_BUCKET, bucket),
        )


@dataclass(frozen=True, slots=True)
class _Regional:
    """A service in a region, for sessions of one profile."""

    resolver: EndpointRulesetResolver | None
    builtins: Mapping[Any, Any]
    legacy_url: str
    signature: str
    signing_name: str
    signing_region: str
    inject_host_prefix: bool
    supported: bool
    resolved: dict[Any, ResolvedEndpoint]


class Endpoints:
    """The endpoints of an estate. Thread-safe."""

    def __init__(self, config: EstateConfig, models: ServiceModels) -> None:
        self._config = config
        self._models = models
        self._client_config = client_config(config)
        self._lock = threading.Lock()
        self._regional: dict[tuple[str, str, str], _Regional] = {}

    def resolve(self, operation: Operation, region: str, params: Mapping[str, Any], session: Any) -> ResolvedEndpoint:
        """Return the endpoint of a call. Raises botocore's EndpointProviderError or a similar error when there is none."""
        bucket = str(params.get("Bucket") or "") if operation.service.name == "s3" else ""
        if _PLAIN_BUCKET.fullmatch(bucket):
            example = {**params, "Bucket": _EXAMPLE_BUCKET}
            return self._resolve(operation, region, example, session).of_bucket(bucket)
        return self._resolve(operation, region, params, session)

    def _resolve(self, operation: Operation, region: str, params: Mapping[str, Any], session: Any) -> ResolvedEndpoint:
        regional = self._in_region(operation.service, region, session)
        account_id = _account_id(regional, session)
        key = (*_call_key(operation, params), account_id)
        endpoint = regional.resolved.get(key)
        if endpoint is None:
            endpoint = self._evaluate(regional, operation, params, account_id)
            if len(regional.resolved) >= _MAX_RESOLVED:
                regional.resolved.clear()
            regional.resolved[key] = endpoint
        return endpoint

    def injects_host_prefix(self, operation: Operation, region: str, session: Any) -> bool:
        """Return whether the operation's host prefix comes before the endpoint's host."""
        return self._in_region(operation.service, region, session).inject_host_prefix

    def _in_region(self, service: Service, region: str, session: Any) -> _Regional:
        key = (service.name, region, session.profile or "")
        regional = self._regional.get(key)
        if regional is None:
            with self._lock:  # the first read of botocore's configuration is not thread-safe
                regional = self._regional.get(key) or self._regional.setdefault(
                    key, self._make(service, region, session)
                )
        return regional

    def _make(self, service: Service, region: str, session: Any) -> _Regional:
        """Compute what botocore computes for a client (botocore.client, botocore.args), without the client."""
        model, config = service.model, self._client_config
        store = copy.copy(session.get_component("config_store"))
        scoped = session.get_scoped_config()
        store.set_config_provider(
            "endpoint_url",
            ConfiguredEndpointProvider(full_config=session.full_config, scoped_config=scoped, client_name=service.name),
        )
        auth = model.metadata.get("auth")
        bridge = ClientEndpointBridge(
            self._models.legacy_endpoints(),
            scoped,
            config,
            service_signing_name=model.metadata.get("signingName"),
            config_store=store,
            service_signature_version=resolve_auth_type(auth) if auth else model.metadata.get("signatureVersion"),
        )
        creator = ClientArgsCreator(self._models.events, "", None, self._models.loader, None, store)
        given = self._config.endpoint_of(service.name) or None
        args = creator.compute_client_args(model, config, bridge, region, given, True, scoped)
        endpoint, options = args["endpoint_config"], args["config_kwargs"]
        is_legacy_region = model.endpoint_prefix in ("s3", "sts")
        builtins = creator.compute_endpoint_resolver_builtin_defaults(
            region_name=endpoint["region_name"] if is_legacy_region else region,
            service_name=model.endpoint_prefix,
            s3_config=creator.compute_s3_config(config) or {},
            endpoint_bridge=bridge,
            client_endpoint_url=args["configured_endpoint_url"],
            legacy_endpoint_url=endpoint["endpoint_url"],
            credentials=None,
            account_id_endpoint_mode=options["account_id_endpoint_mode"],
            s3_disable_express_session_auth=options["s3_disable_express_session_auth"],
        )
        return _Regional(
            resolver=_resolver(service) if service.ruleset is not None else None,
            builtins=builtins,
            legacy_url=endpoint["endpoint_url"],
            signature=endpoint["signature_version"],
            signing_name=endpoint["signing_name"],
            signing_region=endpoint["signing_region"],
            inject_host_prefix=options["inject_host_prefix"],
            supported=not options["auth_scheme_preference"],
            resolved={},
        )

    def _evaluate(
        self, regional: _Regional, operation: Operation, params: Mapping[str, Any], account_id: str
    ) -> ResolvedEndpoint:
        url, headers, auth_type, signing = regional.legacy_url, {}, operation.model.resolved_auth_type, {}
        if regional.resolver is not None:
            result = self._apply_rules(regional, operation, params, account_id)
            url, headers = result.url, {name: values[0] for name, values in result.headers.items()}
            schemes = result.properties.get("authSchemes")
            if schemes is not None:
                auth_type, signing = regional.resolver.auth_schemes_to_signing_ctx(schemes)
        if operation.service.name == "s3control" and is_loopback(self._config.endpoint_of("s3control")):
            url = without_account_host(url)
        signing_name = signing.get("signing_name") or regional.signing_name
        parts = urlsplit(url)
        return ResolvedEndpoint(
            url=url,
            scheme=parts.scheme,
            authority=parts.netloc,
            path=parts.path,
            headers=tuple(headers.items()),
            signature=_signature(regional, auth_type, signing_name),
            signing_name=signing_name,
            signing_region=signing.get("region") or regional.signing_region,
        )

    def _apply_rules(
        self, regional: _Regional, operation: Operation, params: Mapping[str, Any], account_id: str
    ) -> Any:
        """Evaluate the service's rules with the parameters that botocore would give them."""
        ruleset, service = operation.service.ruleset, operation.service
        assert ruleset is not None
        assert regional.resolver is not None
        builtins = dict(regional.builtins)
        if account_id:
            builtins[EndpointResolverBuiltins.ACCOUNT_ID] = account_id
        service.events.emit(
            f"before-endpoint-resolution.{service.event_suffix}",
            builtins=builtins,
            model=operation.model,
            params=params,
            context={},
        )
        values = _operation_values(operation, params)
        rule_params: dict[str, Any] = {}
        for name, definition in ruleset.ruleset.parameters.items():
            value = values.get(name)
            if value is None and definition.builtin is not None:
                value = builtins.get(definition.builtin)
            if value is not None:
                rule_params[name] = value
        try:
            return ruleset.resolve_endpoint(**rule_params)
        except EndpointProviderError as error:
            known = regional.resolver.ruleset_error_to_botocore_exception(error, rule_params)
            if known is None:
                raise
            raise known from error


def _resolver(service: Service) -> EndpointRulesetResolver:
    """Return botocore's resolver, which shares the service's rule set; its constructor would build another one."""
    resolver = EndpointRulesetResolver.__new__(EndpointRulesetResolver)
    resolver._provider = service.ruleset  # noqa: SLF001
    resolver._service_model = service.model  # noqa: SLF001
    resolver._requested_auth_scheme = None  # noqa: SLF001
    resolver._auth_scheme_preference = None  # noqa: SLF001
    return resolver


def _operation_values(operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule parameters that the operation and its request give, in botocore's order of precedence."""
    values = {name: jmespath.search(path, params) for name, path in operation.searched_params}
    values |= {name: params[member] for name, member in operation.call_params if params.get(member) is not None}
    return values | dict(operation.static_params)


def _call_key(operation: Operation, params: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what the endpoint depends on besides service, region and account."""
    values = tuple(params.get(member) for _, member in operation.call_params)
    # botocore addresses GetBucketLocation by path, whatever the bucket's name.
    by_path = operation.name == "GetBucketLocation"
    searched = tuple(repr(jmespath.search(path, params)) for _, path in operation.searched_params)
    return (operation.static_params, values, by_path, searched, operation.model.resolved_auth_type)


def _account_id(regional: _Regional, session: Any) -> str:
    """Return the account id of the session's credentials, where endpoints depend on it and the credentials have one."""
    builtins = regional.builtins
    if regional.resolver is None or builtins.get(EndpointResolverBuiltins.ACCOUNT_ID_ENDPOINT_MODE) == "disabled":
        return ""
    definitions = regional.resolver._provider.ruleset.parameters  # noqa: SLF001
    if "AccountId" not in definitions or definitions["AccountId"].builtin is None:
        return ""
    return str(getattr(session.get_credentials(), "account_id", "") or "")


def _signature(regional: _Regional, auth_type: str | None, signing_name: str) -> str:
    """Return the signature version, as botocore.handlers.set_operation_specific_signer chooses it."""
    if not regional.supported:
        return "preferred"
    if auth_type == "v4" and signing_name in _S3_SIGNING_NAMES:
        return "s3v4"
    return auth_type or regional.signature
