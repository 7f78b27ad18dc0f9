"""`windlass` commands in processes of their own that start in milliseconds: forked from one that has imported everything.

A new interpreter imports for one to two seconds of CPU before a command does anything, and tests run thousands. The real
start (`python -m windlass`) is tested where it matters: workers that are killed, the demo, `--help`.
"""

import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
import traceback

import pytest

__all__ = ["run_windlass", "start_windlass"]

PRELOADED = [
    "boto3",
    "botocore.session",
    "jmespath",
    "pydantic",
    "rich.console",
    "rich.table",
    "sqlalchemy",
    "tests.preloaded",
]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(PRELOADED)
LISTENERS = []
"""Called with the words of every command that is run; tests/privilege.py is one."""


def run_windlass(words, *, cwd, env, stdin="", timeout=120):
    """Run `windlass WORDS`, as subprocess.run does with captured text; TimeoutExpired after `timeout` seconds."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process = start_windlass(words, cwd=cwd, env=env, stdin=given, stdout=out, stderr=err)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["windlass", *words], timeout, output=_text(out), stderr=_text(err))
        return subprocess.CompletedProcess(["windlass", *words], process.exitcode, _text(out), _text(err))


def start_windlass(words, *, cwd, env, stdin, stdout, stderr):
    """Start `windlass WORDS` with these open files; a multiprocessing Process (`pid`, `join`, `exitcode`, `kill`)."""
    for listener in LISTENERS:
        listener([sys.executable, "-m", "windlass", *words])
    files = [_CONTEXT.reducer.DupFd(file.fileno()) for file in (stdin, stdout, stderr)]
    process = _CONTEXT.Process(
        target=_become_windlass, args=([str(word) for word in words], str(cwd), dict(env), files)
    )
    process.start()
    return process


def _text(file):
    file.seek(0)
    return file.read().decode()


def _become_windlass(words, cwd, env, files):
    """In the forked process: take the place of `python -m windlass`."""
    for number, file in enumerate(files):
        os.dup2(file.detach(), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", write_through=True)
    sys.argv = ["windlass", *words]
    sys.path[:0] = ["", *env.get("PYTHONPATH", "").split(os.pathsep)]
    code = 0
    try:
        from windlass.cli.main import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for file in (sys.stdout, sys.stderr):
        file.flush()
    os._exit(code)


@pytest.fixture
def heard_commands():
    """The words of every command that ran during the test."""
    words = []
    LISTENERS.append(words.append)
    yield words
    LISTENERS.remove(words.append)
