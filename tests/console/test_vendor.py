"""What of others is in the package is exactly what its manifest says, and the pages load nothing else."""

import hashlib
import re
import tomllib
from pathlib import Path

import windlass.console

CONSOLE = Path(windlass.console.__file__).parent
VENDOR = CONSOLE / "static" / "vendor"
PACKAGES = tomllib.loads((VENDOR / "MANIFEST.toml").read_text("utf-8"))["package"]


def test_every_vendored_file_is_the_one_in_the_manifest():
    listed = {name: sha256 for package in PACKAGES for name, sha256 in package["sha256"].items()}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.name != "MANIFEST.toml"
    }
    assert found == listed


def test_every_package_says_where_it_is_from_and_under_which_licence():
    for package in PACKAGES:
        assert package["source"] == f"npm:{package['name']}@{package['version']}"
        assert package["licence"] in ("0BSD", "MIT", "Apache-2.0")
        assert any(name.endswith(".LICENSE") for name in package["sha256"])


def test_our_pages_and_scripts_name_only_files_that_are_there():
    ours = [*(CONSOLE / "templates").glob("*.html"), *(CONSOLE / "static").glob("*.js")]
    named = {name for path in ours for name in re.findall(r"[\"'](/static/[^\"'?]+)[\"']", path.read_text("utf-8"))}
    assert "/static/windlass.js" in named
    for name in named:
        assert (CONSOLE / name.lstrip("/")).is_file(), name
