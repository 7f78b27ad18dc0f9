"""The error tree, ordered by what the *user* can do about an error.

    WindlassError                 message, hint, exit code
    ├── UsageError           252  call it differently
    ├── ConfigError          253  fix windlass.toml, the environment or the credentials
    ├── AccessDenied        253  ask for a permission, or use another identity
    ├── NotFound             254  name something that exists
    ├── Conflict             254  another process was first, or the thing exists already
    ├── Throttled            254  wait, or ask for a higher limit
    ├── AwsError             254  the service failed; the request id is for AWS support
    ├── StoreError           255  the database file or server cannot be used
    ├── Interrupted          130  stopped on request; run it again to continue
    └── PartialFailure         1  some items failed, the others are done

Exit codes are the AWS CLI's (docs: "AWS CLI return codes"), plus 3 where findings exist.
"""

from __future__ import annotations

from typing import Self

__all__ = [
    "AccessDenied",
    "AwsError",
    "ConfigError",
    "Conflict",
    "Interrupted",
    "NotFound",
    "PartialFailure",
    "StoreError",
    "Throttled",
    "UsageError",
    "WindlassError",
]

EXIT_FINDINGS = 3


class WindlassError(Exception):
    """The base of all errors: what happened to which resource (`message`), and the remedy (`hint`)."""

    exit_code = 255
    http_status = 500

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return self.message

    def with_context(self, *, prefix: str = "", suffix: str = "", hint: str = "") -> Self:
        """Return a copy with text before or after the message, and another hint when one is given; nothing is mutated."""
        error = type(self).__new__(type(self))  # not by its constructor, which subclasses change
        error.__dict__.update(self.__dict__)
        error.message = f"{prefix}{self.message}{suffix}"
        error.args = (error.message, *self.args[1:])
        error.hint = hint or self.hint
        return error


class UsageError(WindlassError):
    """The call is wrong: an unknown type, a malformed time, options that exclude each other."""

    exit_code = 252
    http_status = 400


class ConfigError(WindlassError):
    """Configuration or credentials are missing, refused or malformed."""

    exit_code = 253
    http_status = 400


class AccessDenied(WindlassError):
    """AWS (or our own token check) knows the caller and denies the request."""

    exit_code = 253
    http_status = 403


class NotFound(WindlassError):
    """The named thing does not exist, or no longer does."""

    exit_code = 254
    http_status = 404


class Conflict(WindlassError):
    """The state is not what the request assumes: it exists already, is leased, or has ended."""

    exit_code = 254
    http_status = 409


class Throttled(WindlassError):
    """The service throttled the call, also after the retries."""

    exit_code = 254
    http_status = 429


class AwsError(WindlassError):
    """Any other failure of an AWS call, an unreachable endpoint among them; `code` is the service's error code."""

    exit_code = 254
    http_status = 502


class StoreError(WindlassError):
    """The database cannot be opened, read or written: corrupt, locked, full, unreachable, or of a newer schema."""

    exit_code = 255
    http_status = 503


class Interrupted(WindlassError):
    """Stopped by a signal or a cancel; finished work is kept."""

    exit_code = 130
    http_status = 409


class PartialFailure(WindlassError):
    """Some items failed; the message counts them and the report names them."""

    exit_code = 1
    http_status = 207
