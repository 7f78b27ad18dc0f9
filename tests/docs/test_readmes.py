"""READMEs and the pages for contributors: each package has a README of at most 40 lines, and every file named exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "windlass"
PACKAGES = sorted(path.parent for path in SOURCE.glob("*/__init__.py"))
PAGES = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "README.md", "local/README.md", "docs/architecture.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
    *(package / "README.md" for package in PACKAGES),
]
USER_FILES = {"windlass.toml"}
FILE = re.compile(r"[\w<>*./-]+\.(?:cfg|css|html|js|json|lock|md|mjs|py|rs|sh|svg|tf|toml|txt|yaml|yml)")


def named_files(page: Path) -> list[str]:
    """Return the words in backticks that are names of files, except those of users."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    words = {word for code in re.findall(r"`([^`\n]+)`", text) for word in code.split()}
    return sorted(word for word in words - USER_FILES if FILE.fullmatch(word))


def exists(name: str, folders: list[Path]) -> bool:
    """True when a folder has the file. `<name>`, `NNNN` and `*` stand for any text."""
    pattern = re.sub(r"(?:<[\w-]+>|NNNN|\*)+", "*", name.replace("<service>_<what>", "*"))
    return any(any(folder.glob(pattern)) for folder in folders)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_has_a_readme_of_at_most_40_lines(package):
    lines = (package / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith(f"# {package.name}")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_readme_names_modules_that_exist(package):
    """A name without a folder is a file of the package or its subfolders, or of the root of the repository."""
    bare = [name for name in named_files(package / "README.md") if "/" not in name and not name.startswith("<")]
    assert [name for name in bare if not any(package.rglob(name)) and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_exists(page):
    """A path starts at the page's folder, the package `windlass`, or the root of the repository."""
    paths = [name for name in named_files(page) if "/" in name]
    assert [path for path in paths if not exists(path, [page.parent, SOURCE, ROOT])] == []
