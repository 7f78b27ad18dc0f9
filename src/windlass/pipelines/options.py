"""Options of a step: configured values, checked and completed with defaults before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

from windlass.core.errors import ConfigError, UsageError
from windlass.core.units import parse_size_bytes
from windlass.pipelines.model import Step, StepOption

__all__ = ["checked_options"]

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def checked_options(step: Step, configured: Mapping[str, object]) -> dict[str, Any]:
    """Return all options of the step: the configured ones checked, the others at their defaults.

    Raises:
        ConfigError: An unknown option, a value of the wrong type or out of its limits, a missing one that is required,
            or a library that isn't installed.

    """
    for module in step.requires:
        if find_spec(module) is None:
            extra = f"[{step.extra}]" if step.extra else ""
            raise ConfigError(
                f"the step {step.name} needs {module}, which is not installed",
                hint=f"Install windlass{extra}.",
            )
    declared = {option.name: option for option in step.options}
    for name in configured:
        if name not in declared:
            close = get_close_matches(str(name), declared, 1)
            meant = f"Did you mean {close[0]}? " if close else ""
            raise ConfigError(
                f"the step {step.name} has no option {name!r}", hint=f"{meant}It has: {', '.join(declared) or 'none'}."
            )
    return {name: _value(step, option, configured) for name, option in declared.items()}


def _value(step: Step, option: StepOption, configured: Mapping[str, object]) -> Any:
    if option.name not in configured:
        if option.required:
            raise ConfigError(f"the step {step.name} needs the option {option.name}", hint=option.help)
        return option.default
    try:
        value = _typed(option, configured[option.name])
        _limited(option, value)
        if option.check is not None:
            option.check(value)
    except (ValueError, TypeError, LookupError, UsageError) as problem:
        raise ConfigError(f"{step.name}: {option.name}: {problem}", hint=option.help) from problem
    return value


def _typed(option: StepOption, value: object) -> Any:
    match option.kind:
        case "text" | "choice":
            if not isinstance(value, str):
                raise TypeError(f"{value!r} is not a string")
            return value
        case "count":
            return _count(value)
        case "number":
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                raise TypeError(f"{value!r} is not a number")
            return float(value)
        case "size":
            if isinstance(value, bool) or not isinstance(value, (int, str)):
                raise TypeError(f"{value!r} is not a size")
            return parse_size_bytes(value)
        case "flag":
            return _flag(value)
        case "list":
            return _list(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(f"{value!r} is not an integer")
    return int(value)


def _flag(value: object) -> bool:
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(f"{value!r} is neither true nor false")
    return word in _TRUE


def _list(value: object) -> tuple[str, ...]:
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, (list, tuple)) or not all(isinstance(item, str) for item in several):
        raise ValueError(f"{value!r} is not a list of strings")
    return tuple(several)


def _limited(option: StepOption, value: Any) -> None:
    if option.choices and value not in option.choices:
        raise ValueError(f"{value!r} is none of {', '.join(option.choices)}")
    if option.kind in ("count", "number", "size"):
        if not value == value or (option.minimum is not None and value < option.minimum):  # NaN
            raise ValueError(f"{value} is less than {option.minimum:g}")
        if option.maximum is not None and value > option.maximum:
            raise ValueError(f"{value} is more than {option.maximum:g}")
