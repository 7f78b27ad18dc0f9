"""Handlers: load them by name, call them, and turn every result into an outcome.

Every exception that a handler raises is the outcome of its message, those outside `Exception` included (pyo3's
PanicException, gevent's Timeout, `sys.exit()`, KeyboardInterrupt): no handler can end a worker or block its slot.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from windlass.core.errors import ConfigError
from windlass.queues.model import Done, Outcome, Reject, Rejected, Retry, RetryLater
from windlass.queues.received_message import ReceivedMessage

__all__ = ["Handler", "await_handler", "call_handler", "describe", "is_async", "load_handler", "outcome_of", "trace_of"]

_MAX_REASON = 500  # characters of a reason in logs, the failure list and the dead-letter queue

Handler = Callable[[ReceivedMessage], Awaitable[Any] | Any]
"""A function of one message. It returns (done), raises (retried with back-off), or raises Reject (dead-lettered)."""


def load_handler(name: str, *, folder: Path | None = None) -> Handler:
    """Return the function that `package.module:function` names. Raises ConfigError with the reason when it cannot be loaded.

    The current folder is searched, too, as `python -m` does.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError(f"{name!r} is not the name of a handler", hint="Write package.module:function.")
    here = str(folder or Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        target: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        hint = f"Run it where {module_name.partition('.')[0]} can be imported (the current folder is searched)."
        raise ConfigError(f"handler {name}: there is no module {missing}", hint=hint) from None
    except Exception as error:  # any exception of the user's module is shown to the user
        raise ConfigError(
            f"handler {name}: importing {module_name} failed: {type(error).__name__}: {error}",
            hint=f"Try `python -c 'import {module_name}'`.",
        ) from error
    for part in attribute.split("."):
        target = getattr(target, part, None)
    if not callable(target):
        raise ConfigError(f"handler {name}: {module_name} has no function {attribute}", hint="Check the spelling.")
    return target  # type: ignore[no-any-return]


def is_async(handler: Handler) -> bool:
    """True when calling it returns a coroutine: `async def` functions and objects with an async `__call__`."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


def call_handler(handler: Handler, received: ReceivedMessage) -> Outcome:
    """Call a function with one message and return its outcome. Never raises."""
    try:
        result = handler(received)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            return Retry("the handler returned a coroutine that nothing awaits: declare it with `async def`")
    except BaseException as error:  # noqa: BLE001  every exception of a handler is its message's outcome
        return outcome_of(error)
    return Done()


async def await_handler(handler: Handler, received: ReceivedMessage) -> Outcome:
    """Await a coroutine function with one message and return its outcome, Retry when it was cancelled.

    Raises only GeneratorExit, when its event loop is closed under it.
    """
    try:
        result: Any = handler(received)
        await result
    except asyncio.CancelledError:
        return Retry("cancelled")
    except BaseException as error:  # every exception of a handler is its message's outcome
        if isinstance(error, GeneratorExit) and not _loop_runs():
            raise
        return outcome_of(error)
    return Done()


def outcome_of(error: BaseException | None) -> Outcome:
    """Return the outcome of a handler that raised `error`; Done for None. Never raises, for any `error`."""
    if error is None:
        return Done()
    if isinstance(error, Reject):
        return Rejected(str(error.reason))
    if isinstance(error, RetryLater):
        return Retry(error.reason, error.after_s)
    if isinstance(error, SystemExit):
        return Retry(f"the handler called sys.exit({error.code!r})"[:_MAX_REASON], error=error)
    return Retry(describe(error), error=error)


def describe(error: BaseException) -> str:
    """Return an exception's type and text, at most 500 characters. Never raises, even where its `__str__` does."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  it is the handler's own class
        text = "(its text cannot be read)"
    return f"{type(error).__name__}: {text}"[:_MAX_REASON]


def trace_of(error: BaseException | None) -> dict[str, str]:
    """Return the traceback as the log's key `exception`; empty for None. Never raises, also when the error cannot be printed."""
    if error is None:
        return {}
    try:
        return {"exception": "".join(traceback.format_exception(error)).rstrip()}
    except BaseException:  # noqa: BLE001  its `__str__` raised
        return {"exception": "".join(traceback.format_tb(error.__traceback__)) + describe(error)}


def _loop_runs() -> bool:
    try:
        return asyncio.get_running_loop().is_running()
    except RuntimeError:
        return False
