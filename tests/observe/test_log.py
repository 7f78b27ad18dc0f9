"""Secrets never appear in a log, in any key."""

import json
import logging
import subprocess
import sys

import pytest

from tests.inventory.planted import planted
from windlass.core.secret import Secret
from windlass.observe.config import LogConfig
from windlass.observe.log import configure_logging, logger

KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_secrets_are_masked_by_key_type_and_pattern(capsys):
    configure_logging(LogConfig(format="json"))
    logger("t").warning(
        "call.failed",
        secret_access_key="x",
        session_token="y",
        wrapped=Secret("z"),
        said=f"with {KEY} inside",
        signed="Credential=A, Signature=" + "ab" * 32,
        bucket="my-bucket",
    )
    line = json.loads(capsys.readouterr().err)
    assert line["bucket"] == "my-bucket"
    assert line["event"] == "call.failed"
    text = json.dumps(line)
    assert KEY not in text
    assert "ab" * 32 not in text
    assert [line[key] for key in ("secret_access_key", "session_token", "wrapped")] == ["***"] * 3


def test_the_log_level_is_respected(capsys):
    configure_logging(LogConfig(level="warning", format="json"))
    logger("t").info("quiet.now")
    logger("t").error("loud.now")
    assert "quiet.now" not in (text := capsys.readouterr().err)
    assert "loud.now" in text


def test_a_closed_stderr_loses_the_line_but_does_not_raise(monkeypatch):
    import io
    import sys

    configure_logging(LogConfig(format="json"))
    log = logger("x")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    log.warning("nobody.hears")
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    log.warning("somebody.hears")
    assert "somebody.hears" in stderr.getvalue()
    assert "nobody.hears" not in stderr.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_masked_in_any_key_at_any_depth_and_in_tracebacks(capsys, form):
    configure_logging(LogConfig(format=form))
    for name, (secret, text) in planted().items():
        try:
            raise ValueError(f"could not read {text!r}")
        except ValueError:
            logger("t").exception(
                "it.failed", detail=text, deep={"list": [text, {"key": text}]}, thing=ValueError(text)
            )
            logging.getLogger("library").exception("failed with %s", text)
        logger("t").warning(text)
        printed = capsys.readouterr().err
        assert "it.failed" in printed
        assert printed.count("ValueError") >= 2
        for part in (line for line in secret.split("\n") if not line.startswith("-----")):
            assert part not in printed, name


def test_variables_of_frames_are_not_logged(capsys):
    configure_logging(LogConfig(format="json"))

    def fail():
        plain_word = "hunter2-correct-horse"
        raise ValueError(len(plain_word))

    try:
        fail()
    except ValueError:
        logger("t").exception("it.failed")
    printed = capsys.readouterr().err
    assert '"exc_type": "ValueError"' in printed
    assert "hunter2-correct-horse" not in printed


@pytest.mark.parametrize(
    "piece",
    [
        "key",
        "key=",
        "pwd=",
        "key='",
        "pwd='",
        "://a:",
        'token\\"',
        "${",
        "{{resolve:",
        "arn:aws:",
        "eyJabcdefghi.",
        "pwd: arn:aws:x ",
        "-----BEGIN PRIVATE KEY-----",
        "redacted:a:",
        "--pwd ",
        " ",
        "a-",
        "password ",
    ],
)
def test_masking_takes_time_linear_in_the_length_of_the_text(piece):
    """Measure the CPU time of a separate process: linear code takes a twentieth of the limit on any machine."""
    text = piece * (100_000 // len(piece))
    completed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import resource, sys\nfrom windlass.core.secret_values import simple_mask\n"
            "resource.setrlimit(resource.RLIMIT_CPU, (6, 6))\nsimple_mask(sys.stdin.read())",
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, "masking 100 kB took more than 6 s of CPU time"
