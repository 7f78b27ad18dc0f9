"""Running a rule's action for a claim: whatever it comes to is an outcome, and is written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from windlass.aggregation.actions import ActionConfig
from windlass.aggregation.actions.base import Call, Context, Later, Started
from windlass.aggregation.actions.spacing import Spacing
from windlass.aggregation.effects import Act, Begun, Completed, Failed, Outcome, Postponed
from windlass.aggregation.tables.base import Table
from windlass.aggregation.timeline import Window
from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.queues.handlers import describe, trace_of

__all__ = ["Acting"]


class Acting:
    """One rule's action. `record` is given the window when the action starts and when it ended; it must not raise."""

    def __init__(
        self,
        action: ActionConfig,
        call: Call,
        *,
        account_id: str,
        region: str,
        memory: dict[str, Any],
        table: Table | None = None,
        record: Callable[[Window], None] = lambda _: None,
    ) -> None:
        self._action, self._call = action, call
        self._account_id, self._region = account_id, region
        self._memory = memory
        self._table = table
        self._record = record

    def act(self, asked: Act) -> Outcome:
        """Do it."""
        log = logger("aggregation").bind(rule=asked.rule, key=asked.key)
        context = Context(
            self._call,
            asked.rule,
            asked.key,
            asked.attempt,
            self._account_id,
            self._region,
            time.time(),
            self._memory,
            Spacing(self._table) if self._table is not None else None,
        )
        window = Window(asked.rule, asked.key, asked.attempt, asked.summary, clock.now())
        self._record(window)
        outcome = self._try(asked, context)
        self._record(window.ended(outcome, clock.now()))
        if isinstance(outcome, (Failed, Postponed)):
            say = log.warning if isinstance(outcome, Failed) else log.info
            say("action." + type(outcome).__name__.lower(), reason=outcome.reason, attempt=asked.attempt)
        else:
            log.info("action.done", kind=self._action.kind, events=asked.summary.events, attempt=asked.attempt)
        return outcome

    def _try(self, asked: Act, context: Context) -> Outcome:
        try:
            answer = self._action.act(asked.summary, context)
        except Later as later:
            return Postponed(later.after_s, later.reason)
        except WindlassError as error:
            return Failed(error.message)
        except BaseException as error:  # noqa: BLE001  whatever a user's action raises is a failure, and is tried again
            logger("aggregation").warning("action.raised", rule=asked.rule, key=asked.key, **trace_of(error))
            return Failed(describe(error))
        return Begun(answer.tokens) if isinstance(answer, Started) else Completed()
