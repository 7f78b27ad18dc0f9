"""The zip of a function, or of a layer with its extras: Windlass's modules, distributions, the user's modules, the configuration."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from windlass.core.errors import ConfigError, NotFound, UsageError
from windlass.deploy.archive import by_path, bytecode, interpreter, zip_bytes
from windlass.deploy.bundle import Bundle, Extra, Platform, ZipEntry, this_platform
from windlass.deploy.distributions import fits, installed_files, platform_files
from windlass.deploy.function_config import FunctionConfig
from windlass.deploy.imports import Imports, find_imports
from windlass.deploy.user_modules import project_folders, user_entries

__all__ = ["BuiltZip", "build_function", "build_layer", "distributions_of", "imports_of"]

_LAYER_PREFIX = "python/"


@dataclass(frozen=True, slots=True)
class BuiltZip:
    """A zip and its contents. `bytecode` is False where no interpreter of the platform's version was found."""

    content: bytes
    files: int
    unpacked_bytes: int
    distributions: tuple[str, ...]
    bytecode: bool

    @property
    def sha256(self) -> str:
        """The zip's SHA-256 in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def build_function(
    bundle: Bundle,
    platform: Platform,
    *,
    extras: Sequence[Extra] = (),
    config: FunctionConfig | None = None,
    added: Sequence[Path] = (),
    compiled: bool = True,
) -> BuiltZip:
    """Build a function's zip. `added` are further modules and package folders of the user.

    ConfigError when the user's code is not found or imports a distribution that the zip leaves out.
    """
    names = distributions_of(bundle, extras)
    entries = [_own_module(module) for module in imports_of(bundle).modules] + _third_party(names, platform)
    if config is not None:
        tops = {path.name.removesuffix(".py") for path in added}
        entries += user_entries(config.references, project_folders(), distributions=names, added=tops)
        entries.append(ZipEntry("windlass.toml", config.text.encode()))
    entries += [entry for path in added for entry in _added(path)]
    return _finished(entries, names, platform, compiled=compiled)


def build_layer(platform: Platform, extras: Sequence[Extra], *, compiled: bool = True) -> BuiltZip:
    """Build a layer of the extras, below `python/` as Lambda requires. UsageError without any extra."""
    if not extras:
        raise UsageError("a layer needs at least one extra", hint="Name it, for example --with parquet.")
    names = tuple(sorted({name for extra in extras for name in extra.distributions}))
    return _finished(_third_party(names, platform), names, platform, compiled=compiled, prefix=_LAYER_PREFIX)


def imports_of(bundle: Bundle) -> Imports:
    """Return the modules of Windlass that the function needs, and the other packages they import."""
    return find_imports(bundle.module, _source, excluded=bundle.excluded)


def distributions_of(bundle: Bundle, extras: Sequence[Extra] = ()) -> tuple[str, ...]:
    """Return the names of the distributions in a function's zip, sorted."""
    return tuple(sorted({*bundle.distributions, *(name for extra in extras for name in extra.distributions)}))


def _third_party(names: Sequence[str], platform: Platform) -> list[ZipEntry]:
    """Copy installed distributions that run on the platform; let pip install the others for it."""
    installed = [name for name in names if platform == this_platform() and fits(name, platform)]
    entries = [entry for name in installed for entry in installed_files(name)]
    return entries + platform_files(set(names) - set(installed), platform)


def _finished(
    entries: Sequence[ZipEntry], names: tuple[str, ...], platform: Platform, *, compiled: bool, prefix: str = ""
) -> BuiltZip:
    files = list(by_path(entries).values())
    is_compiled = compiled and bool(interpreter(platform.python))
    if is_compiled:
        folder = {"folder": f"/opt/{prefix.rstrip('/')}"} if prefix else {}
        files += bytecode(files, platform.python, **folder)
    placed = [ZipEntry(f"{prefix}{entry.path}", entry.content, entry.executable) for entry in files]
    unpacked_bytes = sum(len(entry.content) for entry in placed)
    return BuiltZip(zip_bytes(placed), len(placed), unpacked_bytes, names, is_compiled)


def _source(module: str) -> tuple[str, bool] | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None  # the parent is a module, not a package: the name is an attribute
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).read_text("utf-8"), spec.submodule_search_locations is not None


def _own_module(module: str) -> ZipEntry:
    source = _source(module)
    if source is None:
        raise NotFound(f"the module {module} is not installed", hint="Install Windlass again.")
    text, is_package = source
    path = module.replace(".", "/")
    return ZipEntry(f"{path}/__init__.py" if is_package else f"{path}.py", text.encode())


def _added(path: Path) -> list[ZipEntry]:
    if path.is_file():
        return [ZipEntry(path.name, path.read_bytes())]
    if not path.is_dir():
        raise ConfigError(f"{path} is neither a file nor a folder", hint="Give --add a module or a package's folder.")
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    return [ZipEntry(f"{path.name}/{file.relative_to(path).as_posix()}", file.read_bytes()) for file in files]
