"""The core through random schedules: nothing lost, nothing deleted early, nothing left hidden, groups in order."""

import pytest

from tests.examples import examples
from tests.queues.simulator import Sim, check_order

SEEDS = examples(2_000)
SLOW_SEEDS = 100_000
CHUNKS = 8


def play(seed):
    sim = Sim(seed)
    try:
        sim.run()
        check_order(sim)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}\n{sim.plan}") from error
    return sim


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_two_thousand_schedules(chunk):
    for seed in range(chunk, SEEDS, CHUNKS):
        play(seed)


def test_a_clock_that_stops_while_the_machine_is_suspended_is_caught():
    """Why leases are measured by a clock that goes on: else a message is deleted that somebody else has."""
    with pytest.raises(AssertionError, match="is deleted after its lease"):
        for seed in range(SEEDS):
            Sim(seed, clock_stops=True).run()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_hundred_thousand_schedules(chunk):
    for seed in range(SEEDS + chunk, SEEDS + SLOW_SEEDS, CHUNKS):
        play(seed)
