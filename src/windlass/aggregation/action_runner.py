"""The runner of a rule's action: it runs the action for a claim and records the outcome."""

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
    """Runs one rule's action. `record` receives the window when the action starts and when it ends; it must not raise."""

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

    def act(self, effect: RunAction) -> ActionOutcome:
        """Run the action. Never raises: an exception becomes ActionFailed or ActionPostponed."""
        log = logger("aggregation").bind(rule=effect.rule, key=effect.key)
        context = Context(
            self._call,
            effect.rule,
            effect.key,
            effect.attempt,
            self._account_id,
            self._region,
            time.time(),
            self._memory,
            Spacing(self._table) if self._table is not None else None,
        )
        window = Window(effect.rule, effect.key, effect.attempt, effect.summary, clock.now())
        self._record(window)
        outcome = self._try(effect, context)
        self._record(window.ended(outcome, clock.now()))
        if isinstance(outcome, (ActionFailed, ActionPostponed)):
            say = log.warning if isinstance(outcome, ActionFailed) else log.info
            event = "action.failed" if isinstance(outcome, ActionFailed) else "action.postponed"
            say(event, reason=outcome.reason, attempt=effect.attempt)
        else:
            log.info("action.done", kind=self._action.kind, events=effect.summary.events, attempt=effect.attempt)
        return outcome

    def _try(self, effect: RunAction, context: Context) -> ActionOutcome:
        try:
            result = self._action.act(effect.summary, context)
        except RetryActionLater as later:
            return ActionPostponed(later.after_s, later.reason)
        except WindlassError as error:
            return ActionFailed(error.message)
        except BaseException as error:  # noqa: BLE001  any exception of a user's action is a failure, and is retried
            logger("aggregation").warning("action.raised", rule=effect.rule, key=effect.key, **trace_of(error))
            return ActionFailed(describe(error))
        return ActionStarted(result.tokens) if isinstance(result, StartedAction) else ActionCompleted()
