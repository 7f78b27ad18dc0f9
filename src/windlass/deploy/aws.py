"""AWS calls of a deployment: read every resource of a stack, and apply a plan. plan.py makes the decisions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from windlass.core.errors import AwsError, Conflict, WindlassError
from windlass.deploy.effects import (
    CHECK_EVENT,
    ApiCall,
    DeploymentEffect,
    DeploymentPlan,
    NotificationChange,
    StartCheck,
)
from windlass.deploy.notifications import equivalent, with_entries
from windlass.deploy.plan import StackState
from windlass.deploy.resources import RESOURCE_MODULES
from windlass.deploy.resources.calls import AwsCall
from windlass.deploy.stack import FunctionCode, Stack

__all__ = ["apply", "check", "notify", "read_stack"]

CONSISTENCY_TIMEOUT_S = 90.0
"""Limit of waiting for transient errors: IAM changes take about 10 s, a deleted queue's name is blocked for 60 s."""
MAX_MERGES = 8
"""Limit of merges of one notification configuration that others change at the same time."""
SETTLE_S = 0.5
_NOT_READY = ("ResourceConflictException", "ResourceNotReadyException", "cannot be assumed by Lambda")
"""Errors of a function that AWS is still creating."""

Sleep = Callable[[float], None]


def read_stack(call: AwsCall, stack: Stack) -> StackState:
    """Read every resource of the stack."""
    return StackState(
        stack, tuple((resource, RESOURCE_MODULES[resource.kind].read(call, resource)) for resource in stack.resources)
    )


def apply(
    call: AwsCall,
    plan: DeploymentPlan,
    *,
    show: Callable[[DeploymentEffect], None] = lambda _: None,
    sleep: Sleep = time.sleep,
) -> None:
    """Make the calls in order. After an interruption, plan and apply again to complete the stack."""
    for number, effect in enumerate(plan.effects):
        show(effect)
        try:
            if isinstance(effect, NotificationChange):
                notify(call, effect, sleep=sleep)
            elif isinstance(effect, StartCheck):
                check(call, effect, sleep=sleep)
            else:
                _call_until_ready(call, effect, sleep)
        except WindlassError as error:
            done = f"{number} of {len(plan.effects)} steps are done. Run the same command again to continue."
            raise type(error)(error.message, hint=f"{error.hint} {done}".strip(), code=error.code) from None


def check(call: AwsCall, effect: StartCheck, *, sleep: Sleep = time.sleep) -> None:
    """Invoke the function with the check event. AwsError with the function's error when it does not start."""
    params = {"FunctionName": effect.function, "Payload": json.dumps(CHECK_EVENT).encode()}
    invoke = ApiCall(effect.resource, "lambda", "Invoke", params, effect.why, _NOT_READY)
    response = _call_until_ready(call, invoke, sleep)
    if response.get("FunctionError"):
        body = json.loads(response["Payload"].read() or b"{}")
        problem = f"{body.get('errorType', 'error')}: {body.get('errorMessage', response['FunctionError'])}"
        raise AwsError(
            f"the function {effect.function} does not start: {problem}",
            hint="No event is sent to it yet. Correct windlass.toml or the code (--add), and run the same command again.",
        )


def notify(call: AwsCall, effect: NotificationChange, *, sleep: Sleep = time.sleep) -> bool:
    """Merge entries into a bucket's configuration. Return whether it was written.

    S3 has no conditional write for it. The configuration is therefore read again right before the write, so that a change of
    others can be lost only within one request, and read again after it, at once and a little later: changes of others are
    merged again on top of theirs. Two concurrent deployments end with the entries of both. Conflict when the configuration
    keeps changing. A stale read is repeated.
    """

    def read() -> dict[str, Any]:
        return call("s3", "GetBucketNotificationConfiguration", Bucket=effect.bucket)

    written = False
    now = read()
    for attempt in range(MAX_MERGES):
        desired = _merged(now, effect)
        if equivalent(now, desired):
            if not written:
                return False
            sleep(2 * SETTLE_S)  # another writer that read before our write may still write
            now = read()
            if equivalent(now, _merged(now, effect)):
                return True
            continue
        latest = read()
        if not equivalent(latest, now):  # another writer is active: merge on top of its change
            now = latest
            sleep(SETTLE_S * (attempt + 1) / 4)
            continue
        _put(call, effect, desired, sleep)
        written = True
        now = _after(read, now, sleep)
    raise Conflict(
        f"the notification configuration of {effect.bucket} keeps changing: {MAX_MERGES} merges were overwritten",
        hint="Find the other writer, and run the same command again when it has finished.",
    )


def _merged(now: Mapping[str, Any], effect: NotificationChange) -> dict[str, Any]:
    merged = with_entries(now, effect.entries, effect.mark)
    return {"EventBridgeConfiguration": {}, **merged} if effect.event_bridge else merged


def _after(read: Callable[[], dict[str, Any]], before: Mapping[str, Any], sleep: Sleep) -> dict[str, Any]:
    """Return the configuration as soon as it differs from before the write: S3 reads can be stale."""
    now = read()
    for _ in range(MAX_MERGES):
        if not equivalent(now, before):
            break
        sleep(SETTLE_S)
        now = read()
    return now


def _put(call: AwsCall, effect: NotificationChange, desired: Mapping[str, Any], sleep: Sleep) -> None:
    # Removing our entries must not fail because the destination of another entry was deleted.
    skip = not effect.entries
    request = ApiCall(
        effect.resource,
        "s3",
        "PutBucketNotificationConfiguration",
        {"Bucket": effect.bucket, "NotificationConfiguration": desired, "SkipDestinationValidation": skip},
        effect.why,
        ("Unable to validate the following destination", "OperationAborted"),
    )
    _call_until_ready(call, request, sleep)


def _call_until_ready(call: AwsCall, effect: ApiCall, sleep: Sleep) -> dict[str, Any]:
    waited, pause = 0.0, 1.0
    while True:
        try:
            return call(effect.service, effect.operation, **_request_value(effect.params))
        except WindlassError as error:
            if _matches(error, effect.success_on):
                return {}
            passes = _matches(error, effect.retry_on)
            if not passes or waited >= CONSISTENCY_TIMEOUT_S:
                raise
            sleep(pause)
            waited, pause = waited + pause, min(pause * 1.6, 10.0)


def _matches(error: WindlassError, words: tuple[str, ...]) -> bool:
    return any(word in error.message or word == error.code for word in words)


def _request_value(value: Any) -> Any:
    match value:
        case FunctionCode():
            return value.content
        case Mapping():
            return {key: _request_value(item) for key, item in value.items()}
        case tuple():
            return [_request_value(item) for item in value]
        case _:
            return value
