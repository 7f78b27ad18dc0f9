"""Build the distributions, check them, and try them in clean environments: `python -m tools.release --help`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tools.release import distributions
from tools.release.environments import PYTHONS, CommandFailed, find_pythons
from tools.release.links import Repository
from tools.release.stage import head_commit, stage
from tools.release.tool_environment import ToolEnvironment
from tools.release.trial import try_wheels
from tools.release.versions import changelog_faults, read_versions, version_faults

ROOT = Path(__file__).parents[2]
# `.invalid` belongs to nobody (RFC 2606): a check without an address must not point at a stranger's repository.
PLACEHOLDER = "https://repository.invalid/windlass"
PACKAGES = {"windlass-aws": "src/windlass", "windlass-aws-local": "local/src/windlass_local"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 when a check failed."""
    options = _parser().parse_args(arguments)
    faults: list[str] = []
    if options.part != "try":
        faults += _build(options)
    if options.part != "build" and not faults:
        faults += _try(options)
    for fault in faults:
        print(f"{'FAIL':<8}{fault}", flush=True)
    print(f"release check: {len(faults)} failures" if faults else "release check: passed; nothing was published")
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=("all", "build", "try"), default="all", help="build, or try what was built"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="folder of the distributions")
    parser.add_argument("--repository", default=os.environ.get("REPOSITORY_URL") or PLACEHOLDER, help="its address")
    parser.add_argument("--tag", default="", help="check for the release of this tag, such as v1.2.3")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="only these versions")
    parser.add_argument(
        "--tools", type=Path, default=ROOT / ".tools/release", help="environment of twine and CycloneDX"
    )
    return parser


def _build(options: argparse.Namespace) -> list[str]:
    versions = read_versions(ROOT)
    faults = version_faults(versions, options.tag) + changelog_faults(ROOT, versions["pyproject.toml"], options.tag)
    commit = head_commit(ROOT)
    if commit.dirty:
        _report("note", "changed files are left out: the commit that is checked out is what is built")
    if options.repository == PLACEHOLDER:
        _report("note", f"links point to {PLACEHOLDER}: give --repository or REPOSITORY_URL")
    repository = Repository(options.repository.rstrip("/"), options.tag or commit.id)
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name) / "staged"
        stage(ROOT, staged, repository)
        for file in options.dist.glob("windlass_aws*"):
            file.unlink()
        distributions.build(staged, options.dist, time_s=commit.time_s)
        files = _files(options.dist)
        again = distributions.build(staged, Path(name) / "again", time_s=commit.time_s)
        if distributions.digests(files) != distributions.digests(again):
            faults.append("two builds of one commit differ")
        for distribution, package in PACKAGES.items():
            wheel = distributions.wheel_of(files, distribution)
            faults += [f"{wheel.name} lacks {path}" for path in distributions.missing_files(wheel, staged / package)]
            faults += distributions.metadata_faults(wheel)
    faults += ToolEnvironment(options.tools).metadata_faults(files)
    for file in files:
        _report("built", f"{file.name}  {file.stat().st_size / 1e6:.2f} MB")
    _report(
        "ok" if not faults else "note",
        f"version {versions['pyproject.toml']} in {len(versions)} places; built twice; metadata read",
    )
    return faults


def _try(options: argparse.Namespace) -> list[str]:
    files = _files(options.dist)
    main_wheel, local_wheel = (distributions.wheel_of(files, distribution) for distribution in PACKAGES)
    version = main_wheel.name.split("-")[1]
    pythons = find_pythons(options.python or PYTHONS)
    for absent in set(options.python or PYTHONS) - set(pythons):
        _report("note", f"no Python {absent} on this machine: not tried")
    faults = [] if pythons else ["no Python to try the wheels with"]
    for name, python in pythons.items():
        report = partial(_report, f"py{name}")
        with tempfile.TemporaryDirectory() as folder:
            try:
                environment = try_wheels(python, Path(folder), main_wheel, local_wheel, version=version, report=report)
            except CommandFailed as error:
                faults.append(f"Python {name}: {error}")
                continue
            if name == min(pythons):
                _write_components(options, environment.python, version)
    return faults


def _write_components(options: argparse.Namespace, python: Path, version: str) -> None:
    output = options.dist / f"windlass-aws-{version}.cdx.json"
    count = ToolEnvironment(options.tools).write_components(python, ROOT / "pyproject.toml", output)
    _report("sbom", f"{output.name}: {count} components")


def _files(dist: Path) -> list[Path]:
    return sorted(file for file in dist.glob("windlass_aws*") if file.suffix in (".whl", ".gz"))


def _report(kind: str, text: str) -> None:
    print(f"{kind:<8}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
