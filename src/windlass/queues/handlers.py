"""Handlers: found by name, run, and what they came to."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from windlass.core.errors import ConfigError
from windlass.queues.model import Done, Outcome, Refuse, Reject, Retry, RetryLater
from windlass.queues.received import Received

__all__ = ["Handler", "is_async", "load_handler", "outcome_of"]

Handler = Callable[[Received], Awaitable[Any] | Any]
"""Takes one message and returns (done), raises (again, later), or raises Reject (never again)."""


def load_handler(name: str, *, folder: Path | None = None) -> Handler:
    """The function that `package.module:function` names; ConfigError says what is wrong with it.

    The current folder is looked in, too, as `python -m` does.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError(f"{name!r} names no handler", hint="Write package.module:function.")
    here = str(folder or Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        hint = f"Run it where {module_name.partition('.')[0]} can be imported (the current folder is looked in)."
        raise ConfigError(f"handler {name}: there is no module {missing}", hint=hint) from None
    except Exception as error:  # whatever the user's module raises is theirs to see
        raise ConfigError(
            f"handler {name}: importing {module_name} failed: {type(error).__name__}: {error}",
            hint=f"Try `python -c 'import {module_name}'`.",
        ) from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ConfigError(f"handler {name}: {module_name} has no function {attribute}", hint="Check the spelling.")
    return found  # type: ignore[no-any-return]


def is_async(handler: Handler) -> bool:
    """Whether calling it gives a coroutine: `async def` functions and objects with an async `__call__`."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


def outcome_of(error: BaseException | None) -> Outcome:
    """What a handler that ended with `error` (None: it returned) came to."""
    if error is None:
        return Done()
    if isinstance(error, Reject):
        return Refuse(error.reason)
    if isinstance(error, RetryLater):
        return Retry(error.reason, error.after_s)
    return Retry(f"{type(error).__name__}: {error}"[:500])
