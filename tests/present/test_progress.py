"""A line of progress where there is no terminal."""

from windlass.present import progress
from windlass.present.progress import ProgressLine


def test_an_unknown_total_is_not_shown(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_INTERVAL_S", 0.0)
    with ProgressLine("backfill") as line:
        line.update(1200, 0, "3 refused")
        line.update(1200, 1300)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("backfill: 1,200 after ")
    assert second.startswith("backfill: 1,200 of 1,300 after ")
