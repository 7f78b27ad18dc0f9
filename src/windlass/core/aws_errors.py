"""AWS error codes as our errors with their remedies, for botocore's and the wire's responses."""

from __future__ import annotations

import re

from windlass.core.errors import AccessDenied, AwsError, Conflict, NotFound, Throttled, WindlassError
from windlass.core.regions import needs_opt_in

__all__ = ["EXPIRED_CODES", "SKEW_CODES", "THROTTLE_CODES", "TRANSIENT_CODES", "masked", "service_error"]

# botocore.retries.standard keeps the same list of codes that mean "slow down".
THROTTLE_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
        "Throttled",
        # KMS, as SQS (JSON and query protocol), S3, SNS and Kinesis pass it on
        "KmsThrottled",
        "KMS.ThrottlingException",
        "KMSThrottling",
        "KMSThrottlingException",
    }
)
TRANSIENT_CODES = frozenset(
    {"RequestTimeout", "RequestTimeoutException", "InternalError", "InternalFailure", "ServiceUnavailable"}
)
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
SKEW_CODES = frozenset({"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException"})
_DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "Forbidden",
        "403",
        "UnauthorizedException",
        "AllAccessDisabled",
        "AuthorizationErrorException",
        "NotAuthorized",
        "AccessDeniedFault",
    }
)
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
    "RequestTimeTooSkewed": "Set the clock (chrony, ntpd). `windlass doctor` shows its error.",
    "RequestExpired": "Check this machine's clock. `windlass doctor` shows its error.",
    "OptInRequired": "Enable the region in the account, or leave it out of estate.regions.",
    "SubscriptionRequiredException": "Enable the service in the account, or leave its types out of inventory.types.",
}
# AWS's errors for valid credentials in a region that their account has not enabled (AWS General Reference).
_OPT_IN_CODES = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId"})
_REGION = re.compile(r" in (?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)(?: |$)")
_CONFLICT_CODES = frozenset(
    {"OperationAborted", "ConflictException", "ResourceInUseException", "ConcurrentModification", "PreconditionFailed"}
)
_MISSING = re.compile(r"NoSuch|ResourceNotFound|NotFound|^404$|NonExistentQueue|QueueDoesNotExist")
_SECRETS = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])|X-Amz-Security-Token=[^&\s]+")


def service_error(code: str, text: str, *, where: str, request_id: str = "", status: int = 0) -> WindlassError:
    """Return the error for a service's code and message; `where` is like `sqs SendMessage in eu-west-1 of 111…`."""
    code, text = code.rpartition("#")[2], masked(text.strip())
    message = f"{where}: {code}: {text}" if text else f"{where}: {code}"
    if code in THROTTLE_CODES or status in (429, 503):  # some services have their own codes
        hint = "The call was throttled and retried. Try later, or request a higher limit."
        return Throttled(message, hint=hint, code=code)
    if code in _DENIED_CODES:
        return AccessDenied(message, hint=_permission_hint(where), code=code)
    if code in _OPT_IN_CODES and (region := _opt_in_region(where)):
        return AccessDenied(
            f"{where}: region {region} is not enabled for this account, or the credentials were revoked ({code})",
            hint=f"Enable {region} in the account, or leave it out of estate.regions; `windlass whoami` tests the credentials.",
            code=code,
        )
    if code in _IDENTITY_CODES:
        hint = _IDENTITY_HINTS.get(code, "Renew the credentials; `windlass whoami` shows which are used and why.")
        return AccessDenied(f"{where}: {_IDENTITY_CODES[code]} ({code})", hint=hint, code=code)
    if _MISSING.search(code):
        hint = "It may have been deleted meanwhile, or be in another account or region."
        return NotFound(message, hint=hint, code=code)
    if code in _CONFLICT_CODES or code.endswith("AlreadyExists"):
        return Conflict(message, hint="Another client is changing it. Check its state and retry.", code=code)
    return AwsError(message, hint=f"Request id for AWS support: {request_id}" if request_id else "", code=code)


def _opt_in_region(where: str) -> str:
    """Return the region in `where` when an account must enable it first; else empty."""
    named = _REGION.search(where)
    return named["region"] if named and needs_opt_in(named["region"]) else ""


def masked(text: str) -> str:
    """Return the text with secret keys and session tokens masked."""
    return _SECRETS.sub("***", text)


def _permission_hint(where: str) -> str:
    service, _, rest = where.partition(" ")
    return f"The identity does not have {service}:{rest.partition(' ')[0]} there; `windlass whoami` shows which identity is used."
