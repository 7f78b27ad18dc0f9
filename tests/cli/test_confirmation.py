"""Who is asked, and when: a terminal is; a script needs --yes for what cannot be taken back."""

import io

import pytest
import typer

from windlass.core.errors import UsageError
from windlass.present.confirmation import confirmed, require_confirmation


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_dry_run_prints_the_action_and_does_not_ask(capsys):
    assert confirmed("delete 3 messages", yes=False, dry_run=True) is False
    assert capsys.readouterr().out == "would delete 3 messages\n"


def test_yes_asks_nobody():
    assert confirmed("delete 3 messages", yes=True, dry_run=False) is True


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_a_terminal_is_asked(answer, agreed, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    if agreed:
        require_confirmation("delete 3 messages", yes=False)
    else:
        with pytest.raises(typer.Abort):
            require_confirmation("delete 3 messages", yes=False)
    assert "Delete 3 messages?" in capsys.readouterr().err


def test_without_a_terminal_a_destructive_write_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(UsageError, match="no terminal to ask on") as error:
        require_confirmation("delete 3 messages", yes=False)
    assert "--yes" in error.value.hint
    assert "--dry-run" in error.value.hint
    require_confirmation("seed 3 pairs", yes=False, terminal_only=True)  # scripts always could
