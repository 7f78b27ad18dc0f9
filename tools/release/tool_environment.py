"""The tools that the check runs, from their lock: twine (would PyPI take the files?) and CycloneDX (what do they need?)."""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ToolEnvironment"]


@dataclass(frozen=True)
class ToolEnvironment:
    """The virtual environment that `make release-check` fills from requirements/release.lock."""

    folder: Path

    def metadata_faults(self, files: Iterable[Path]) -> list[str]:
        """Return what `twine check --strict` finds: metadata that PyPI refuses, a README that it cannot render."""
        command = [self._program("twine"), "--no-color", "check", "--strict", *map(os.fspath, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [f"twine: {done.stdout}{done.stderr}"] if done.returncode else []

    def write_components(self, python: Path, project: Path, output: Path) -> int:
        """Write the CycloneDX list of what is installed for `python`, for the project; return how many components it has."""
        command = [self._program("cyclonedx-py"), "environment", "--pyproject", os.fspath(project)]
        command += ["--output-reproducible", "--of", "JSON", "-o", os.fspath(output), os.fspath(python)]
        subprocess.run(command, capture_output=True, text=True, check=True)
        return len(json.loads(output.read_text("utf-8"))["components"])

    def _program(self, name: str) -> str:
        return os.fspath(self.folder / "bin" / name)
