"""What botocore raises, as our error tree: once, here, with what to do about it. Secrets never pass through."""

from __future__ import annotations

import re

from botocore import exceptions as boto

from windlass.core.errors import AccessRefused, AwsError, ConfigError, Conflict, NotFound, Throttled, WindlassError

__all__ = ["THROTTLE_CODES", "is_transient", "translate"]

# botocore.retries.standard keeps the same list of codes that mean "slow down".
THROTTLE_CODES = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
        "ProvisionedThroughputExceededException", "TransactionInProgressException", "RequestLimitExceeded",
        "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled", "SlowDown", "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)  # fmt: skip
_DENIED_CODES = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden", "403",
        "UnauthorizedException", "AllAccessDisabled", "AuthorizationErrorException", "NotAuthorized", "AccessDeniedFault",
    }
)  # fmt: skip
_IDENTITY_CODES = {
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "RequestExpired": "the request was signed too long ago",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "InvalidSignatureException": "the signature is wrong",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key",
    "InvalidClientTokenId": "the access key is not known",
    "UnrecognizedClientException": "the access key is not known there",
    "InvalidAccessKeyId": "the access key is not known",
    "AuthFailure": "the credentials were not accepted",
    "OptInRequired": "the region or service is not enabled for this account",
    "SubscriptionRequiredException": "the service is not enabled for this account",
}
_IDENTITY_HINTS = {
    "RequestTimeTooSkewed": "Set the clock (chrony, ntpd); `windlass doctor` shows by how much it is off.",
    "RequestExpired": "Check this machine's clock: `windlass doctor` shows by how much it is off.",
    "OptInRequired": "Enable the region in the account, or leave it out of estate.regions.",
    "SubscriptionRequiredException": "Enable the service in the account, or leave its types out of inventory.types.",
    "AuthFailure": "The region may not be enabled for this account: leave it out of estate.regions, or enable it.",
    "UnrecognizedClientException": "The region may not be enabled for this account, or the key was deleted.",
}
_CONFLICT_CODES = frozenset(
    {"OperationAborted", "ConflictException", "ResourceInUseException", "ConcurrentModification"}
)
_SECRETS = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])|X-Amz-Security-Token=[^&\s]+")


def translate(error: BaseException, *, where: str) -> WindlassError:
    """The error for what happened at `where` (`s3 GetBucketPolicy in eu-west-1 of 111111111111`)."""
    if isinstance(error, WindlassError):
        return error
    if isinstance(error, boto.ClientError):
        return _service_error(error, where)
    return _client_error(error, where)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may well succeed a moment later (throttling apart)."""
    if isinstance(error, boto.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        # 501 says that it will never work.
        return status in (500, 502, 503, 504) or code in ("RequestTimeout", "RequestTimeoutException", "InternalError")
    return isinstance(
        error, (boto.ConnectionClosedError, boto.ReadTimeoutError, boto.ResponseStreamingError, boto.ConnectionError)
    )


def is_unreachable(error: BaseException) -> bool:
    """Whether nothing came back at all: the region's endpoint is not there, or does not answer."""
    return isinstance(error, (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ReadTimeoutError))


def _service_error(error: boto.ClientError, where: str) -> WindlassError:
    body = error.response.get("Error", {})
    code, said = str(body.get("Code", "")), _clean(str(body.get("Message", "")).strip())
    message = f"{where}: {code}: {said}" if said else f"{where}: {code}"
    if code in THROTTLE_CODES:
        return Throttled(
            message, hint="It was slowed down and retried; try later, or ask for a higher limit.", code=code
        )
    if code in _DENIED_CODES:
        return AccessRefused(message, hint=_permission_hint(where), code=code)
    if code in _IDENTITY_CODES:
        hint = _IDENTITY_HINTS.get(code, "Renew the credentials; `windlass whoami` shows which are used and why.")
        return AccessRefused(f"{where}: {_IDENTITY_CODES[code]} ({code})", hint=hint, code=code)
    if code.startswith(("NoSuch", "ResourceNotFound")) or "NotFound" in code or code == "404":
        return NotFound(
            message, hint="It may have been deleted meanwhile, or live in another account or region.", code=code
        )
    if code in _CONFLICT_CODES or code.endswith("AlreadyExists"):
        return Conflict(message, hint="Somebody else is changing it; look again and retry.", code=code)
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    return AwsError(message, hint=f"Request id for AWS support: {request_id}" if request_id else "", code=code)


def _permission_hint(where: str) -> str:
    service, _, rest = where.partition(" ")
    return (
        f"The identity lacks {service}:{rest.partition(' ')[0]} there; `windlass whoami` shows which identity that is."
    )


def _client_error(error: BaseException, where: str) -> WindlassError:
    said = _clean(str(error))
    match error:
        case boto.EndpointConnectionError() | boto.ConnectTimeoutError():
            hint = "Check the network, the proxy and the region's name; a VPC without internet needs an endpoint for the service."
            return AwsError(f"{where}: the endpoint can't be reached ({said})", hint=hint, code="EndpointUnreachable")
        case boto.ReadTimeoutError():
            return AwsError(
                f"{where}: no answer in time", hint="Raise estate.read_timeout_s if this repeats.", code="ReadTimeout"
            )
        case boto.SSLError():
            hint = "Behind a TLS proxy, set estate.ca_bundle to its certificates."
            return AwsError(f"{where}: the TLS connection failed ({said})", hint=hint, code="TlsFailed")
        case boto.ProxyConnectionError():
            return AwsError(
                f"{where}: the proxy can't be reached ({said})",
                hint="Check HTTPS_PROXY and NO_PROXY.",
                code="ProxyFailed",
            )
        case boto.ConnectionError() | boto.HTTPClientError():
            return AwsError(f"{where}: the connection failed ({said})", hint="Try again.", code="ConnectionFailed")
        case (
            boto.NoCredentialsError()
            | boto.PartialCredentialsError()
            | boto.CredentialRetrievalError()
            | boto.TokenRetrievalError()
        ):
            return ConfigError(
                f"{where}: {said}", hint="`windlass whoami` shows which sources were looked at.", code="NoCredentials"
            )
        case boto.UnknownServiceError() | boto.UnknownRegionError() | boto.NoRegionError() | boto.InvalidRegionError():
            return AwsError(f"{where}: {said}", hint="The service does not exist there.", code="UnknownEndpoint")
        case boto.ParamValidationError():
            return AwsError(f"{where}: {said}", code="ParamValidation")
        case _:
            return AwsError(f"{where}: {type(error).__name__}: {said}", code=type(error).__name__)


def _clean(text: str) -> str:
    return _SECRETS.sub("***", text)
