"""Errors for wrong options and arguments, in the form of every other error: one line, and a hint with the remedy."""

from __future__ import annotations

from typing import Any

import typer

from windlass.core.errors import UsageError
from windlass.core.suggest import nearest

__all__ = ["usage_error"]


def usage_error(error: typer.TyperException) -> UsageError:
    """Convert typer's exception to the error that `windlass` prints, with the nearest name if there is one."""
    ctx: Any = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "windlass"
    show_help = f"`{path} --help` lists its options."
    kind = type(error).__name__
    message = error.format_message().removeprefix("Invalid value: ").rstrip(".")
    if kind == "NoSuchOption":
        option = getattr(error, "option_name", "")
        close = nearest(option, _options(ctx))
        hint = f"Did you mean {close}?" if close else show_help
        return UsageError(f"`{path}` has no option {option}", hint=hint)
    if kind == "MissingParameter":
        return UsageError(f"`{path}` needs {_name(error)}", hint=f"Usage: {_usage(ctx)}")
    if kind == "BadParameter" and getattr(error, "param", None) is not None:
        return UsageError(f"{_name(error)} of `{path}`: {_sentence(error)}", hint=show_help)
    if message.startswith("Got unexpected extra argument"):
        extra = message.partition(" (")[2].rpartition(")")[0]
        return UsageError(f"`{path}` does not take the argument {extra!r}", hint=f"Usage: {_usage(ctx)}")
    return UsageError(f"`{path}`: {message[:1].lower()}{message[1:]}", hint=show_help)


def _options(ctx: Any) -> list[str]:
    params = ctx.command.get_params(ctx) if ctx is not None else ()
    return [name for param in params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")]


def _name(error: Any) -> str:
    if error.param is None:
        return str(error.param_hint or "a value").replace("'", "")
    if error.param.param_type_name == "option":
        return max(error.param.opts, key=len) if error.param.opts else str(error.param.name)
    return str(error.param.metavar or error.param.name).strip("[].").upper()


def _sentence(error: Any) -> str:
    text = str(error.message).strip().rstrip(".").removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _usage(ctx: Any) -> str:
    return " ".join(ctx.get_usage().removeprefix("Usage:").split()) if ctx is not None else "windlass COMMAND"
