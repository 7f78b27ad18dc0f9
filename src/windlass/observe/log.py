"""Logs: events named `noun.verb` with keys, on stderr, secrets masked whatever their key holds."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from windlass.core.secret import Secret
from windlass.observe.config import LogConfig

__all__ = ["configure_logging", "logger"]

_SECRET_KEY = re.compile(r"secret|password|passwd|token|authorization|credential|private.?key", re.IGNORECASE)
# Access key ids are not secret; what follows a signature or looks like a secret key is.
_SECRET_TEXT = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])|(Signature=)[0-9a-f]{64}")


def configure_logging(config: LogConfig) -> None:
    """Set structlog and the standard library's logging up for this process."""
    terminal = sys.stderr.isatty()
    as_json = config.format == "json" or (config.format == "auto" and not terminal)
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=28)
    )
    level = logging.getLevelNamesMapping()[config.level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            structlog.processors.dict_tracebacks if as_json else structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, force=True)


class _Stderr:
    """Writes to the stderr of the moment. One that is closed or full loses the line, never the work that logs."""

    def msg(self, message: str) -> None:
        """One line."""
        with contextlib.suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    log = debug = info = warn = warning = error = exception = critical = fatal = msg


def logger(name: str) -> Any:
    """The bound logger of a part: `logger("inventory").info("run.finished", created=3)`."""
    return structlog.get_logger(part=name)


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: values under secret names, Secret values and secret-looking texts become `***`."""
    for key, value in event.items():
        if isinstance(value, Secret) or (_SECRET_KEY.search(key) and value):
            event[key] = "***"
        elif isinstance(value, str) and len(value) >= 40:
            event[key] = _SECRET_TEXT.sub(lambda match: f"{match[1] or ''}***", value)
    return event
