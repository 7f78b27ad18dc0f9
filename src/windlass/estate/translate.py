"""botocore's errors as our error tree, each with a remedy. Secrets never pass through."""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from windlass.core.aws_errors import masked, service_error
from windlass.core.errors import AwsError, ConfigError, WindlassError
from windlass.estate.response_check import InvalidResponse

__all__ = ["is_transient", "is_unanswered", "is_unreachable", "translate"]

_UNANSWERED_CODES = frozenset({"EndpointUnreachable", "ReadTimeout", "ConnectionFailed", "TlsFailed", "ProxyFailed"})


_TRANSIENT = (
    boto.ConnectionClosedError,
    boto.ReadTimeoutError,
    boto.ResponseStreamingError,
    boto.ConnectionError,
    InvalidResponse,
    ResponseParserError,
)


def translate(error: BaseException, *, where: str) -> WindlassError:
    """Return our error for an exception at `where` (`s3 GetBucketPolicy in eu-west-1 of 111111111111`)."""
    if isinstance(error, WindlassError):
        return error
    if isinstance(error, boto.ClientError):
        return _service_error(error, where)
    return _client_error(error, where)


def is_transient(error: BaseException) -> bool:
    """Return whether a retry of the call may succeed (apart from throttling)."""
    if isinstance(error, boto.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        # 501: not implemented, so a retry cannot succeed.
        return status in (500, 502, 503, 504) or code in ("RequestTimeout", "RequestTimeoutException", "InternalError")
    return isinstance(error, _TRANSIENT)


def is_unreachable(error: BaseException) -> bool:
    """Return whether there was no response: the region's endpoint does not exist or does not answer."""
    return isinstance(error, (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ReadTimeoutError))


def is_unanswered(error: WindlassError) -> bool:
    """Return whether no response arrived, so that the service's result is unknown."""
    return error.code in _UNANSWERED_CODES


def _service_error(error: boto.ClientError, where: str) -> WindlassError:
    body = error.response.get("Error", {})
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    return service_error(str(body.get("Code", "")), str(body.get("Message", "")), where=where, request_id=request_id)


def _client_error(error: BaseException, where: str) -> WindlassError:
    text = masked(str(error))
    match error:
        case InvalidResponse() | ResponseParserError():
            reason = text if isinstance(error, InvalidResponse) else "the document is cut off or malformed"
            return AwsError(
                f"{where}: the response is not a complete response of AWS ({reason})",
                hint="A proxy, a captive portal or a firewall may have answered: check HTTPS_PROXY and the network.",
                code="InvalidResponse",
            )
        case boto.EndpointConnectionError() | boto.ConnectTimeoutError():
            hint = "Check the network, the proxy and the region's name; a VPC without internet needs an endpoint for the service."
            return AwsError(f"{where}: the endpoint can't be reached ({text})", hint=hint, code="EndpointUnreachable")
        case boto.ReadTimeoutError():
            return AwsError(
                f"{where}: no response in time", hint="Raise estate.read_timeout_s if this repeats.", code="ReadTimeout"
            )
        case boto.SSLError():
            hint = "Behind a TLS proxy, set estate.ca_bundle to its certificates."
            return AwsError(f"{where}: the TLS connection failed ({text})", hint=hint, code="TlsFailed")
        case boto.ProxyConnectionError():
            return AwsError(
                f"{where}: the proxy can't be reached ({text})",
                hint="Check HTTPS_PROXY and NO_PROXY.",
                code="ProxyFailed",
            )
        case boto.ConnectionError() | boto.HTTPClientError():
            return AwsError(f"{where}: the connection failed ({text})", hint="Try again.", code="ConnectionFailed")
        case (
            boto.NoCredentialsError()
            | boto.PartialCredentialsError()
            | boto.CredentialRetrievalError()
            | boto.TokenRetrievalError()
        ):
            return ConfigError(
                f"{where}: {text}", hint="`windlass whoami` shows which sources were searched.", code="NoCredentials"
            )
        case boto.UnknownServiceError() | boto.UnknownRegionError() | boto.NoRegionError() | boto.InvalidRegionError():
            return AwsError(f"{where}: {text}", hint="The service does not exist there.", code="UnknownEndpoint")
        case boto.ParamValidationError():
            return AwsError(f"{where}: {text}", code="ParamValidation")
        case _:
            return AwsError(f"{where}: {type(error).__name__}: {text}", code=type(error).__name__)
