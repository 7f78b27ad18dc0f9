"""Exceptions of the embedded AWS. Each has a message and a hint with the remedy.

LocalError       message, hint, exit code (as the AWS CLI's)
├── ConfigError  253  change the options, the environment or what is installed
├── Conflict     254  the requested thing exists already
└── CallFailed   254  an AWS call of a scenario failed
"""

from __future__ import annotations

__all__ = ["CallFailed", "ConfigError", "Conflict", "LocalError"]


class LocalError(Exception):
    """A failure of the embedded AWS: what happened (`message`) and what to do about it (`hint`)."""

    exit_code = 255

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class ConfigError(LocalError):
    """An option, a fault rule, the port or an installed package does not fit."""

    exit_code = 253


class Conflict(LocalError):
    """The thing to create exists already."""

    exit_code = 254


class CallFailed(LocalError):
    """An AWS call of a scenario failed."""

    exit_code = 254
