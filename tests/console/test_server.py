"""Starting and stopping: refused where nobody could log in, clear when the port is taken, quiet at Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from windlass.app import App
from windlass.console.server import serve
from windlass.core.errors import ConfigError
from windlass.settings import load


@pytest.fixture
def empty_app(tmp_path):
    with App(load(overrides={"store.url": f"sqlite:///{tmp_path}/w.db"}, environ={}, cwd=tmp_path), environ={}) as app:
        yield app


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_bind_that_others_reach_needs_a_token_first(empty_app, host):
    with pytest.raises(ConfigError, match="without a token") as caught:
        serve(empty_app, host=host, port=0)
    assert "windlass token create" in caught.value.hint


def test_a_taken_port_is_named(empty_app):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)) as caught:
            serve(empty_app, host="127.0.0.1", port=port)
    assert "--port" in caught.value.hint


@pytest.mark.skipif(os.name == "nt", reason="signals to other processes are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_console_without_a_traceback_while_a_page_is_open(tmp_path, number):
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("WINDLASS_", "AWS_"))}
    command = [sys.executable, "-m", "windlass", "--store", f"sqlite:///{tmp_path}/w.db", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as console:
        message = ""
        try:
            while "Console: " not in message:
                line = console.stderr.readline()
                assert line, message
                message += line
            url = re.search(r"http://\S+?(?=\s)", message)[0]
            with httpx.stream("GET", f"{url}/live", timeout=20) as stream:
                next(stream.iter_lines())
                console.send_signal(number)
                assert console.wait(15) in (0, 130)
        finally:
            console.kill()
        message += console.stderr.read()
    assert "Traceback" not in message
