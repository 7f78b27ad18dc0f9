"""Asynchronous invocations: events are accepted at once, run soon, retried, and reported to their destination."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from windlass_local.lambda_ import destinations
from windlass_local.lambda_.function_name import FunctionName, parse_name
from windlass_local.lambda_.outcome import Throttled
from windlass_local.lambda_.retries import InvokeRetryPolicy, decide_retry, destination_record, wait_for_room_s
from windlass_local.lambda_.versions import Unrunnable, policy_of, reserved_of
from windlass_local.workers import Workers

__all__ = ["AsyncInvocations"]

logger = logging.getLogger(__name__)

_THREADS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    name: FunctionName
    payload: bytes
    request_id: str
    accepted_s: float
    estate: int
    runs: int = 0
    throttles: int = 0


class AsyncInvocations:
    """The event queue of all functions. `invoke` runs a function and waits for it."""

    def __init__(self, invoke: Callable[..., Any]) -> None:
        self._invoke = invoke
        self._workers = Workers("lambda-events", _THREADS)
        self._estate = 0  # incremented by each reset

    def accept(self, name: FunctionName, payload: bytes, *, request_id: str = "") -> None:
        """Take an event in; it is run as soon as a thread is free."""
        event = _Event(
            name=name,
            payload=payload,
            request_id=request_id or str(uuid.uuid4()),
            accepted_s=time.monotonic(),
            estate=self._estate,
        )
        self._workers.put(lambda: self._run(event))

    def forget(self) -> None:
        """Drop every event; running ones are not retried and not reported."""
        self._estate += 1
        self._workers.forget()

    def waiting(self) -> int:
        """Count the events that wait for their first or next run."""
        return self._workers.count()

    def _run(self, event: _Event) -> None:
        try:
            policy = policy_of(event.name)
            if reserved_of(event.name) == 0:
                self._finish(event, policy, "ZeroReservedConcurrency", None)
                return
            response = self._invoke(event.name, event.payload, request_id=event.request_id)
        except Throttled:
            self._wait_for_room(event, policy)
            return
        except (UnknownFunctionException, Unrunnable) as error:
            logger.warning("an event for %s was dropped: %s", event.name.arn, error)
            return
        except Exception:
            logger.exception("an event for %s was dropped", event.name.arn)
            return
        if event.estate != self._estate:
            return
        event = replace(event, runs=event.runs + 1)
        reply = decide_retry(policy, runs=event.runs, failed=response.failed, age_s=time.monotonic() - event.accepted_s)
        if reply.again_s is None:
            self._finish(event, policy, reply.condition, response)
        else:
            self._workers.put(lambda: self._run(event), after_s=reply.again_s)

    def _wait_for_room(self, event: _Event, policy: InvokeRetryPolicy) -> None:
        later = replace(event, throttles=event.throttles + 1)
        if time.monotonic() - event.accepted_s > policy.max_age_s:
            self._finish(event, policy, "EventAgeExceeded", None)
        else:
            self._workers.put(lambda: self._run(later), after_s=wait_for_room_s(event.throttles))

    def _finish(self, event: _Event, policy: InvokeRetryPolicy, condition: str, response: Any) -> None:
        """Notify the destination and the dead-letter queue."""
        went_well = condition == "Success"
        target = policy.on_success if went_well else policy.on_failure
        if target:
            record = destination_record(
                request_id=event.request_id,
                arn=event.name.arn if event.name.qualifier else f"{event.name.arn}:$LATEST",
                condition=condition,
                runs=event.runs,
                payload=event.payload,
                version=response.version if response else "",
                failed=not went_well,
                response=response.payload if response else None,
            )
            self._tell(target, lambda: destinations.send(target, record, self._accept_arn))
        if policy.dead_letter and not went_well:
            document = json.loads(response.payload) if response else {}
            self._tell(
                policy.dead_letter,
                lambda: destinations.send_dead_letter(
                    policy.dead_letter,
                    event.payload,
                    request_id=event.request_id,
                    code="200" if response else "429",
                    message=str(document.get("errorMessage", condition)),
                ),
            )

    def _accept_arn(self, arn: str, payload: bytes) -> None:
        self.accept(parse_name(arn, "", ""), payload)

    def _tell(self, target: str, send: Callable[[], None]) -> None:
        try:
            send()
        except Exception:  # a deleted destination must not cause another retry
            logger.warning("the record of an event could not be brought to %s", target, exc_info=True)
