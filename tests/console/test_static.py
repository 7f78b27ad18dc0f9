"""Pages and scripts load only files of ours that exist; nobody else's code is shipped."""

import re
from pathlib import Path

import windlass.console

CONSOLE = Path(windlass.console.__file__).parent


def test_pages_and_scripts_name_only_files_that_exist():
    ours = [*(CONSOLE / "templates").glob("*.html"), *(CONSOLE / "static").glob("*.js")]
    named = {name for path in ours for name in re.findall(r"[\"'](/static/[^\"'?]+)[\"']", path.read_text("utf-8"))}
    named |= {
        f"/static/{name}"
        for path in (CONSOLE / "static").glob("*.js")
        for name in re.findall(r"import [\"']\./([^\"']+)[\"']", path.read_text("utf-8"))
    }
    assert {"/static/windlass.js", "/static/live.js"} <= named
    for name in named:
        assert (CONSOLE / name.lstrip("/")).is_file(), name


def test_every_script_is_small_enough_to_be_read():
    for path in (CONSOLE / "static").rglob("*.js"):
        assert path.stat().st_size < 20_000, path
