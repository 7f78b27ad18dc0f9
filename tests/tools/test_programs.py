"""Programs for tests: pinned, installed into a folder, and left out with a reason where that can't be."""

import subprocess

import pytest
from tools.programs import PROGRAMS, Program, install, missing_installer

from tools import programs

GO = Program("tool", "go", "example.invalid/tool", "v1.0.0")


@pytest.fixture
def nothing_on_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_version_is_pinned_where_the_registry_allows_it(program):
    assert bool(program.version) == (program.kind in ("go", "pypi"))


def test_without_its_installer_a_program_is_left_out_with_the_reason(nothing_on_path, tmp_path):
    assert install(GO, tmp_path) == "left out: needs go on the PATH"
    assert "apt-get install memcached" in install(Program("memcached", "system", "memcached"), tmp_path)
    assert missing_installer(Program("x", "debian", "x")) == "needs apt-get on the PATH"


def test_what_an_installer_wrote_last_is_the_reason(monkeypatch, tmp_path):
    def refuse(program, folder):
        raise subprocess.CalledProcessError(1, ["go"], stderr="downloading\nno such module\n")

    monkeypatch.setattr(programs, "_install_go", refuse)
    monkeypatch.setattr(programs, "missing_installer", lambda program: "")
    assert install(GO, tmp_path) == "left out: downloading / no such module"


def test_a_program_is_installed_once_per_version(monkeypatch, tmp_path):
    installed = []

    def put(program, folder):
        installed.append(program.version)
        (folder / "bin" / program.name).touch()

    monkeypatch.setattr(programs, "_install_go", put)
    monkeypatch.setattr(programs, "missing_installer", lambda program: "")
    newer = Program("tool", "go", "example.invalid/tool", "v2.0.0")
    assert [install(program, tmp_path) for program in (GO, GO, newer)] == [
        "installed: v1.0.0",
        "is installed: v1.0.0",
        "installed: v2.0.0",
    ]
    assert installed == ["v1.0.0", "v2.0.0"]


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        programs.main(["hellm"])
    assert "no such program: hellm" in capsys.readouterr().err
