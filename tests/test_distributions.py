"""The two distributions of this repository: one version, and the main one works without the embedded AWS."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import windlass
import windlass_local

ROOT = Path(__file__).parents[1]
MAIN = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCAL = tomllib.loads((ROOT / "local/pyproject.toml").read_text("utf-8"))["project"]
# As on a machine where the embedded AWS is not installed: importing it fails, and finding it finds nothing.
_WITHOUT = """
import sys

sys.modules |= dict.fromkeys(sys.argv.pop(1).split(","))
from windlass.cli.main import main
sys.argv = ["windlass", *sys.argv[1:]]
sys.exit(main())
"""


def without(modules, *words, **environ):
    """Run `windlass …` where these modules are not installed."""
    command = [sys.executable, "-c", _WITHOUT, ",".join(modules), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | environ)


def without_local(*words):
    """Run `windlass …` where the embedded AWS is not installed."""
    return without(["windlass_local", "moto"], *words)


def test_both_have_one_version():
    assert MAIN["optional-dependencies"]["local"] == [
        f"{LOCAL['name']}=={LOCAL['version']}",
        "windlass-aws[server]",
    ]
    assert {MAIN["version"], LOCAL["version"], windlass.__version__, windlass_local.__version__} == {"0.1.0"}


def test_without_the_embedded_aws_its_commands_name_the_remedy(tmp_path):
    for words in (["local", "up"], ["demo", "--folder", str(tmp_path / "demo")]):
        ended = without_local(*words)
        assert ended.returncode == 253, ended.stderr
        assert "pip install 'windlass-aws[local]'" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_without_the_embedded_aws_every_other_command_works():
    assert without_local("--version").stdout.startswith("windlass ")
    ended = without_local("local", "status", "--url", "http://127.0.0.1:1")
    assert (ended.returncode, "no embedded AWS" in ended.stderr) == (254, True)


# What the extras bring, by module: the core has none of it.
_OF_EXTRAS = [
    *(
        "fastapi",
        "starlette",
        "sse_starlette",
        "multipart",
        "python_multipart",
        "uvloop",
        "zstandard",
        "isal",
        "msgspec",
    ),
    *("psycopg", "authlib", "pyarrow", "duckdb", "PIL", "windlass_local", "moto"),
]


def test_a_core_install_reads_configures_and_names_the_extra_of_what_it_lacks(tmp_path):
    store = {"WINDLASS_STORE_URL": f"sqlite:///{tmp_path}/windlass.db"}
    for words in (
        ["inventory", "list"],
        ["policy", "inventory"],
        ["jobs", "list"],
        ["check", "list"],
        ["token", "list"],
    ):
        ended = without(_OF_EXTRAS, *words, **store)
        assert ended.returncode == 0, ended.stderr
    for words in (["serve"], ["up"]):
        ended = without(_OF_EXTRAS, *words, **store)
        assert (ended.returncode, "pip install 'windlass-aws[server]'" in ended.stderr) == (253, True), ended.stderr
        assert "Traceback" not in ended.stderr


def test_no_file_tells_a_user_to_install_a_strangers_distribution():
    """PyPI's `windlass` is another project."""
    install = re.compile(r"(?:pip|pipx|uv|uvx)\s+(?:tool\s+)?(?:install|run|add)\s[^\n|#]*?[\"' ]windlass(?![\w-])")
    named = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in named:
        path = ROOT / name
        if path.suffix in (".md", ".py", ".yml", ".yaml", ".toml", ".tf", ".html", ".txt", "") and path.is_file():
            text = path.read_text("utf-8", errors="replace")
            assert not install.search(text), (name, install.search(text))
