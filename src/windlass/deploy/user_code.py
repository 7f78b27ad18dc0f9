"""The user's own modules that a function needs: transforms and Python actions, with what they import from the project."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

from windlass.core.errors import ConfigError
from windlass.deploy.bundle import RUNTIME, Entry
from windlass.deploy.bundle_modules import Reach, reach

__all__ = ["project_folders", "user_entries"]

_OURS = ("windlass", "__future__")


def user_entries(
    references: Sequence[str], folders: Sequence[Path], *, distributions: Collection[str], added: Collection[str] = ()
) -> list[Entry]:
    """Files of the modules that `package.module:function` names, and of every module of the same project that they import.

    The project is the first of `folders` that has the module. `distributions` are those in the zip, `added` top-level names
    that the caller puts in.

    Raises:
        ConfigError: A module is in none of the folders, or imports a distribution that the zip leaves out.

    """
    entries: dict[str, Entry] = {}
    for reference in references:
        module = reference.partition(":")[0]
        if module.partition(".")[0] in added:
            continue
        folder = next((one for one in folders if _path(module, one) is not None), None)
        if folder is None:
            raise ConfigError(
                f"{reference} is not in this project's folder, so the function would not have it",
                hint="Run the command where it can be imported, or name the module or package with --add PATH.",
            )
        found = _reach(module, folder)
        missing = [top for top in found.external if not _available(top, distributions) and top not in added]
        if missing:
            raise ConfigError(
                f"{reference} imports {', '.join(missing)}, which the zip leaves out",
                hint="Name an installed package's folder with --add PATH, or give the function a layer that has it.",
            )
        for name in found.modules:
            path = _path(name, folder)
            if path is not None:
                relative = path.relative_to(folder).as_posix()
                entries[relative] = Entry(relative, path.read_bytes())
    return list(entries.values())


def project_folders() -> list[Path]:
    """Where modules of the user's are looked for: the current folder, then what PYTHONPATH and the like put on the path."""
    paths = [Path.cwd(), *(Path(entry).resolve() for entry in sys.path if entry)]
    return [
        path for path in dict.fromkeys(paths) if path.is_dir() and not {"site-packages", "lib-dynload"} & {*path.parts}
    ]


def _reach(module: str, folder: Path) -> Reach:
    def follows(top: str) -> bool:
        return top not in _OURS and top not in sys.stdlib_module_names and _path(top, folder) is not None

    return reach(module, lambda name: _source(name, folder), follows=follows)


def _source(module: str, folder: Path) -> tuple[str, bool] | None:
    path = _path(module, folder)
    return (path.read_text("utf-8"), path.name == "__init__.py") if path is not None else None


def _path(module: str, folder: Path) -> Path | None:
    """The module's file below `folder`; None for modules that lie elsewhere, and for names that are no module."""
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
