"""Shutdown: drain, cancel, abandon, end; each stage in its time."""

from windlass.queues.model import Limits
from windlass.queues.shutdown import Shutdown, Stage


def test_the_stages_of_a_shutdown():
    shutdown = Shutdown(Limits(drain_s=25, flush_s=3))
    assert shutdown.advance(1e9) is None
    shutdown.start(100.0)
    shutdown.start(110.0)
    assert (shutdown.stage, shutdown.deadline) == (Stage.DRAINING, 125.0), "a second start moves nothing"
    assert shutdown.advance(124.9) is None
    assert shutdown.advance(125.0) is Stage.CANCELLED
    assert shutdown.advance(125.9) is None
    assert shutdown.advance(126.0) is Stage.ABANDONED
    assert not shutdown.over(128.9)
    assert shutdown.over(129.0)
    assert shutdown.advance(1e9) is None
