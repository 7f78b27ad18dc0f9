"""Windlass opens as many files as the machine allows."""

import json
import subprocess
import sys

import pytest

from windlass.core.limits import raise_file_limit

LIMITS = "import json, resource; print(json.dumps(resource.getrlimit(resource.RLIMIT_NOFILE)))"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_the_soft_limit_of_open_files_is_the_hard_one_from_the_start():
    """Shells give 1,024 of a hard limit that is far larger: a console with a thousand streams would stop there."""
    script = (
        "import resource, sys\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(hard, 4096) if hard > 0 else 4096))\n"
        "import windlass.cli.main as m\n"
        "m._run = lambda *_, **__: exec(sys.argv[1]) or 0\n"
        "m.main(['--version'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, LIMITS], capture_output=True, text=True, timeout=60, check=False
    )
    soft, hard = json.loads(ran.stdout)
    assert soft == hard > 256, ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_raising_it_again_changes_nothing():
    assert raise_file_limit() == raise_file_limit() > 0
