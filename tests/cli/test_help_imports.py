"""Help is fast because it imports nothing that a command needs only when it runs."""

import json
import subprocess
import sys

from windlass.cli.reference import walk

HEAVY = ("boto3", "botocore", "sqlalchemy", "alembic", "fastapi", "pydantic", "structlog", "orjson", "jinja2", "rich")
SCRIPT = """
import contextlib, io, json, sys
from windlass.cli.main import _run
found = {}
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = _run([*words, "--help"], debug=False)
    assert (code, "Usage:" in out.getvalue()) == (0, True), words
    for name in json.loads(sys.argv[2]):
        if name in sys.modules:
            found.setdefault(name, " ".join(words))
print(json.dumps(found))
"""


def test_no_help_imports_a_heavy_module():
    """All helps in one process: the first command that imports a module is named."""
    words = [[], *(name.split() for name, _ in walk())]
    command = [sys.executable, "-c", SCRIPT, json.dumps(words), json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == {}
