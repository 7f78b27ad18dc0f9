"""What is typed wrong is one plain line, the nearest name, and where to look."""

import pytest

from windlass.cli.main import _run
from windlass.present.options import Duration


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["inventroy"], "`windlass` has no command 'inventroy'", "Did you mean `windlass inventory`?"),
        (["xyzzy"], "`windlass` has no command 'xyzzy'", "`windlass --help` lists the commands."),
        (["queue", "drian"], "`windlass queue` has no command 'drian'", "Did you mean `windlass queue drain`?"),
        (["queue", "dlq", "purg"], "`windlass queue dlq` has no command 'purg'", "`windlass queue dlq purge`"),
        (["whoami", "--ouput", "json"], "`windlass whoami` has no option --ouput", "Did you mean --output?"),
        (["whoami", "--zz"], "`windlass whoami` has no option --zz", "`windlass whoami --help` lists its options."),
        (["queue", "drain"], "`windlass queue drain` needs", "Usage: windlass queue drain [OPTIONS] QUEUE"),
        (["inventory", "show"], "`windlass inventory show` needs RESOURCE", "inventory show [OPTIONS] RESOURCE"),
        (
            ["config", "init", "a", "b"],
            "`windlass config init` does not take the argument 'b'",
            "init [OPTIONS] [FILE]",
        ),
        (["jobs", "list", "-n", "x"], "--limit of `windlass jobs list`: ", "`windlass jobs list --help`"),
        (["jobs", "list", "-o", "yaml"], "--output of `windlass jobs list`: ", "`windlass jobs list --help`"),
        (["queue", "watch", "q", "--interval", "soon"], "'soon' is not a duration", "`windlass queue watch --help`"),
        (["jobs", "list", "-n"], "`windlass jobs list`", "`windlass jobs list --help`"),
    ],
)
def test_one_line_and_the_remedy(words, message, hint, capsys):
    assert _run(words, debug=False) == 252
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2, lines
    assert lines[0].startswith("windlass: ")
    assert message in lines[0]
    assert lines[1].startswith("  hint: ")
    assert hint in lines[1]


def test_a_duration_prints_as_it_was_written():
    assert (str(Duration("10m")), float(Duration("10m"))) == ("10m", 600.0)
    assert (str(Duration("90")), float(Duration(90))) == ("90", 90.0)


@pytest.mark.parametrize("words", [["queue", "drain", "q", "--file", "f"], ["token", "revoke", "t"]])
def test_dry_run_is_offered_by_name(words, capsys):
    """The help of a write says how to look first."""
    assert _run([*words[:2], "--help"], debug=False) == 0
    assert "--dry-run" in capsys.readouterr().out
