"""The tools that the check runs, from their lock: twine (would PyPI take the files?) and CycloneDX (what do they need?)."""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ToolEnvironment", "without_machine"]

_INSTALLERS = ("pip", "setuptools")


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
        document = without_machine(json.loads(output.read_text("utf-8")))
        output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return len(document["components"])

    def _program(self, name: str) -> str:
        return os.fspath(self.folder / "bin" / name)


def without_machine(document: dict[str, Any]) -> dict[str, Any]:
    """Return a CycloneDX document without the machine that made it: no addresses of its files, and not what `venv` puts into each."""
    installers = {item["bom-ref"] for item in document["components"] if item["name"] in _INSTALLERS}
    components = [
        item
        | {"externalReferences": [link for link in item["externalReferences"] if not link["url"].startswith("file:")]}
        if "externalReferences" in item
        else item
        for item in document["components"]
        if item["bom-ref"] not in installers
    ]
    dependencies = [
        item | {"dependsOn": [ref for ref in item["dependsOn"] if ref not in installers]}
        if "dependsOn" in item
        else item
        for item in document.get("dependencies", ())
        if item["ref"] not in installers
    ]
    return document | {"components": components, "dependencies": dependencies}
