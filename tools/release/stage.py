"""A copy of a commit to build from, with the repository's address where PyPI's page needs it."""

import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tools.release.links import Repository, absolute_links

__all__ = ["FOLDERS", "Commit", "head_commit", "project_urls", "stage"]

FOLDERS = ("", "local")  # the folders of the two distributions


@dataclass(frozen=True)
class Commit:
    """The commit that is built: its id, its time (seconds since 1970), and whether files differ from it."""

    id: str
    time_s: int
    dirty: bool


def head_commit(root: Path) -> Commit:
    """Return the commit that is checked out in `root`."""
    revision, time_s = _git(root, "log", "-1", "--format=%H %ct").split()
    return Commit(revision, int(time_s), dirty=bool(_git(root, "status", "--porcelain", "--untracked-files=no")))


def stage(root: Path, folder: Path, repository: Repository) -> None:
    """Write the files of the commit that is checked out in `root` into `folder`, addresses filled in."""
    archive = folder.with_suffix(".tar")
    _git(root, "archive", "--format=tar", "-o", os.fspath(archive), "HEAD")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()
    for name in FOLDERS:
        readme, project = folder / name / "README.md", folder / name / "pyproject.toml"
        readme.write_text(absolute_links(readme.read_text("utf-8"), repository, name), "utf-8")
        project.write_text(f"{project.read_text('utf-8')}\n{project_urls(repository, name)}", "utf-8")


def project_urls(repository: Repository, folder: str = "") -> str:
    """Return the TOML table `[project.urls]` of the distribution in `folder`."""
    changelog = f"{folder}/CHANGELOG.md" if folder else "CHANGELOG.md"
    urls = {
        "Source": repository.url,
        "Documentation": repository.page("docs/README.md"),
        "Changelog": repository.page(changelog),
        "Issues": f"{repository.url}/issues",
        "Security": f"{repository.url}/security/policy",
    }
    return "[project.urls]\n" + "".join(f'{name} = "{url}"\n' for name, url in urls.items())


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout
