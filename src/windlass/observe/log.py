"""Logs: events named `noun.verb` with keys, on stderr. Secrets are masked under every key."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from windlass.core.secret import Secret
from windlass.core.secret_names import is_secret_name
from windlass.core.secret_values import simple_mask
from windlass.observe.config import LogConfig

__all__ = ["configure_logging", "logger"]

_SECRET_KEY = re.compile(r"secret|password|passwd|token|authorization|credential|private.?key", re.IGNORECASE)
# Access key ids are not secret; signatures, and texts in the form of a secret key, are.
_SECRET_TEXT = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])|(Signature=)[0-9a-f]{64}")


def configure_logging(config: LogConfig) -> None:
    """Configure structlog and the standard library's logging for this process."""
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
            # Without the frames' variables, which may hold secrets. Masking comes last, so it covers tracebacks.
            _dict_traceback if as_json else structlog.processors.format_exc_info,
            mask_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_MaskingFormatter(logging.BASIC_FORMAT))


_dict_traceback = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


class _MaskingFormatter(logging.Formatter):
    """Formats log records of libraries, with tracebacks, and masks secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return _masked_text(super().format(record))


class _Stderr:
    """Writes to the current sys.stderr. When it is closed or full, the line is lost and no error is raised."""

    def msg(self, message: str) -> None:
        """Write a line."""
        with contextlib.suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    log = debug = info = warn = warning = error = exception = critical = fatal = msg


def logger(name: str) -> Any:
    """Return the logger of a part: `logger("inventory").info("run.finished", created=3)`."""
    return structlog.get_logger(part=name)


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask secrets (structlog processor): values under secret names, Secret values and secrets in texts, at any depth."""
    for key, value in event.items():
        event[key] = _masked(key, value)
    return event


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, Secret) or (value and (_SECRET_KEY.search(key) or is_secret_name(key))):
        return "***"
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, Mapping):
        return {name: _masked(str(name), item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked("", item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else _masked_text(str(value))


def _masked_text(text: str) -> str:
    masked = simple_mask(text)
    return _SECRET_TEXT.sub(lambda match: f"{match[1] or ''}***", masked) if len(masked) >= 40 else masked
