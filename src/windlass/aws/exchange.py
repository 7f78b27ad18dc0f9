"""One attempt of a call: endpoint, serialised request, signature, exchange, parsed and checked response.

It raises the errors of botocore's client, so that the estate's retries and error translation work for both.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore import exceptions as boto

from windlass import __version__
from windlass.aws.connection_pool import ConnectFailed, ConnectionPool, Route
from windlass.aws.endpoint_resolution import Endpoints, ResolvedEndpoint
from windlass.aws.http_request import HttpRequest, make_request
from windlass.aws.region_redirect import RedirectedBuckets, named_region, names_other_region
from windlass.aws.service_models import Operation, ServiceModels
from windlass.aws.signing import SIGNATURES, Signers
from windlass.core.access import Keys
from windlass.core.secret import Secret
from windlass.estate.access import proxy_for
from windlass.estate.response_check import check_response
from windlass.wire.errors import BrokenResponse, ConnectionLost
from windlass.wire.model import Response
from windlass.wire.pool import read_endpoint

__all__ = ["Exchange", "Unsupported"]

_USER_AGENT = f"windlass/{__version__}"


class Unsupported(Exception):
    """Only botocore's own client can make this call."""


@dataclass(slots=True)
class _Answer:
    """A response as botocore's handlers read it."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    raw: bool = True
    """Not None means that there is a response (botocore.handlers.parse_get_bucket_location)."""


class _Headers(dict[str, str]):
    """Header names in lower case, read by names of any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Exchange:
    """Makes attempts of calls for any session. Thread-safe."""

    def __init__(
        self,
        models: ServiceModels,
        endpoints: Endpoints,
        pool: ConnectionPool,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._models = models
        self._endpoints = endpoints
        self._pool = pool
        self._signers = Signers()
        self._redirected = RedirectedBuckets()
        self._now = now

    def call(self, operation: Operation, region: str, params: dict[str, Any], session: Any) -> dict[str, Any]:
        """Return the parsed response. botocore's errors; Unsupported when only botocore's client can make the call."""
        if operation.service.name != "s3":
            return self._attempt(operation, region, params, session)
        bucket = str(params.get("Bucket", ""))
        try:
            return self._attempt(operation, self._redirected.region(bucket, region), params, session)
        except boto.ClientError as error:
            other = self._other_region(operation, region, bucket, session, error)
            if not other:
                raise
        self._redirected.learn(bucket, other)
        return self._attempt(operation, other, params, session)

    def _attempt(self, operation: Operation, region: str, params: dict[str, Any], session: Any) -> dict[str, Any]:
        params = dict(params)  # botocore's handlers change it
        context: dict[str, Any] = {"auth_type": operation.model.resolved_auth_type, "client_region": region}
        operation.emit("before-parameter-build", params=params, model=operation.model, context=context)
        endpoint = self._endpoints.resolve(operation, region, params, session)
        if endpoint.signature not in SIGNATURES:
            raise Unsupported(endpoint.signature)
        route = _route(endpoint.scheme, endpoint.authority)
        serialized = operation.service.serializer.serialize_to_request(params, operation.model)
        operation.emit("before-call", model=operation.model, params=serialized, request_signer=None, context=context)
        host_prefix = self._endpoints.injects_host_prefix(operation, region, session)
        request = make_request(serialized, endpoint, host_prefix=host_prefix)
        if request.authority != endpoint.authority:
            route = _route(endpoint.scheme, request.authority)
        response = self._send(route, request, self._signed(request, endpoint, session), endpoint.url)
        return _read(operation, response, context)

    def _signed(self, request: HttpRequest, endpoint: ResolvedEndpoint, session: Any) -> bytes:
        headers = list(request.headers)
        self._signers.sign(
            headers,
            version=endpoint.signature,
            service=endpoint.signing_name,
            region=endpoint.signing_region,
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.body,
            keys=_keys(session),
            now=self._now(),
        )
        return request.head(headers, _USER_AGENT) + request.body

    def _send(self, route: Route, request: HttpRequest, data: bytes, url: str) -> Response:
        """Return the response. A connection that the server closed while it was idle is replaced once without an error."""
        try:
            connection = self._pool.take(route)
            was_used = connection.used > 0
            try:
                response = connection.exchange(data, head_only=request.method == "HEAD")
            except ConnectionLost as lost:
                if not was_used or lost.begun or lost.timed_out:
                    raise
                self._pool.drop(route)
                connection = self._pool.open(route)
                response = connection.exchange(data, head_only=request.method == "HEAD")
        except (ConnectFailed, ConnectionLost, BrokenResponse) as error:
            raise _transport_error(error, url, route) from None
        self._pool.give_back(route, connection)
        return response

    def _other_region(
        self, operation: Operation, region: str, bucket: str, session: Any, error: boto.ClientError
    ) -> str:
        """Return the region that S3 names for a bucket requested in the wrong region; empty for any other error."""
        if not bucket or not names_other_region(operation.name, error.response):
            return ""
        named = named_region(error.response)
        if named or operation.name == "HeadBucket":
            return named
        try:  # a redirect without a region, which only HeadBucket's headers contain
            self._attempt(self._models.operation("s3", "HeadBucket"), region, {"Bucket": bucket}, session)
        except boto.ClientError as refused:
            return named_region(refused.response)
        return ""


def _keys(session: Any) -> Keys:
    credentials = session.get_credentials()
    if credentials is None:
        raise boto.NoCredentialsError
    frozen = credentials.get_frozen_credentials()
    return Keys(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)


def _read(operation: Operation, response: Response, context: dict[str, Any]) -> dict[str, Any]:
    """Check and parse a response as botocore.endpoint and botocore.client do. ClientError for the service's error."""
    headers = _Headers(response.headers)
    raw_response = {
        "status_code": response.status,
        "headers": headers,
        "body": response.body,
        "context": {"operation_name": operation.name},
    }
    customized: dict[str, Any] = {}
    model = operation.model
    operation.emit(
        "before-parse", operation_model=model, response_dict=raw_response, customized_response_dict=customized
    )
    check_response(model, raw_response)
    parsed: dict[str, Any] = operation.service.parser.parse(raw_response, model.output_shape)
    parsed.update(customized)
    status = int(
        str(raw_response["status_code"])
    )  # botocore's handlers have changed the status of S3's errors with 200
    http = _Answer(status, headers, response.body)
    operation.emit("after-call", http_response=http, parsed=parsed, model=model, context=context)
    if status >= 300:
        raise boto.ClientError(parsed, operation.name)
    return parsed


@lru_cache(maxsize=4096)  # proxies are read from the environment, which is slow
def _route(scheme: str, authority: str) -> Route:
    """Return the route to an endpoint. Unsupported where only botocore's client can use the proxy."""
    url = f"{scheme}://{authority}"
    endpoint, proxy_url = read_endpoint(url), proxy_for(url)
    if proxy_url and not (endpoint.tls and proxy_url.startswith("http://")):
        raise Unsupported("the proxy is not an HTTP proxy, or the endpoint is plain HTTP")
    return Route(endpoint, proxy_url)


def _transport_error(error: ConnectFailed | ConnectionLost | BrokenResponse, url: str, route: Route) -> Exception:
    """Return botocore's error for a request that got no response."""
    raised: Exception
    if isinstance(error, ConnectFailed) and error.at_proxy:
        raised = boto.ProxyConnectionError(proxy_url=route.proxy_url.rpartition("@")[2], error=error)
    elif isinstance(error, ConnectFailed) and isinstance(error.cause, TimeoutError):
        raised = boto.ConnectTimeoutError(endpoint_url=url, error=error)
    elif isinstance(error, ConnectFailed) and isinstance(error.cause, ssl.SSLError):
        raised = boto.SSLError(endpoint_url=url, error=error)
    elif isinstance(error, ConnectFailed):
        raised = boto.EndpointConnectionError(endpoint_url=url, error=error)
    elif isinstance(error, ConnectionLost) and error.timed_out:
        raised = boto.ReadTimeoutError(endpoint_url=url, error=error)
    else:
        raised = boto.ConnectionClosedError(endpoint_url=url, error=error, request=None)
    return raised
