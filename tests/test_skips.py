"""The end of a run names each reason for which tests were skipped, with their number."""

from types import SimpleNamespace

from tests.conftest import skip_reasons


def skipped(reason):
    return SimpleNamespace(longrepr=("tests/x.py", 1, f"Skipped: {reason}"))


def test_reasons_are_counted():
    reports = [skipped("no chromium on the PATH"), skipped("no rclone"), skipped("no chromium on the PATH\nat all")]
    assert skip_reasons(reports).most_common() == [("no chromium on the PATH", 2), ("no rclone", 1)]


def test_a_reason_that_is_no_place_in_a_file_is_counted():
    assert skip_reasons([SimpleNamespace(longrepr="Skipped: unshare\n")]) == {"unshare": 1}
    assert skip_reasons([SimpleNamespace(longrepr=("x", 1, "Skipped: "))]) == {"": 1}
