"""Event source mappings of SQS queues are checked and poll their queue.

Upstream: parameters are not checked, a mapping may exist twice, and messages are handed over inside SendMessage.
AWS: batch size, window, filters, concurrency and visibility timeout have limits; one mapping per queue and function;
pollers
receive and delete messages. Mappings of streams (DynamoDB, Kinesis) stay moto's.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
Offered upstream: no.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.sqs.models import sqs_backends

from windlass_local.lambda_.filters import FilterError, read_filters
from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import Functions, shared_functions
from windlass_local.lambda_.poller import PollerSettings
from windlass_local.moto_patches.lambda_mapping_states import show_transition
from windlass_local.sqs.resource import SqsQueue

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.LambdaBackend.create_event_source_mapping",
    "moto.awslambda.models.LambdaBackend.delete_event_source_mapping",
    "moto.awslambda.models.LambdaBackend.update_event_source_mapping",
)

_CONCURRENCY = 5
"""Batches at once when the mapping does not set it: Lambda's start value."""
_MAX_CONCURRENCY = 16


class _Exists(LambdaClientError):
    code = 409


def apply() -> None:
    """Wrap the three operations."""
    functions = shared_functions()
    _create(functions)
    _update(functions)
    _delete(functions)


def _create(functions: Functions) -> None:
    original = LambdaBackend.create_event_source_mapping

    @wraps(original)
    def create(backend: Any, spec: dict[str, Any]) -> Any:
        queue = _queue_of(backend, spec.get("EventSourceArn") or "")
        if queue is None:
            return original(backend, spec)
        name = parse_name(spec.get("FunctionName") or "", backend.account_id, backend.region_name)
        function = backend.get_function(name.name, name.qualifier or None)
        _check(spec, queue, function)
        for other in backend.list_event_source_mappings(queue.queue_arn, name.name):
            raise _Exists(
                "ResourceConflictException",
                f'An event source mapping with SQS arn (" {queue.queue_arn} ") and function (" {name.name} ") already '
                f"exists. Please update or delete the existing mapping with UUID {other.uuid}",
            )
        mapping = original(backend, spec)
        mapping.function_arn = name.arn
        show_transition(mapping, "Creating")
        region = sqs_backends[backend.account_id][backend.region_name]
        functions.sources.open(mapping.uuid, region, queue, _settings(mapping))
        return mapping

    LambdaBackend.create_event_source_mapping = create


def _update(functions: Functions) -> None:
    original = LambdaBackend.update_event_source_mapping

    @wraps(original)
    def update(backend: Any, uuid: str, spec: dict[str, Any]) -> Any:
        mapping = backend.get_event_source_mapping(uuid)
        queue = _queue_of(backend, mapping.event_source_arn) if mapping else None
        if queue is None:
            return original(backend, uuid, spec)
        name = parse_name(spec.get("FunctionName") or mapping.function_arn, backend.account_id, backend.region_name)
        now = {
            "BatchSize": mapping.batch_size,
            "MaximumBatchingWindowInSeconds": mapping.max_batch_window,
            "FilterCriteria": mapping.filter_criteria,
            "ScalingConfig": mapping.scaling_config,
        }
        _check(now | spec, queue, backend.get_function(name.name, name.qualifier or None))
        was_enabled = mapping.enabled
        original(backend, uuid, spec)
        mapping.function_arn = name.arn
        switched = {(True, False): "Disabling", (False, True): "Enabling"}.get((was_enabled, mapping.enabled))
        show_transition(mapping, switched or "Updating")
        functions.sources.change(uuid, _settings(mapping))
        return mapping

    LambdaBackend.update_event_source_mapping = update


def _delete(functions: Functions) -> None:
    original = LambdaBackend.delete_event_source_mapping

    @wraps(original)
    def delete(backend: Any, uuid: str) -> Any:
        functions.sources.close(uuid)
        mapping = original(backend, uuid)
        queue = _queue_of(backend, mapping.event_source_arn) if mapping else None
        if queue is not None:  # moto keeps it at the queue
            held = queue.lambda_event_source_mappings
            for key in [key for key, each in held.items() if each is mapping]:
                del held[key]
        return mapping

    LambdaBackend.delete_event_source_mapping = delete


def _queue_of(backend: Any, arn: str) -> SqsQueue | None:
    """Return the queue with that ARN, in the function's account and region, or None."""
    if ":sqs:" not in arn:
        return None
    result: SqsQueue | None = sqs_backends[backend.account_id][backend.region_name].by_arn(arn)
    return result


def _check(spec: Mapping[str, Any], queue: SqsQueue, function: Any) -> None:
    """Check what CreateEventSourceMapping and UpdateEventSourceMapping check. InvalidParameterValueException."""
    batch_size = int(spec.get("BatchSize") or 10)
    window_s = int(spec.get("MaximumBatchingWindowInSeconds") or 0)
    most = 10 if queue.fifo_queue else 10_000
    if not 1 <= batch_size <= most:
        raise InvalidParameterValueException(f"Batch size must be between 1 and {most} for this event source.")
    if not 0 <= window_s <= 300:
        raise InvalidParameterValueException("Maximum batch window in seconds must be between 0 and 300.")
    if window_s and queue.fifo_queue:
        raise InvalidParameterValueException("Batching window is not supported for FIFO queues.")
    if batch_size > 10 and window_s < 1:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    concurrency = (spec.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not 2 <= int(concurrency) <= 1000:
        raise InvalidParameterValueException("MaximumConcurrency must be between 2 and 1000.")
    try:
        read_filters(spec.get("FilterCriteria"))
    except FilterError as error:
        raise InvalidParameterValueException(str(error)) from None
    visibility_s = queue.seconds("VisibilityTimeout")
    if visibility_s < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility_s} seconds is less than Function timeout: {function.timeout} seconds"
        )


def _settings(mapping: Any) -> PollerSettings | None:
    """Return what the poller needs; None for a disabled mapping."""
    if not mapping.enabled:
        return None
    requested = (mapping.scaling_config or {}).get("MaximumConcurrency")
    return PollerSettings(
        function=parse_name(mapping.function_arn, mapping.account_id, mapping.region),
        batch_size=int(mapping.batch_size),
        window_s=float(mapping.max_batch_window or 0),
        filters=read_filters(mapping.filter_criteria),
        partial="ReportBatchItemFailures" in (mapping.function_response_types or ()),
        concurrency=min(int(requested), _MAX_CONCURRENCY) if requested else _CONCURRENCY,
    )
