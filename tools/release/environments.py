"""Clean virtual environments, one per Python of this machine, and commands tried in them without a checkout on any path."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PYTHONS", "CleanEnvironment", "CommandFailed", "find_pythons", "installed_bytes"]

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_OWN_PREFIXES = ("PYTHON", "WINDLASS_", "AWS_", "VIRTUAL_ENV")
_INSTALLERS = ("pip", "setuptools", "wheel", "_distutils_hack")
_READY_S = 60.0


class CommandFailed(Exception):
    """A command of an environment failed; the text says which, and ends with what it wrote."""


def find_pythons(versions: Iterable[str] = PYTHONS) -> dict[str, Path]:
    """Return the interpreters of this machine by version: on the PATH, or installed by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    pythons = {}
    for version in versions:
        on_path = shutil.which(f"python{version}")
        candidates = sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True) + ([Path(on_path)] if on_path else [])
        usable = [python for python in candidates if _version_of(python) == version]
        if usable:
            pythons[version] = usable[0]
    return pythons


def _version_of(python: Path) -> str:
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def installed_bytes(site: Path) -> int:
    """Return the size of what is installed in a site-packages folder, without installers and compiled bytecode."""
    return sum(
        file.lstat().st_size
        for entry in site.iterdir()
        if not entry.name.startswith(_INSTALLERS)
        for file in ([entry] if entry.is_file() else entry.rglob("*"))
        if file.is_file() and file.suffix != ".pyc"
    )


@dataclass(frozen=True)
class CleanEnvironment:
    """A virtual environment in `folder`; its commands run in an empty folder beside it, with no settings of the caller."""

    folder: Path

    @classmethod
    def create(cls, python: Path, folder: Path) -> "CleanEnvironment":
        """Create the environment with the given interpreter."""
        subprocess.run([python, "-m", "venv", folder / "venv"], env=_clean(os.environ), check=True)
        environment = cls(folder)
        environment.home.mkdir()
        return environment

    @property
    def home(self) -> Path:
        """The folder that commands run in; for `windlass`, also the home folder."""
        return self.folder / "home"

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.folder / "venv/bin/python"

    def site_packages(self) -> Path:
        """Return the folder that distributions are installed into."""
        (site,) = (self.folder / "venv/lib").glob("python3*/site-packages")
        return site

    def install(self, *requirements: str) -> None:
        """Install with pip, wheels only, and check that what is installed fits together."""
        pip = [os.fspath(self.python), "-m", "pip", "--disable-pip-version-check"]
        self._run([*pip, "install", "--quiet", "--no-compile", "--only-binary", ":all:", *requirements], 600)
        self._run([*pip, "check"], 120)

    def windlass(self, *words: str, timeout_s: float = 180) -> str:
        """Run `windlass …` and return what it prints; raise CommandFailed when it fails."""
        return self._run([os.fspath(self.folder / "venv/bin/windlass"), *words], timeout_s, own_home=True)

    def serve(self) -> str:
        """Start `windlass serve`, wait until it names its address, stop it, and return the line with the address."""
        command = [os.fspath(self.folder / "venv/bin/windlass"), "serve", "--port", "0"]
        log = self.folder / "serve.log"
        environ = _clean(os.environ) | {"HOME": os.fspath(self.home)}
        with (
            log.open("w") as output,
            subprocess.Popen(command, cwd=self.home, env=environ, stdout=output, stderr=output) as process,
        ):
            deadline = time.monotonic() + _READY_S
            while "http://" not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        lines = [line.strip() for line in log.read_text().splitlines() if "http://" in line]
        if not lines:
            raise CommandFailed(f"windlass serve named no address:\n{log.read_text()[-2000:]}")
        return lines[0]

    def _run(self, command: list[str], timeout_s: float, *, own_home: bool = False) -> str:
        environ = _clean(os.environ) | ({"HOME": os.fspath(self.home)} if own_home else {})
        try:
            done = subprocess.run(
                command, cwd=self.home, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"{' '.join(command)}: no end after {timeout_s:.0f} s") from error
        if done.returncode:
            output = (done.stdout + done.stderr)[-2000:]
            raise CommandFailed(f"{' '.join(command)}: exit code {done.returncode}\n{output}")
        return done.stdout + done.stderr


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what names another Python, a checkout, credentials or settings."""
    return {name: value for name, value in environ.items() if not name.startswith(_OWN_PREFIXES)}
