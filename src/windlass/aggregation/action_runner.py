"""Running a rule's action for a claim: whatever it comes to is an outcome, and is written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from windlass.aggregation.actions import ActionConfig
from windlass.aggregation.actions.base import AwsCall, Context, RetryActionLater, StartedAction
from windlass.aggregation.actions.spacing import Spacing
from windlass.aggregation.effects import (
    ActionCompleted,
    ActionFailed,
    ActionOutcome,
    ActionPostponed,
    ActionStarted,
    RunAction,
)
from windlass.aggregation.tables.base import KeyTable
from windlass.aggregation.timeline import Window
from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.queues.handlers import describe, trace_of

__all__ = ["ActionRunner"]


class ActionRunner:
    """One rule's action. `record` is given the window when the action starts and when it ended; it must not raise."""

    def __init__(
        self,
        action: ActionConfig,
        call: AwsCall,
        *,
        account_id: str,
        region: str,
        memory: dict[str, Any],
        table: KeyTable | None = None,
        record: Callable[[Window], None] = lambda _: None,
    ) -> None:
        self._action, self._call = action, call
        self._account_id, self._region = account_id, region
        self._memory = memory
        self._table = table
        self._record = record

    def act(self, asked: RunAction) -> ActionOutcome:
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
        if isinstance(outcome, (ActionFailed, ActionPostponed)):
            say = log.warning if isinstance(outcome, ActionFailed) else log.info
            event = "action.failed" if isinstance(outcome, ActionFailed) else "action.postponed"
            say(event, reason=outcome.reason, attempt=asked.attempt)
        else:
            log.info("action.done", kind=self._action.kind, events=asked.summary.events, attempt=asked.attempt)
        return outcome

    def _try(self, asked: RunAction, context: Context) -> ActionOutcome:
        try:
            answer = self._action.act(asked.summary, context)
        except RetryActionLater as later:
            return ActionPostponed(later.after_s, later.reason)
        except WindlassError as error:
            return ActionFailed(error.message)
        except BaseException as error:  # noqa: BLE001  whatever a user's action raises is a failure, and is tried again
            logger("aggregation").warning("action.raised", rule=asked.rule, key=asked.key, **trace_of(error))
            return ActionFailed(describe(error))
        return ActionStarted(answer.tokens) if isinstance(answer, StartedAction) else ActionCompleted()
