"""`windlass` commands in processes of their own that start in milliseconds: forked from one that has imported everything.

A new interpreter imports for one to two seconds of CPU before a command does anything, and tests run thousands. The real
start (`python -m windlass`) is tested where it matters: the demo, the console, the container, `--help`.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

import pytest

__all__ = ["ForkedCommand", "run_windlass", "start_windlass"]

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
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as expired:
            process.kill()
            process.wait()
            raise subprocess.TimeoutExpired(expired.cmd, timeout, output=_text(out), stderr=_text(err)) from None
        return subprocess.CompletedProcess(process.args, process.returncode, _text(out), _text(err))


def start_windlass(words, *, cwd, env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
    """Start `windlass WORDS`, as subprocess.Popen does with `text=True`; the streams are open files, PIPE or DEVNULL.

    It shares the cache of this run, unless `env` names another: what fills it takes seconds of CPU.
    """
    env = {name: os.environ[name] for name in ("XDG_CACHE_HOME",) if name in os.environ} | dict(env)
    for listener in LISTENERS:
        listener([sys.executable, "-m", "windlass", *words])
    return ForkedCommand([str(word) for word in words], cwd, env, (stdin, stdout, stderr))


class ForkedCommand:
    """A running `windlass`, with what tests use of a Popen."""

    def __init__(self, words, cwd, env, streams):
        self.args = ["windlass", *words]
        with contextlib.ExitStack() as stack:
            theirs, ours = zip(*(_ends(stream, number, stack) for number, stream in enumerate(streams)), strict=True)
            self.stdin, self.stdout, self.stderr = ours
            files = [_CONTEXT.reducer.DupFd(file.fileno()) for file in theirs]
            self._process = _CONTEXT.Process(target=_become_windlass, args=(words, str(cwd), env, files))
            self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self._process.exitcode

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self._process.exitcode

    def communicate(self, timeout=None):
        """What is left on stdout and stderr, once it has ended; None for a stream that is no pipe."""
        texts = {}
        pipes = [pipe for pipe in (self.stdout, self.stderr) if pipe is not None and not pipe.closed]
        readers = [threading.Thread(target=lambda pipe=pipe: texts.update({pipe: pipe.read()})) for pipe in pipes]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join()
        self._close()
        return texts.get(self.stdout), texts.get(self.stderr)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def _close(self):
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wait()
        self._close()


def _ends(stream, number, stack):
    """The process's end of a stream, which `stack` closes unless it is the caller's file, and the test's end of a pipe."""
    if stream == subprocess.DEVNULL:
        return stack.enter_context(Path(os.devnull).open("r+")), None
    if stream != subprocess.PIPE:
        return stream, None
    read, write = os.pipe()
    if number == 0:
        return stack.enter_context(os.fdopen(read)), os.fdopen(write, "w")
    return stack.enter_context(os.fdopen(write, "w")), os.fdopen(read)


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
