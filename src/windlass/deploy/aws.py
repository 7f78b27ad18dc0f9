"""A stack and its effects against AWS: looking at every part, and carrying a plan out. Decisions are plan.py's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from windlass.core.errors import AwsError, Conflict, WindlassError
from windlass.deploy.effects import CHECK_EVENT, Call, Check, Effect, Notify, Plan
from windlass.deploy.notifications import added, same
from windlass.deploy.parts import KINDS
from windlass.deploy.parts.calls import Ask
from windlass.deploy.plan import Look
from windlass.deploy.stacks import Code, Stack

__all__ = ["carry_out", "check", "look_at", "notify"]

PATIENCE_S = 90.0
"""How long what passes by itself is waited for: IAM is everywhere in some 10 s, a deleted queue's name is free after 60 s."""
ROUNDS = 8
"""How often a notification configuration is merged anew because somebody else changed it meanwhile."""
SETTLE_S = 0.5
_NOT_READY = ("ResourceConflictException", "ResourceNotReadyException", "cannot be assumed by Lambda")
"""Errors of a function that AWS is still making."""

Sleep = Callable[[float], None]


def look_at(call: Ask, stack: Stack) -> Look:
    """Every part as it is."""
    return Look(stack, tuple((part, KINDS[part.kind].look(call, part)) for part in stack.parts))


def carry_out(
    call: Ask, plan: Plan, *, show: Callable[[Effect], None] = lambda _: None, sleep: Sleep = time.sleep
) -> None:
    """Make the calls, in order. Broken off, it is made whole by planning and carrying out once more."""
    for number, effect in enumerate(plan.effects):
        show(effect)
        try:
            if isinstance(effect, Notify):
                notify(call, effect, sleep=sleep)
            elif isinstance(effect, Check):
                check(call, effect, sleep=sleep)
            else:
                _patiently(call, effect, sleep)
        except WindlassError as error:
            done = f"{number} of {len(plan.effects)} steps are done; the same command goes on where it stopped."
            raise type(error)(error.message, hint=f"{error.hint} {done}".strip(), code=error.code) from None


def check(call: Ask, effect: Check, *, sleep: Sleep = time.sleep) -> None:
    """Call the function with the check event. AwsError with the function's own error when it does not start."""
    params = {"FunctionName": effect.function, "Payload": json.dumps(CHECK_EVENT).encode()}
    invoke = Call(effect.part, "lambda", "Invoke", params, effect.why, _NOT_READY)
    answer = _patiently(call, invoke, sleep)
    if answer.get("FunctionError"):
        body = json.loads(answer["Payload"].read() or b"{}")
        problem = f"{body.get('errorType', 'error')}: {body.get('errorMessage', answer['FunctionError'])}"
        raise AwsError(
            f"the function {effect.function} does not start: {problem}",
            hint="No event reaches it yet. Correct windlass.toml or the code (--add), and run the same command.",
        )


def notify(call: Ask, effect: Notify, *, sleep: Sleep = time.sleep) -> bool:
    """Merge entries into a bucket's configuration; whether anything had to be written.

    S3 has no condition for this write. So the configuration is read again right before it is written, which leaves others
    one request's time to be overwritten in, and read again after, at once and a little later: what others changed meanwhile
    is merged anew, on top of what they wrote. Two that do the same end with the entries of both. Conflict when there is no
    end. Reads may be stale for a while; an old one is waited for.
    """

    def read() -> dict[str, Any]:
        return call("s3", "GetBucketNotificationConfiguration", Bucket=effect.bucket)

    written = False
    now = read()
    for attempt in range(ROUNDS):
        wanted = _merged(now, effect)
        if same(now, wanted):
            if not written:
                return False
            sleep(2 * SETTLE_S)  # who read before we wrote may write still
            now = read()
            if same(now, _merged(now, effect)):
                return True
            continue
        again = read()
        if not same(again, now):  # somebody is changing it right now: on top of theirs
            now = again
            sleep(SETTLE_S * (attempt + 1) / 4)
            continue
        _put(call, effect, wanted, sleep)
        written = True
        now = _after(read, now, sleep)
    raise Conflict(
        f"the notification configuration of {effect.bucket} changes all the time: {ROUNDS} merges were overtaken",
        hint="Find out who else writes it, and run the same command when they are done.",
    )


def _merged(now: Mapping[str, Any], effect: Notify) -> dict[str, Any]:
    wanted = added(now, effect.entries, effect.mark)
    return {"EventBridgeConfiguration": {}, **wanted} if effect.event_bridge else wanted


def _after(read: Callable[[], dict[str, Any]], before: Mapping[str, Any], sleep: Sleep) -> dict[str, Any]:
    """The configuration once it is another than before the write: S3's reads may lag behind its writes."""
    now = read()
    for _ in range(ROUNDS):
        if not same(now, before):
            break
        sleep(SETTLE_S)
        now = read()
    return now


def _put(call: Ask, effect: Notify, wanted: Mapping[str, Any], sleep: Sleep) -> None:
    # Taking ours away must not fail because somebody's destination is gone.
    skip = not effect.entries
    put = Call(
        effect.part,
        "s3",
        "PutBucketNotificationConfiguration",
        {"Bucket": effect.bucket, "NotificationConfiguration": wanted, "SkipDestinationValidation": skip},
        effect.why,
        ("Unable to validate the following destination", "OperationAborted"),
    )
    _patiently(call, put, sleep)


def _patiently(call: Ask, effect: Call, sleep: Sleep) -> dict[str, Any]:
    waited, pause = 0.0, 1.0
    while True:
        try:
            return call(effect.service, effect.operation, **_sent(effect.params))
        except WindlassError as error:
            if _names(error, effect.done_on):
                return {}
            passes = _names(error, effect.again_on)
            if not passes or waited >= PATIENCE_S:
                raise
            sleep(pause)
            waited, pause = waited + pause, min(pause * 1.6, 10.0)


def _names(error: WindlassError, words: tuple[str, ...]) -> bool:
    return any(one in error.message or one == error.code for one in words)


def _sent(value: Any) -> Any:
    match value:
        case Code():
            return value.content
        case Mapping():
            return {key: _sent(item) for key, item in value.items()}
        case tuple():
            return [_sent(item) for item in value]
        case _:
            return value
