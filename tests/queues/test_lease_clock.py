"""The lease clock: no fewer seconds than passed, whatever stood still."""

import time

import pytest

from windlass.queues.lease_clock import LeaseClock


class Machine:
    """A machine's clocks: the steady one stops while it is suspended, the wall clock is set."""

    def __init__(self):
        self.steady, self.wall = 100.0, 1e9

    def clock(self):
        return LeaseClock(lambda: self.steady, lambda: self.wall)

    def run(self, seconds, slew=1.0):
        self.steady += seconds
        self.wall += seconds * slew


def test_the_lease_clock_counts_the_time_of_a_suspended_guest():
    machine = Machine()
    clock = machine.clock()
    machine.run(5)
    assert clock.now() == 105.0
    machine.wall += 90.0  # stopped by its hypervisor, and its time set when it went on
    assert clock.now() == pytest.approx(195.0)
    machine.run(1)
    assert clock.now() == pytest.approx(196.0)
    assert clock.jumped_s == pytest.approx(90.0)


def test_a_wall_clock_set_back_or_slewed_changes_nothing():
    machine = Machine()
    clock = machine.clock()
    machine.wall -= 3600
    assert clock.now() == 100.0
    for _ in range(10_000):
        machine.run(1.0, slew=1.0005)  # NTP slews by 500 parts in a million at most: 5 s here
        clock.now()
    assert clock.now() == pytest.approx(10_100.0)
    machine.wall += 3600  # set right again: taken for time that passed, which is the safe side
    assert clock.now() >= 10_100.0


def test_it_never_goes_back():
    machine = Machine()
    clock, before = machine.clock(), 0.0
    for step in range(1000):
        machine.run(0.1)
        machine.wall += (-7, 0, 3, 1)[step % 4]
        assert clock.now() >= before
        before = clock.now()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux has it")
def test_it_is_the_clock_that_runs_through_suspension():
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= LeaseClock().now() <= time.clock_gettime(time.CLOCK_BOOTTIME)
