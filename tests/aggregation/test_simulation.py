"""Random schedules on the virtual clock: every object is covered despite all faults; deliberate mistakes are detected."""

from dataclasses import replace

import pytest

from tests.aggregation.simulator import Chances, Schedule, check, random_schedule
from tests.examples import examples
from windlass.aggregation.model import Summary, WindowPace
from windlass.aggregation.tables import transitions


def run_all(seeds):
    steps = 0
    for seed in seeds:
        schedule = random_schedule(seed)
        result = schedule.run()
        steps += result.steps
        try:
            check(result, schedule)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {schedule.pace}: {error}") from error
    return steps


def test_every_object_is_covered_in_random_schedules():
    schedules = examples(1500)
    assert run_all(range(schedules)) > 133 * schedules


@pytest.mark.slow
def test_every_object_is_covered_in_many_more_random_schedules():
    steps, seeds = 0, iter(range(10_000, 10_000_000))
    while steps < 5_000_000:
        steps += run_all(next(seeds) for _ in range(500))


def test_without_faults_an_object_waits_little_more_than_a_window():
    for seed in range(200):
        schedule = Schedule(seed, pace=WindowPace(10.0), chances=Chances(*[0.0] * 11), puts=20)
        waits = {}
        act = schedule._act

        def timed(run, effect, schedule=schedule, waits=waits, act=act):
            act(run, effect)
            for put in schedule.found.puts:
                if put.key == effect.key and put.at <= schedule.now:
                    waits.setdefault(id(put), schedule.now - put.at)

        schedule._act = timed
        result = schedule.run()
        check(result, schedule)
        # The simulated S3 sends an event after at most 40 s; an action takes at most 25 s.
        assert max(waits.values()) <= 40 + 2 * 10 + 25 + 5


MISTAKES = {
    "all that is dirty is done": (
        "commit",
        lambda item, effect: replace(item, done=item.dirty, held=Summary()) if item.done < effect.claimed else None,
    ),
    "disarmed though something is dirty": (
        "disarm",
        lambda item, effect: replace(item, armed="", done=item.dirty) if item.armed == effect.token else None,
    ),
    "a commit forgets what came since the claim": (
        "commit",
        lambda item, effect: (
            replace(decide_commit(item, effect), summary=Summary()) if decide_commit(item, effect) else None
        ),
    ),
    "a claim forgets what it takes": (
        "claim",
        lambda item, effect: (
            replace(decide_claim(item, effect), held=Summary()) if decide_claim(item, effect) else None
        ),
    ),
    "no pace": (
        "claim",
        lambda item, effect: decide_claim(replace(item, na=0.0, armed_at=0.0, last_at=0.0), effect),
    ),
    "a second attempt counts what its first was not told": (
        "claim",
        lambda item, effect: (
            replace(claimed, claimed=item.dirty)
            if (claimed := decide_claim(item, effect)) and effect.repeat
            else claimed
        ),
    ),
}
decide_commit, decide_claim = transitions.commit, transitions.claim


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mutant_is_detected(name, monkeypatch):
    where, wrong = MISTAKES[name]
    monkeypatch.setattr(transitions, where, wrong)
    with pytest.raises(AssertionError, match="seed"):
        run_all(range(1500))
