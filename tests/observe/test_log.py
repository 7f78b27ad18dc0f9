"""Secrets never reach a log, whatever key they come under."""

import json

from windlass.core.secret import Secret
from windlass.observe.config import LogConfig
from windlass.observe.log import configure_logging, logger

KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_secrets_are_masked_by_key_type_and_looks(capsys):
    configure_logging(LogConfig(format="json"))
    logger("t").warning(
        "call.failed", secret_access_key="x", session_token="y", wrapped=Secret("z"), said=f"with {KEY} inside",
        signed="Credential=A, Signature=" + "ab" * 32, bucket="my-bucket",
    )  # fmt: skip
    line = json.loads(capsys.readouterr().err)
    assert line["bucket"] == "my-bucket"
    assert line["event"] == "call.failed"
    text = json.dumps(line)
    assert KEY not in text
    assert "ab" * 32 not in text
    assert [line[key] for key in ("secret_access_key", "session_token", "wrapped")] == ["***"] * 3


def test_the_level_is_kept(capsys):
    configure_logging(LogConfig(level="warning", format="json"))
    logger("t").info("quiet.now")
    logger("t").error("loud.now")
    assert "quiet.now" not in (text := capsys.readouterr().err)
    assert "loud.now" in text


def test_a_stderr_that_is_gone_loses_the_line_and_not_the_work(monkeypatch):
    import io
    import sys

    configure_logging(LogConfig(format="json"))
    log = logger("x")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    log.warning("nobody.hears")
    heard = io.StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log.warning("somebody.hears")
    assert "somebody.hears" in heard.getvalue()
    assert "nobody.hears" not in heard.getvalue()
