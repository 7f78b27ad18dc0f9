"""Anybody who reaches the port can cause refusals: they do not fill the log."""

import structlog

from windlass.osquery.refusal_log import LINES_PER_WINDOW, RefusalLog


def test_refusals_beyond_the_bound_are_counted_in_the_next_window():
    now = [0.0]
    log = RefusalLog(lambda: now[0])
    with structlog.testing.capture_logs() as lines:
        for number in range(LINES_PER_WINDOW + 7):
            log.warning("refused", number=number)
        now[0] = 61.0
        log.warning("refused", number=-1)
    assert len(lines) == LINES_PER_WINDOW + 1
    assert lines[-1]["left_out"] == 7
    assert "left_out" not in lines[0]
