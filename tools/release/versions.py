"""One version in every file that names it, and the changelog's section of it."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["changelog_faults", "read_versions", "version_faults"]

_CHANGELOGS = ("CHANGELOG.md", "local/CHANGELOG.md")
_PATTERNS = (
    ("src/windlass/__init__.py", r'^__version__ = "(.+)"$'),
    ("local/src/windlass_local/__init__.py", r'^__version__ = "(.+)"$'),
    ("deploy/docker/Dockerfile", r'^ARG VERSION="(.+)"$'),
    ("deploy/helm/windlass/Chart.yaml", r"^version: (.+)$"),
    ("deploy/helm/windlass/Chart.yaml", r'^appVersion: "(.+)"$'),
)


def read_versions(root: Path) -> dict[str, str]:
    """Return the version by place of it; a place without one has an empty version."""
    main, local = (_project(root / name) for name in ("pyproject.toml", "local/pyproject.toml"))
    pins = re.findall(r"windlass-aws-local==([^\s\",]+)", " ".join(main["optional-dependencies"]["local"]))
    versions = {
        "pyproject.toml": main["version"],
        "local/pyproject.toml": local["version"],
        "pyproject.toml, extra local": "".join(pins),
    }
    for name, pattern in _PATTERNS:
        match = re.search(pattern, (root / name).read_text("utf-8"), re.MULTILINE)
        place = f"{name}, {pattern[1:].partition(':')[0]}" if name.endswith(".yaml") else name
        versions[place] = match[1] if match else ""
    return versions


def version_faults(versions: Mapping[str, str], tag: str = "") -> list[str]:
    """Return what disagrees with the version of pyproject.toml; `tag` (`v1.2.3`) has to name it, too."""
    version = versions["pyproject.toml"]
    faults = [
        f"{place} has version {other or 'none'}, pyproject.toml {version}"
        for place, other in versions.items()
        if other != version
    ]
    if tag and tag != f"v{version}":
        faults.append(f"the tag is {tag}, pyproject.toml has version {version}: tag v{version}")
    return faults


def changelog_faults(root: Path, version: str, tag: str = "") -> list[str]:
    """Return what is wrong with the changelogs. A tagged release needs a dated section and nothing left unreleased."""
    return [
        f"{name}: {fault}"
        for name in _CHANGELOGS
        for fault in _section_faults((root / name).read_text("utf-8"), version, tagged=bool(tag))
    ]


def _section_faults(text: str, version: str, *, tagged: bool) -> list[str]:
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    bodies = {title.strip(): body.strip() for title, _, body in (section.partition("\n") for section in sections)}
    dated = [title for title in bodies if re.fullmatch(rf"\[?{re.escape(version)}\]? - \d{{4}}-\d\d-\d\d", title)]
    if not tagged:
        return [] if dated or bodies.get("Unreleased") else [f"has neither a section Unreleased nor one of {version}"]
    faults = [] if dated else [f"has no section '{version} - YYYY-MM-DD'"]
    return [*faults, "its section Unreleased is not empty"] if bodies.get("Unreleased") else faults


def _project(file: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))["project"]
    return project
