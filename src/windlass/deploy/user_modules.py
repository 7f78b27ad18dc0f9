"""The user's modules that a function needs: transforms and Python actions, and the modules of the project that they import."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

from windlass.core.errors import ConfigError
from windlass.deploy.bundle import RUNTIME, ZipEntry
from windlass.deploy.imports import Imports, find_imports

__all__ = ["project_folders", "user_entries"]

_OURS = ("windlass", "__future__")


def user_entries(
    references: Sequence[str], folders: Sequence[Path], *, distributions: Collection[str], added: Collection[str] = ()
) -> list[ZipEntry]:
    """Return the files of the modules that `package.module:function` names, and of every module of the project that they import.

    The project is the first of `folders` that has the module. `distributions` are those in the zip, `added` the top-level names
    that the caller adds.

    Raises:
        ConfigError: A module is in none of the folders, or imports a distribution that the zip leaves out.

    """
    entries: dict[str, ZipEntry] = {}
    for reference in references:
        module = reference.partition(":")[0]
        if module.partition(".")[0] in added:
            continue
        folder = next((path for path in folders if _path(module, path) is not None), None)
        if folder is None:
            raise ConfigError(
                f"{reference} is not in this project's folder, so the zip would not contain it",
                hint="Run the command in a folder where it can be imported, or add the module or package with --add PATH.",
            )
        imports = _imports(module, folder)
        missing = [top for top in imports.external if not _available(top, distributions) and top not in added]
        if missing:
            raise ConfigError(
                f"{reference} imports {', '.join(missing)}, which the zip does not contain",
                hint="Add an installed package's folder with --add PATH, or give the function a layer that contains it.",
            )
        for name in imports.modules:
            path = _path(name, folder)
            if path is not None:
                relative = path.relative_to(folder).as_posix()
                entries[relative] = ZipEntry(relative, path.read_bytes())
    return list(entries.values())


def project_folders() -> list[Path]:
    """Return the folders of the user's modules: the current folder, then those on `sys.path` that hold no installed packages."""
    paths = [Path.cwd(), *(Path(entry).resolve() for entry in sys.path if entry)]
    return [
        path for path in dict.fromkeys(paths) if path.is_dir() and not {"site-packages", "lib-dynload"} & {*path.parts}
    ]


def _imports(module: str, folder: Path) -> Imports:
    def follows(top: str) -> bool:
        return top not in _OURS and top not in sys.stdlib_module_names and _path(top, folder) is not None

    return find_imports(module, lambda name: _source(name, folder), follows=follows)


def _source(module: str, folder: Path) -> tuple[str, bool] | None:
    path = _path(module, folder)
    return (path.read_text("utf-8"), path.name == "__init__.py") if path is not None else None


def _path(module: str, folder: Path) -> Path | None:
    """Return the module's file below `folder`; None for modules outside it and for names that are not modules."""
    base = folder.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _available(top: str, distributions: Collection[str]) -> bool:
    if top in sys.stdlib_module_names or top in _OURS:
        return True
    owners = {name.lower().replace("_", "-") for name in packages_distributions().get(top, ())}
    return bool(owners & ({name.lower().replace("_", "-") for name in distributions} | set(RUNTIME)))
