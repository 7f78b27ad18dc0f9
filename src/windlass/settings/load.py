"""The sources merged into Settings, with the origin of each value."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from windlass.core.errors import ConfigError

if TYPE_CHECKING:  # a function in Lambda reads a few sections, and does not import the models of the others
    from windlass.settings.model import Settings

__all__ = ["DEFAULT", "Loaded", "find_file", "known_keys", "list_sections", "load", "load_sections"]

Shape = TypeVar("Shape", bound=BaseModel)

DEFAULT = "default"
_PREFIX = "WINDLASS_"
# These variables are not settings: the environment's name, the file, and options of the command line.
_RESERVED = {"WINDLASS_ENV", "WINDLASS_CONFIG", "WINDLASS_TOKEN", "WINDLASS_SERVER", "WINDLASS_DEBUG"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, the file they were read from (if any) and each key's origin: `estate.regions` → `windlass.toml`."""

    settings: Settings
    file: Path | None
    origins: Mapping[str, str]


def known_keys(shape: type[BaseModel] | None = None) -> dict[str, type[BaseModel]]:
    """Return the sections by name, each with its model."""
    return {
        name: field.annotation
        for name, field in (shape or _everything()).model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def list_sections(shape: type[BaseModel] | None = None) -> dict[str, type[BaseModel]]:
    """Return the sections that may repeat (`[[consume]]`) by name, each with the model of one entry."""
    sections = {}
    for name, field in (shape or _everything()).model_fields.items():
        inner = get_args(field.annotation)
        if get_origin(field.annotation) is list and issubclass(inner[0], BaseModel):
            sections[name] = inner[0]
    return sections


def _everything() -> type[Settings]:
    from windlass.settings.model import Settings

    return Settings


def find_file(option: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """Find the first of `--config`, `$WINDLASS_CONFIG`, `./windlass.toml`, `$XDG_CONFIG_HOME/windlass/windlass.toml`.

    None when no file exists. ConfigError when a file is named and does not exist.
    """
    for named, how in ((option, "--config"), (environ.get("WINDLASS_CONFIG"), "WINDLASS_CONFIG")):
        if named:
            path = cwd / named
            if not path.is_file():
                raise ConfigError(
                    f"{how} names {named}, which is not a file", hint="`windlass config init` writes one."
                )
            return path
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    candidates = [cwd / "windlass.toml", *([Path(home) / "windlass" / "windlass.toml"] if home else [])]
    return next((path for path in candidates if path.is_file()), None)


def load(
    *,
    config: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str],
    cwd: Path,
) -> Loaded:
    """Load the settings from all sources. `overrides` are those of the command line, by dotted key (`store.url`).

    ConfigError lists every fault at once, each with its origin and the nearest valid key.
    """
    file = find_file(config, environ, cwd)
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file:
        _merge(merged, origins, _read(file), file.name)
    _merge(merged, origins, _from_environment(environ), "")
    for key, value in (overrides or {}).items():
        section, _, name = key.partition(".")
        _merge(merged, origins, {section: {name: (value, "command line")}}, "")
    settings = _validate(_everything(), merged, origins, file)
    for section, model in known_keys().items():
        for name in model.model_fields:
            origins.setdefault(f"{section}.{name}", DEFAULT)
    return Loaded(settings, file, origins)


def load_sections(shape: type[Shape], *, environ: Mapping[str, str], cwd: Path) -> Shape:
    """Load only the sections that are fields of `shape`, from the file and the environment.

    A Lambda function starts faster when it reads less; `windlass build lambda` has checked the complete file.
    """
    file = find_file(None, environ, cwd)
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file:
        _merge(
            merged,
            origins,
            {key: values for key, values in _read(file).items() if key in shape.model_fields},
            file.name,
        )
    prefixes = tuple(f"{_PREFIX}{section}_".upper() for section in known_keys(shape))
    _merge(merged, origins, _from_environment({k: v for k, v in environ.items() if k.startswith(prefixes)}, shape), "")
    return _validate(shape, merged, origins, file)


def _validate(shape: type[Shape], merged: dict[str, Any], origins: Mapping[str, str], file: Path | None) -> Shape:
    try:
        return shape.model_validate(merged)
    except ValidationError as error:
        lines = [_explain(fault, origins, file, shape) for fault in error.errors()]
        raise ConfigError(
            "the configuration is not valid:\n" + "\n".join(f"  {line}" for line in lines),
            hint="`windlass config init` prints every section and key with its meaning.",
        ) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file.name} is not valid TOML: {error}", hint="Correct that line; strings need quotes."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}", hint="Check its permissions, and that it is UTF-8."
        ) from None


def _merge(merged: dict[str, Any], origins: dict[str, str], source: Mapping[str, Any], origin: str) -> None:
    for section, table in source.items():
        if not isinstance(table, dict):
            merged[section] = table
            continue
        into = merged.setdefault(section, {})
        for name, value in table.items():
            if not origin:  # these sources give each value with its origin
                value, origins[f"{section}.{name}"] = value
            else:
                origins[f"{section}.{name}"] = origin
            into[name] = value


def _from_environment(
    environ: Mapping[str, str], shape: type[BaseModel] | None = None
) -> dict[str, dict[str, tuple[Any, str]]]:
    values: dict[str, dict[str, tuple[Any, str]]] = {}
    for variable in sorted(environ):
        if not variable.startswith(_PREFIX) or variable in _RESERVED:
            continue
        section, name = _split(variable, shape)
        annotation = str(known_keys(shape)[section].model_fields[name].annotation)
        values.setdefault(section, {})[name] = (_value(annotation, environ[variable]), variable)
    return values


def _split(variable: str, shape: type[BaseModel] | None) -> tuple[str, str]:
    sections = known_keys(shape)
    rest = variable.removeprefix(_PREFIX).lower()
    for section, model in sections.items():
        name = rest.removeprefix(f"{section}_")
        if name != rest and name in model.model_fields:
            return section, name
    known = [f"{_PREFIX}{section}_{name}".upper() for section, model in sections.items() for name in model.model_fields]
    raise ConfigError(f"{variable} is not a setting", hint=_nearest(variable, known) or "See `windlass config show`.")


def _value(annotation: str, text: str) -> Any:
    """Read an environment variable's text for its field: JSON for lists and tables, commas between the words of a list."""
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    if "bool" in annotation and text.strip().lower() in ("true", "false"):
        return text.strip().lower()
    if "list[" in annotation and f"'{text}'" not in annotation:  # a Literal beside the list, such as 'enabled', stays
        return [word.strip() for word in text.split(",") if word.strip()]
    return text


def _explain(fault: ErrorDetails, origins: Mapping[str, str], file: Path | None, shape: type[BaseModel]) -> str:
    path = [str(part) for part in fault["loc"]]
    key = ".".join(path[:2])
    origin = origins.get(key, file.name if file else "the configuration")
    where = f"{origin}: {'.'.join(path)}"
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a known {'section' if len(path) == 1 else 'key'}{_suggest(path, shape)}"
    return f"{where}: {fault['msg']}"


def _suggest(path: list[str], shape: type[BaseModel]) -> str:
    names = list(known_keys(shape))
    names.extend(list_sections(shape))
    if len(path) > 1:
        model = known_keys(shape).get(path[0]) if len(path) == 2 else list_sections(shape).get(path[0])
        names = list(model.model_fields) if model else []
    hint = _nearest(path[-1], names)
    return f" ({hint})" if hint else ""


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""
