"""SQS's errors: the JSON protocol's shape, the query protocol's code and its HTTP status, in one table.

Source: the service model's `awsQueryError` traits; InvalidParameterValue and similar errors are not modelled and are as
SQS answers them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ErrorShape", "SqsError", "invalid_value", "missing", "shape_of"]


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """`query_code` is what botocore shows as Error.Code under both protocols (header x-amzn-query-error)."""

    query_code: str
    query_status: int = 400
    json_type: str = ""
    json_status: int = 400


_LEGACY = "AWS.SimpleQueueService."
_MODELLED = "com.amazonaws.sqs#"
_CORAL = "com.amazon.coral.service#"

_SHAPES: dict[str, ErrorShape] = {
    "QueueDoesNotExist": ErrorShape(_LEGACY + "NonExistentQueue"),
    "QueueNameExists": ErrorShape("QueueAlreadyExists"),
    "PurgeQueueInProgress": ErrorShape(_LEGACY + "PurgeQueueInProgress", 403),
    "TooManyEntriesInBatchRequest": ErrorShape(_LEGACY + "TooManyEntriesInBatchRequest"),
    "EmptyBatchRequest": ErrorShape(_LEGACY + "EmptyBatchRequest"),
    "BatchEntryIdsNotDistinct": ErrorShape(_LEGACY + "BatchEntryIdsNotDistinct"),
    "BatchRequestTooLong": ErrorShape(_LEGACY + "BatchRequestTooLong"),
    "InvalidBatchEntryId": ErrorShape(_LEGACY + "InvalidBatchEntryId"),
    "MessageNotInflight": ErrorShape(_LEGACY + "MessageNotInflight"),
    "UnsupportedOperation": ErrorShape(_LEGACY + "UnsupportedOperation"),
    "OverLimit": ErrorShape("OverLimit", 403),
    "ReceiptHandleIsInvalid": ErrorShape("ReceiptHandleIsInvalid", 404),
    "ResourceNotFoundException": ErrorShape("ResourceNotFoundException", 404),
    "InvalidAttributeName": ErrorShape("InvalidAttributeName"),
    "InvalidAttributeValue": ErrorShape("InvalidAttributeValue"),
    "InvalidMessageContents": ErrorShape("InvalidMessageContents"),
    "InvalidAddress": ErrorShape("InvalidAddress", 404),
    "InvalidParameterValue": ErrorShape(
        "InvalidParameterValue", json_type=_CORAL + "InvalidParameterValueException", json_status=400
    ),
    "MissingParameter": ErrorShape("MissingParameter", json_type=_CORAL + "MissingRequiredParameterException"),
    "InvalidAction": ErrorShape("InvalidAction", json_type=_CORAL + "UnknownOperationException"),
    "AccessDenied": ErrorShape("AccessDenied", 403, _CORAL + "AccessDeniedException", 403),
    "SerializationException": ErrorShape("MalformedInput", json_type=_CORAL + "SerializationException"),
}


class SqsError(Exception):
    """An error response of SQS; `name` is a key of the table."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def shape_of(name: str) -> ErrorShape:
    """Return the protocol's status and code of the error `name`."""
    shape = _SHAPES[name]
    if shape.json_type:
        return shape
    return ErrorShape(shape.query_code, shape.query_status, _MODELLED + name, shape.json_status)


def invalid_value(value: object, parameter: str, reason: str) -> SqsError:
    """Return InvalidParameterValue in SQS's wording."""
    return SqsError("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> SqsError:
    """Return MissingParameter in SQS's wording."""
    return SqsError("MissingParameter", f"The request must contain the parameter {parameter}.")
