"""The release check's pure parts: links, versions, changelogs, sizes; and this repository by them."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from tools.release import distributions
from tools.release.environments import installed_bytes
from tools.release.links import Repository, absolute_links, relative_links
from tools.release.stage import FOLDERS, project_urls, stage
from tools.release.tool_environment import without_machine
from tools.release.versions import changelog_faults, read_versions, version_faults

ROOT = Path(__file__).parents[2]
REPOSITORY = Repository("https://repository.invalid/windlass", "v1.2.3")
PAGE = "https://repository.invalid/windlass/blob/v1.2.3"
CONTENT = "https://repository.invalid/windlass/raw/v1.2.3"


@pytest.mark.parametrize(
    ("text", "folder", "expected"),
    [
        ("[guide](docs/README.md)", "", f"[guide]({PAGE}/docs/README.md)"),
        ("[guide](docs/README.md#start)", "", f"[guide]({PAGE}/docs/README.md#start)"),
        ("[decisions](docs/decisions/)", "", f"[decisions]({PAGE}/docs/decisions)"),
        ("![the console](docs/images/overview.png)", "", f"![the console]({CONTENT}/docs/images/overview.png)"),
        ("[![it](a.png)](b.md)", "", f"[![it]({CONTENT}/a.png)]({PAGE}/b.md)"),
        ("[up](../docs/x.md) [own](src/y.md)", "local", f"[up]({PAGE}/docs/x.md) [own]({PAGE}/local/src/y.md)"),
        ("[moto](https://docs.getmoto.org) [below](#use) [to](mailto:a@b)", "", None),
        ("```console\n$ echo [a](b)\n```\n", "", None),
        ("a[1](see) `x`", "", f"a[1]({PAGE}/see) `x`"),
    ],
)
def test_relative_links_become_absolute_and_others_stay(text, folder, expected):
    changed = absolute_links(text, REPOSITORY, folder)
    assert changed == (text if expected is None else expected)
    assert relative_links(changed) == []


def test_a_link_out_of_the_repository_is_refused():
    with pytest.raises(ValueError, match=r"\.\./\.\./secret"):
        absolute_links("[x](../../secret)", REPOSITORY, "local")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_link_of_our_readmes_leads_somewhere(folder):
    text = (ROOT / folder / "README.md").read_text("utf-8")
    targets = [target.partition("#")[0] for target in relative_links(text)]
    assert targets
    assert [target for target in targets if not (ROOT / folder / target).exists()] == []


def test_the_addresses_are_valid_toml_and_lead_to_files():
    for folder in FOLDERS:
        urls = tomllib.loads(project_urls(REPOSITORY, folder))["project"]["urls"]
        paths = [url.removeprefix(f"{PAGE}/") for url in urls.values() if url.startswith(PAGE)]
        assert len(paths) == 2
        assert all((ROOT / path).exists() for path in paths)


def test_this_repository_has_one_version_and_changelogs():
    versions = read_versions(ROOT)
    assert len(versions) == 8
    assert version_faults(versions) == []
    assert version_faults(versions, f"v{versions['pyproject.toml']}") == []
    assert changelog_faults(ROOT, versions["pyproject.toml"]) == []


@pytest.mark.parametrize("place", [place for place in read_versions(ROOT) if place != "pyproject.toml"])
def test_a_version_that_differs_or_is_missing_is_named(place):
    versions = read_versions(ROOT)
    for other in ("9.9.9", ""):
        (fault,) = version_faults(versions | {place: other})
        assert fault.startswith(place)


def test_a_tag_of_another_version_is_named():
    (fault,) = version_faults(read_versions(ROOT), "v9.9.9")
    assert "the tag is v9.9.9" in fault


@pytest.mark.parametrize(
    ("changelog", "untagged", "tagged"),
    [
        ("## Unreleased\n\n- a\n", [], ["has no section '1.2.3 - YYYY-MM-DD'", "its section Unreleased is not empty"]),
        ("## Unreleased\n\n## 1.2.3 - 2026-12-01\n- a\n", [], []),
        ("## [1.2.3] - 2026-12-01\n- a\n", [], []),
        (
            "## 1.2.3\n- a\n",
            ["has neither a section Unreleased nor one of 1.2.3"],
            ["has no section '1.2.3 - YYYY-MM-DD'"],
        ),
        (
            "## 11.2.3 - 2026-12-01\n- a\n",
            ["has neither a section Unreleased nor one of 1.2.3"],
            ["has no section '1.2.3 - YYYY-MM-DD'"],
        ),
    ],
)
def test_a_release_has_a_dated_section(tmp_path, changelog, untagged, tagged):
    (tmp_path / "local").mkdir()
    for name in ("CHANGELOG.md", "local/CHANGELOG.md"):
        (tmp_path / name).write_text("# Changelog\n\n" + changelog)
    for tag, expected in (("", untagged), ("v1.2.3", tagged)):
        faults = changelog_faults(tmp_path, "1.2.3", tag)
        assert faults == [f"{name}: {fault}" for name in ("CHANGELOG.md", "local/CHANGELOG.md") for fault in expected]


def test_the_size_leaves_out_installers_and_bytecode(tmp_path):
    for name, size in (
        ("a/b.py", 10),
        ("a/__pycache__/b.pyc", 100),
        ("pip/x.py", 1000),
        ("pip-24.dist-info/R", 1),
        ("c.py", 5),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    assert installed_bytes(tmp_path) == 15


def test_both_distributions_carry_one_licence():
    assert (ROOT / "local/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.timeout(120)
def test_a_staged_wheel_has_absolute_links_addresses_and_every_file(tmp_path):
    """The smaller distribution, from a repository with only its files: sdist, wheel from the sdist, the same bytes twice."""
    copy = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", copy], check=True)
    names = subprocess.run(
        ["git", "ls-files", "local", "README.md", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in names.stdout.split():
        if not name.startswith("local/tests") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    subprocess.run(["git", "add", "-A"], cwd=copy, check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "x"], cwd=copy, check=True)
    stage(copy, tmp_path / "staged", REPOSITORY)
    digests = []
    for turn in ("first", "second"):
        output = tmp_path / turn
        distributions.build(tmp_path / "staged", output, time_s=1_700_000_000, folders=("local",))
        digests.append(distributions.digests(output.iterdir()))
    assert digests[0] == digests[1]
    wheel = distributions.wheel_of((tmp_path / "first").iterdir(), "windlass-aws-local")
    assert distributions.metadata_faults(wheel) == []
    assert distributions.missing_files(wheel, ROOT / "local/src/windlass_local") == []
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("METADATA"))).decode()
    assert f"{PAGE}/local/CHANGELOG.md" in metadata
    assert f"Project-URL: Source, {REPOSITORY.url}" in metadata
    with tarfile.open(next((tmp_path / "first").glob("*.tar.gz"))) as sdist:
        assert {member.mtime for member in sdist.getmembers()} == {1_700_000_000}


def test_a_wheel_without_links_licence_or_files_is_refused(tmp_path):
    wheel = tmp_path / "windlass_aws-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("windlass_aws-1.dist-info/METADATA", "Name: x\nClassifier: y\n\n[guide](docs/README.md)\n")
        archive.writestr("windlass/a.py", "")
    (tmp_path / "windlass").mkdir()
    (tmp_path / "windlass/a.py").touch()
    (tmp_path / "windlass/page.html").touch()
    assert distributions.missing_files(wheel, tmp_path / "windlass") == ["windlass/page.html", "LICENSE"]
    faults = [fault.partition(": ")[2] for fault in distributions.metadata_faults(wheel)]
    assert faults == [
        "the README's link docs/README.md is relative",
        "no Project-URL",
        "no License-Expression",
        "no Requires-Python",
    ]


def test_the_list_of_components_names_no_file_of_the_machine():
    document = {
        "specVersion": "1.6",
        "components": [
            {
                "bom-ref": "a",
                "name": "a",
                "externalReferences": [{"url": "file:///x/a.whl"}, {"url": "https://a.invalid"}],
            },
            {"bom-ref": "b", "name": "b"},
            {"bom-ref": "pip==1", "name": "pip", "externalReferences": []},
        ],
        "dependencies": [{"ref": "a", "dependsOn": ["b", "pip==1"]}, {"ref": "pip==1"}],
    }
    assert without_machine(document) == {
        "specVersion": "1.6",
        "components": [
            {"bom-ref": "a", "name": "a", "externalReferences": [{"url": "https://a.invalid"}]},
            {"bom-ref": "b", "name": "b"},
        ],
        "dependencies": [{"ref": "a", "dependsOn": ["b"]}],
    }


def test_the_lock_of_the_tools_has_hashes_and_no_addresses():
    text = (ROOT / "requirements/release.lock").read_text("utf-8")
    assert "://" not in text
    names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert {"twine", "cyclonedx-bom"} <= set(names)
    assert text.count("--hash=sha256:") >= len(names)


def test_the_command_line_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "tools.release", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert "build, or try what was built" in done.stdout
