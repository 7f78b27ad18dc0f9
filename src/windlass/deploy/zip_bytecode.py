"""Bytecode for the modules of a zip: Lambda's code folder is read-only, so every cold start would compile them anew.

Compiled by an interpreter of the target's version, in a process of its own with a fixed hash seed, under the path in the
zip and without a date (PEP 552, unchecked): the same sources give the same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from windlass.core.errors import ConfigError
from windlass.deploy.bundle import Entry

__all__ = ["bytecode", "interpreter"]

_ROOT = "/var/task"
_SCRIPT = """
import importlib.util, py_compile, sys
root, place = sys.argv[1:3]
for path in sys.stdin.read().split("\\n"):
    target = importlib.util.cache_from_source(path)
    try:
        py_compile.compile(f"{root}/{path}", f"{root}/{target}", f"{place}/{path}", doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except (py_compile.PyCompileError, ValueError):
        pass  # a template that only looks like Python
"""


def interpreter(python: str) -> str:
    """A Python of that version: this one, or one on the PATH; empty when there is none."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == python:
        return sys.executable
    found = shutil.which(f"python{python}")
    if found is None:
        return ""
    asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return found if said.stdout.strip() == python else ""


def bytecode(entries: Iterable[Entry], python: str, *, place: str = _ROOT) -> list[Entry]:
    """The bytecode of every module among the entries. `place` is where the zip is unpacked (shown in tracebacks)."""
    sources = sorted((one for one in entries if one.path.endswith(".py")), key=lambda one: one.path)
    with tempfile.TemporaryDirectory(prefix="windlass-zip-") as folder:
        for one in sources:
            path = Path(folder) / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
        _compile(interpreter(python), Path(folder), place, [one.path for one in sources])
        made = sorted(Path(folder).rglob("*.pyc"))
        return [Entry(one.relative_to(folder).as_posix(), one.read_bytes()) for one in made]


def _compile(python: str, folder: Path, place: str, paths: Sequence[str]) -> None:
    command = [python, "-I", "-c", _SCRIPT, str(folder), place]
    environment = {"PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603  an interpreter, and a script of ours
        command, input="\n".join(paths), capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    if done.returncode:
        raise ConfigError(
            f"{python} can't compile the zip's modules: {done.stderr.strip().splitlines()[-1:]}",
            hint="--no-bytecode leaves it out; the function's first call then takes longer.",
        )
