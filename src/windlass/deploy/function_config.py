"""A function's configuration: the windlass.toml in its zip, and the user's functions that it names.

The file has the entries that the function runs and its access to AWS. A function works as its own role in its own account, so
roles to assume, profiles, the organization's accounts and local paths are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from windlass.core.errors import ConfigError
from windlass.deploy.bundle import EXTRAS, Bundle, Extra
from windlass.pipelines.pipeline import build_all
from windlass.settings import Settings, load

__all__ = ["FunctionConfig", "function_config", "read_function_config"]

_ESTATE = (
    "endpoint_url",
    "endpoints",
    "allow_endpoint_override",
    "home_region",
    "retries",
    "connect_timeout_s",
    "read_timeout_s",
    "max_connections",
    "use_fips",
    "use_dualstack",
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FunctionConfig:
    """The text of a function's windlass.toml, and the `package.module:function` of each user function that it calls."""

    text: str
    references: tuple[str, ...] = ()


def read_function_config(path: Path, bundle: Bundle, extras: Sequence[Extra]) -> FunctionConfig:
    """Return the configuration of a function that runs all entries of its kind in this file. ConfigError as `function_config`."""
    settings = load(config=str(path), environ={}, cwd=Path.cwd()).settings
    return function_config(settings, bundle, extras, file=path.name)


def function_config(
    settings: Settings,
    bundle: Bundle,
    extras: Sequence[Extra],
    *,
    file: str,
    account_id: str = "",
    region: str = "",
) -> FunctionConfig:
    """Return the configuration of a function with these settings; errors name `file`.

    `account_id` and `region` are the function's; empty when they are not known yet.

    Raises:
        ConfigError: The function could not start with these settings, or a step needs an extra that is not given.

    """
    is_pipeline = bundle.section == "pipeline"
    requirements = _pipeline_requirements(settings) if is_pipeline else _check_aggregate(settings)
    provided = {module for extra in extras for module in extra.modules}
    for step, module in requirements:
        name = next((extra.name for extra in EXTRAS if module in extra.modules), "")
        if name and module not in provided:  # a module of no extra (PyYAML) is in every zip
            raise ConfigError(
                f"{file}: step {step} needs {module}, which the zip does not contain",
                hint=f"Add it with --with {name}. If a layer built by --layer has it, give --layered {name}.",
            )
    entries = settings.pipeline if is_pipeline else settings.aggregate
    text = _toml(settings, bundle.section, entries, account_id=account_id, region=region)
    return FunctionConfig(text, _references(settings, bundle))


def _references(settings: Settings, bundle: Bundle) -> tuple[str, ...]:
    if bundle.section == "pipeline":
        steps = (bound.step.name for pipeline in build_all(settings.pipeline) for bound in pipeline.transform.steps)
        return tuple(dict.fromkeys(name for name in steps if ":" in name))
    functions = (getattr(rule.action, "function", "") for rule in settings.aggregate if rule.action.kind == "python")
    return tuple(dict.fromkeys(functions))


def _pipeline_requirements(settings: Settings) -> list[tuple[str, str]]:
    """Return (step, module it needs) of every step."""
    if not settings.pipeline:
        raise ConfigError("the file has no [[pipeline]] entry", hint="docs/guide/pipelines.md shows one.")
    steps = (bound.step for pipeline in build_all(settings.pipeline) for bound in pipeline.transform.steps)
    return [(step.name, module) for step in steps for module in step.requires]


def _check_aggregate(settings: Settings) -> list[tuple[str, str]]:
    stored = next((rule.name for rule in settings.aggregate if not rule.table), "")
    if stored or not settings.aggregate:
        problem = f"rule {stored} keeps its keys in the store" if stored else "the file has no [[aggregate]] entry"
        raise ConfigError(f"{problem}: a Lambda function has no store", hint="Give each rule `table` and `timers`.")
    return []


def _toml(
    settings: Settings, section: str, entries: Sequence[BaseModel], *, account_id: str = "", region: str = ""
) -> str:
    """Return the file: `entries` of `[[section]]`, and the settings of `[estate]` and `[log]` that apply inside a function."""
    estate = {name: value for name, value in _explicit(settings.estate).items() if name in _ESTATE}
    if region:
        estate |= {"home_region": region, "regions": [region]}
    if account_id:
        estate |= {"accounts": [{"id": account_id}], "allowed_accounts": [account_id]}
    lines = ["# Written by `windlass deploy` and `windlass build lambda`: the configuration of this function.\n"]
    for name, values in (("estate", estate), ("log", _explicit(settings.log))):
        if values:
            lines += [f"[{name}]", *_lines(values), ""]
    for entry in entries:
        lines += [f"[[{section}]]", *_lines(_explicit(entry)), ""]
    return "\n".join(lines)


def _explicit(model: BaseModel) -> dict[str, Any]:
    """Return the fields that the user set."""
    fields: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return fields


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in values.items()]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_key(name)} = {_value(item)}" for name, item in value.items()) + " }" if value else "{}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return (
        json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        if isinstance(value, (str, bool, int))
        else repr(value)
    )
