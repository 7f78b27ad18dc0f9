"""The two distributions of this repository: one version, and the main one works without the embedded AWS."""

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
_WITHOUT_LOCAL = """
import sys

sys.modules |= {"windlass_local": None, "moto": None}
from windlass.cli.main import main
sys.argv = ["windlass", *sys.argv[1:]]
sys.exit(main())
"""


def without_local(*words):
    """Run `windlass …` where the embedded AWS is not installed."""
    command = [sys.executable, "-c", _WITHOUT_LOCAL, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_both_have_one_version():
    assert MAIN["optional-dependencies"]["local"] == [f"{LOCAL['name']}=={LOCAL['version']}"]
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
