"""Recipes of CONTRIBUTING.md, followed on a copy of the tree: the files that they name are enough for the checks they name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0

STEP = '''"""upper-case: ASCII letters as capitals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.model import Output, Source, Step

__all__ = ["STEP"]


def _run(source: Source, _: Mapping[str, Any]) -> Iterator[Output]:
    chunks = (chunk.upper() for chunk in source.chunks)
    yield Output(chunks=chunks, name=source.name, content_type=source.content_type)


STEP = Step(name="upper-case", summary="Write ASCII letters as capitals.", run=_run)
'''
STEP_TEST = """

@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_upper_case_writes_capitals(chunk):
    assert content("upper-case", b"a line", chunk=chunk) == b"A LINE"
"""


class Tree:
    """A copy of this repository's files, where one recipe is followed. Only files that the recipe names can be changed."""

    def __init__(self, root: Path, recipe: str) -> None:
        self.root = root
        for name in ("src", "tests", "docs", "deploy"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".terraform"))
        shutil.copy2(ROOT / "pyproject.toml", root)
        text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
        section = text.partition(f"## {recipe}\n")[2].partition("\n## ")[0]
        self.patterns = [re.sub(r"<\w+>", "[^/]+", path) for path in re.findall(r"`([\w<>./-]+/[\w<>./-]+)`", section)]
        assert self.patterns, f"CONTRIBUTING.md has no recipe {recipe!r}"

    def file(self, name: str) -> Path:
        """Return the path of a file that the recipe names."""
        assert any(re.fullmatch(pattern, name) for pattern in self.patterns), f"the recipe does not name {name}"
        return self.root / name

    def insert(self, name: str, before: str, line: str) -> None:
        """Insert a line before the first line that begins like `before`, in a file that the recipe names."""
        file = self.file(name)
        head, found, tail = file.read_text("utf-8").partition(f"\n{before}")
        assert found, f"{name} has no line {before!r}"
        file.write_text(f"{head}\n{line}{found}{tail}", "utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with the copy's packages."""
        environment = os.environ | {"PYTHONPATH": str(self.root / "src")}
        environment.pop("PYTEST_ADDOPTS", None)
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def passes(self, *tests: str) -> tuple[bool, str]:
        """Run tests of the copy; True when all passed, and the output."""
        done = self.run("-m", "pytest", "-n", "0", "--override-ini", "pythonpath=", "--no-header", *tests)
        return done.returncode == 0, done.stdout + done.stderr


def test_a_pipeline_step_is_added_by_its_recipe(tmp_path):
    tree = Tree(tmp_path, "Add a pipeline step")
    listed = "src/windlass/pipelines/steps/__init__.py"
    tree.file("src/windlass/pipelines/steps/upper_case.py").write_text(STEP, "utf-8")
    tree.insert(listed, "    xz_codec,", "    upper_case,")
    tree.insert(listed, "    checksum.STEP,", "    upper_case.STEP,")
    tree.insert("tests/pipelines/corpus.py", '        "checksum": text,', '        "upper-case": text,')
    with tree.file("tests/pipelines/test_text.py").open("a", encoding="utf-8") as file:
        file.write(STEP_TEST)
    module = "tests/pipelines/test_text.py"
    passed, output = tree.passes(f"{module}::test_every_step_has_help", f"{module}::test_upper_case_writes_capitals")
    assert passed, output
    corpus = tree.run(
        "-c",
        "from tests.pipelines.corpus import corpus; from windlass.pipelines.steps import STEPS; "
        "print({step.name for step in STEPS} - set(corpus()))",
    )
    assert corpus.stdout.strip() == "set()", corpus.stdout + corpus.stderr
    shown = tree.run("-m", "windlass", "pipeline", "transforms", "-o", "csv")
    assert "upper-case" in shown.stdout, shown.stdout + shown.stderr


def test_a_setting_is_added_by_its_recipe(tmp_path):
    tree = Tree(tmp_path, "Add a setting")
    tree.insert(
        "src/windlass/queues/config.py",
        "    prefetch: int",
        '    sample: int = Field(default=5, ge=0, description="A sample setting.")',
    )
    tests = (
        "tests/docs/test_reference.py::test_the_reference_is_up_to_date[settings.md]",
        "tests/docs/test_reference.py::test_every_setting_has_a_description",
        "tests/deploy/test_manifests.py::test_values_schema_names_the_settings_there_are",
    )
    passed, output = tree.passes(*tests)
    assert not passed, "the checks do not notice a new setting"
    for missed in ("test_the_reference_is_up_to_date[settings.md]", "test_values_schema_names_the_settings"):
        assert missed in output, output
    made = tree.run("-m", "windlass.cli.reference", str(tree.file("docs/reference/settings.md").parent))  # `make docs`
    assert made.returncode == 0, made.stderr
    tree.insert(
        "deploy/helm/windlass/values.schema.json",
        '    "prefetch": {',
        '    "sample": {\n     "type": "integer",\n     "minimum": 0\n    },',
    )
    passed, output = tree.passes(*tests)
    assert passed, output
    starter = tree.run("-c", "from windlass.settings.render import starter_file; print(starter_file())")
    assert "sample = 5" in starter.stdout, starter.stderr


def test_a_file_that_a_recipe_does_not_name_cannot_be_changed(tmp_path):
    tree = Tree(tmp_path, "Add a setting")
    with pytest.raises(AssertionError, match="does not name"):
        tree.file("src/windlass/app.py")
