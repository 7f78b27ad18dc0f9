"""exec and python: local commands and functions."""

import json
import sys
import time

import pytest

from windlass.aggregation.actions.base import StartedAction
from windlass.aggregation.actions.exec_ import CommandFailed, Exec
from windlass.aggregation.actions.payload import summary_json
from windlass.aggregation.actions.python_ import Python
from windlass.aggregation.model import Arrival, summarise
from windlass.core.errors import ConfigError

SUMMARY = summarise([Arrival("k", "created", "bucket", "a/ä", 5, "2026-01-01T00:00:00Z")])


def python(source, *arguments, **more):
    return Exec(command=[sys.executable, "-c", source, *arguments], **more)


def test_exec_passes_summary_environment_and_unchanged_arguments(tmp_path, context, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("STAGE", "test")
    out = tmp_path / "out"
    source = "import sys, os, json; json.dump([sys.argv[1:], json.load(sys.stdin), dict(os.environ), os.getcwd()], open('out', 'w'))"
    python(source, "$HOME; echo *", environment=["STAGE", "NOT_SET"], directory=str(tmp_path)).act(SUMMARY, context)
    arguments, document, environment, directory = json.loads(out.read_text())
    assert arguments == ["$HOME; echo *"]
    assert document == summary_json(SUMMARY, context)
    assert directory == str(tmp_path)
    variables = {name: value for name, value in environment.items() if name.startswith("WINDLASS_")}
    assert variables == {
        "WINDLASS_RULE": "uploads",
        "WINDLASS_KEY": "bucket/ä",
        "WINDLASS_ATTEMPT": "attempt-1",
        "WINDLASS_ACCOUNT_ID": "111111111111",
        "WINDLASS_REGION": "eu-west-1",
        "WINDLASS_BUCKET": "bucket",
        "WINDLASS_EVENTS": "1",
        "WINDLASS_FIRST_AT": "2026-01-01T00:00:00Z",
        "WINDLASS_LAST_AT": "2026-01-01T00:00:00Z",
    }
    assert environment["STAGE"] == "test"
    assert not [name for name in environment if name.startswith("AWS_")]


def test_a_failed_command_reports_the_end_of_its_standard_error(context):
    source = "import sys; sys.stderr.write('x' * 100_000 + '\\nthe disk is full\\n'); sys.exit(3)"
    with pytest.raises(CommandFailed, match="exited with 3.*") as caught:
        python(source).act(SUMMARY, context)
    assert caught.value.message.endswith("the disk is full")
    assert len(caught.value.message) < 2500


def test_commands_that_ignore_stdin_succeed_and_killed_ones_fail(context):
    python("pass").act(SUMMARY, context)
    with pytest.raises(CommandFailed, match="signal 9"):
        python("import os; os.kill(os.getpid(), 9)").act(SUMMARY, context)


def test_a_timeout_kills_the_command_and_its_children(tmp_path, context):
    source = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time\\nwhile True: open('alive', 'w').write(str(time.time())); time.sleep(0.02)"])
sys.stderr.write("waiting")
sys.stderr.flush()
time.sleep(60)
"""
    with pytest.raises(CommandFailed, match="did not end in 1.5 s: waiting"):
        python(source, timeout_s=1.5, directory=str(tmp_path)).act(SUMMARY, context)
    alive = tmp_path / "alive"
    assert alive.exists()
    last = alive.read_text()
    time.sleep(0.2)
    assert alive.read_text() == last


def test_a_background_child_does_not_delay_the_action(context):
    source = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])"
    python(source, timeout_s=4).act(SUMMARY, context)


def test_a_missing_command_is_a_config_error(tmp_path, context):
    for action in (
        Exec(command=[str(tmp_path / "nothing")]),
        Exec(command=["true"], directory=str(tmp_path / "nowhere")),
    ):
        with pytest.raises(ConfigError) as caught:
            action.act(SUMMARY, context)
        assert caught.value.hint


@pytest.fixture
def functions(tmp_path, monkeypatch):
    """Create a module on the Python path; return its name."""
    (tmp_path / "my_actions.py").write_text(
        "from windlass.aggregation.actions.base import RetryActionLater, StartedAction\n"
        "seen = []\n"
        "class Deep:\n    @staticmethod\n    def done(summary, context): seen.append((summary, context))\n"
        "def begun(summary, context): return StartedAction((context.attempt,))\n"
        "def later(summary, context): raise RetryActionLater(5, 'not now')\n"
        "def wrong(summary, context): return 7\n"
        "thing = 7\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_actions", raising=False)
    yield "my_actions"
    sys.modules.pop("my_actions", None)


def test_a_python_function_receives_summary_and_context(functions, context):
    assert Python(function="my_actions:Deep.done").act(SUMMARY, context) is None
    assert sys.modules["my_actions"].seen == [(SUMMARY, context)]
    assert Python(function="my_actions:begun").act(SUMMARY, context) == StartedAction(("attempt-1",))
    with pytest.raises(Exception, match="not now") as caught:
        Python(function="my_actions:later").act(SUMMARY, context)
    assert caught.value.after_s == 5


@pytest.mark.parametrize("name", ["my_actions:wrong", "my_actions:gone", "my_actions:thing", "no_such_module:gone"])
def test_an_invalid_python_function_is_a_config_error(functions, context, name):
    with pytest.raises(ConfigError) as caught:
        Python(function=name).act(SUMMARY, context)
    assert caught.value.hint
