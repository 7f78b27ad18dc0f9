"""What the commands print where there is nothing."""

from windlass.cli.main import _run


def test_a_fleet_without_facts_is_not_a_fleet_without_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path}/windlass.db"
    assert _run(["--store", store, "facts", "packages", "openssl", "--below", "3.0.14"], debug=False) == 0
    printed = capsys.readouterr()
    assert "No host has facts yet" in printed.out + printed.err
