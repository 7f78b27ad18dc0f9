"""`windlass --version`, alone: what scripts and image builds ask first."""

import pytest

from windlass import __version__
from windlass.cli.main import main


@pytest.mark.parametrize("words", [["--version"], ["--debug", "--version"], ["--version", "serve"]])
def test_the_version_is_printed_without_a_command(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"windlass {__version__}\n"
