"""Event source mappings of moto, mended: checked as Lambda checks them, in their states, and really polling.

Streams (DynamoDB, Kinesis) stay moto's: their mappings are kept, and invoke for what moto itself delivers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.sqs.models import sqs_backends

from windlass_local.lambda_.filters import FilterError, read_filters
from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import Functions
from windlass_local.lambda_.poller import PollerSettings
from windlass_local.sqs.resource import SqsQueue

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.LambdaBackend.create_event_source_mapping",
    "moto.awslambda.models.LambdaBackend.delete_event_source_mapping",
    "moto.awslambda.models.LambdaBackend.list_event_source_mappings",
    "moto.awslambda.models.LambdaBackend.update_event_source_mapping",
    "moto.awslambda.models.EventSourceMapping.get_configuration",
)

_CONCURRENCY = 5
"""Batches at once, where the mapping doesn't say: what Lambda begins with."""
_MAX_CONCURRENCY = 16
_SETTLES_S = 0.2
"""How long Creating, Updating, Enabling and Disabling are shown; polling begins at once."""
_TRANSITION = "_windlass_transition"


class _Exists(LambdaClientError):
    code = 409


def apply(functions: Functions) -> None:
    """Patch moto's backend. Once per process."""
    _create(functions)
    _update(functions)
    _delete(functions)
    _list()
    _states()


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
        _shown(mapping, "Creating")
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
        _shown(mapping, switched or "Updating")
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
        if queue is not None:  # moto leaves it with the queue
            held = queue.lambda_event_source_mappings
            for key in [key for key, each in held.items() if each is mapping]:
                del held[key]
        return mapping

    LambdaBackend.delete_event_source_mapping = delete


def _list() -> None:
    def find(backend: Any, event_source_arn: str | None, function_name: str | None) -> list[Any]:
        # moto compares the function's name as it was once given; it may be asked for by name or ARN.
        found = list(backend._event_source_mappings.values())  # noqa: SLF001  moto's own method reads it, too
        if event_source_arn:
            found = [each for each in found if each.event_source_arn == event_source_arn]
        if function_name:
            wanted = parse_name(function_name, backend.account_id, backend.region_name)
            found = [each for each in found if _is_of(each.function_arn, wanted.unqualified_arn)]
        return found

    LambdaBackend.list_event_source_mappings = find


def _is_of(function_arn: str, unqualified_arn: str) -> bool:
    return function_arn == unqualified_arn or function_arn.startswith(f"{unqualified_arn}:")


def _states() -> None:
    original = EventSourceMapping.get_configuration

    @wraps(original)
    def configuration(mapping: Any) -> dict[str, Any]:
        document = original(mapping)
        document["StateTransitionReason"] = "USER_INITIATED"
        state, until_s = mapping.__dict__.get(_TRANSITION, ("", 0.0))
        if time.monotonic() < until_s:
            document["State"] = state
        if ":sqs:" in mapping.event_source_arn:
            document.setdefault("MaximumBatchingWindowInSeconds", 0)
            document.setdefault("FunctionResponseTypes", [])
        return document

    EventSourceMapping.get_configuration = configuration


def _shown(mapping: Any, state: str) -> None:
    mapping.__dict__[_TRANSITION] = (state, time.monotonic() + _SETTLES_S)


def _queue_of(backend: Any, arn: str) -> SqsQueue | None:
    """The queue with that ARN, in the function's account and region."""
    if ":sqs:" not in arn:
        return None
    found: SqsQueue | None = sqs_backends[backend.account_id][backend.region_name].by_arn(arn)
    return found


def _check(spec: Mapping[str, Any], queue: SqsQueue, function: Any) -> None:
    """What CreateEventSourceMapping and UpdateEventSourceMapping refuse. Raises InvalidParameterValueException."""
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
    """What its poller needs to know; None for a disabled mapping."""
    if not mapping.enabled:
        return None
    wanted = (mapping.scaling_config or {}).get("MaximumConcurrency")
    return PollerSettings(
        function=parse_name(mapping.function_arn, mapping.account_id, mapping.region),
        batch_size=int(mapping.batch_size),
        window_s=float(mapping.max_batch_window or 0),
        filters=read_filters(mapping.filter_criteria),
        partial="ReportBatchItemFailures" in (mapping.function_response_types or ()),
        concurrency=min(int(wanted), _MAX_CONCURRENCY) if wanted else _CONCURRENCY,
    )
