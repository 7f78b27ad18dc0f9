"""Zips of functions made quickly: each is for one test, and unpacked once.

Most have the same modules and another configuration: their bytecode is compiled once in a run. tests/deploy/test_bundle.py makes
zips as they are deployed.
"""

import functools
import hashlib
import os
import pickle
import tempfile
from pathlib import Path

import windlass.deploy.archive
import windlass.deploy.function_zip

__all__ = ["make_quickly"]


def make_quickly(set_attribute=setattr):
    """Compress little, and keep bytecode in the run's cache; a monkeypatch's `setattr` undoes it."""
    compiled = functools.partial(_bytecode, windlass.deploy.function_zip.bytecode)
    set_attribute(windlass.deploy.archive, "_LEVEL", 1)
    set_attribute(windlass.deploy.function_zip, "bytecode", compiled)


def _bytecode(compile_, entries, python, **options):
    entries = list(entries)
    digest = hashlib.sha256(repr((python, sorted(options.items()))).encode())
    for entry in entries:
        if entry.path.endswith(".py"):
            digest.update(f"{entry.path} {len(entry.content)} ".encode() + entry.content)
    folder = Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / "bytecode"
    file = folder / digest.hexdigest()
    if file.exists():
        return pickle.loads(file.read_bytes())
    compiled = compile_(entries, python, **options)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as written:
        pickle.dump(compiled, written)
    Path(written.name).replace(file)
    return compiled
