"""The virtual clock's schedules: all objects covered, whatever goes wrong; and mistakes that it must find."""

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
        found = schedule.run()
        steps += found.steps
        try:
            check(found, schedule)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {schedule.pace}: {error}") from error
    return steps


def test_every_object_is_covered_in_random_schedules():
    schedules = examples(1500)
    assert run_all(range(schedules)) > 133 * schedules


@pytest.mark.slow
def test_every_object_is_covered_in_many_more():
    steps, seeds = 0, iter(range(10_000, 10_000_000))
    while steps < 5_000_000:
        steps += run_all(next(seeds) for _ in range(500))


def test_without_misfortunes_an_object_waits_a_window_and_little_more():
    for seed in range(200):
        schedule = Schedule(seed, pace=WindowPace(10.0), chances=Chances(*[0.0] * 11), puts=20)
        waits = {}
        act = schedule._act

        def timed(run, effect, schedule=schedule, waits=waits, act=act):
            act(run, effect)
            for one in schedule.found.puts:
                if one.key == effect.key and one.at <= schedule.now:
                    waits.setdefault(id(one), schedule.now - one.at)

        schedule._act = timed
        found = schedule.run()
        check(found, schedule)
        # 40 s is the longest that the simulated S3 takes to tell, 25 s the longest action.
        assert max(waits.values()) <= 40 + 2 * 10 + 25 + 5


MISTAKES = {
    "all that is dirty is done": (
        "commit",
        lambda item, asked: replace(item, done=item.dirty, held=Summary()) if item.done < asked.claimed else None,
    ),
    "disarmed though something is dirty": (
        "disarm",
        lambda item, asked: replace(item, armed="", done=item.dirty) if item.armed == asked.token else None,
    ),
    "a commit forgets what came since the claim": (
        "commit",
        lambda item, asked: (
            replace(decide_commit(item, asked), summary=Summary()) if decide_commit(item, asked) else None
        ),
    ),
    "a claim forgets what it takes": (
        "claim",
        lambda item, asked: replace(decide_claim(item, asked), held=Summary()) if decide_claim(item, asked) else None,
    ),
    "no pace": (
        "claim",
        lambda item, asked: decide_claim(replace(item, na=0.0, armed_at=0.0, last_at=0.0), asked),
    ),
    "a second attempt counts what its first was not told": (
        "claim",
        lambda item, asked: (
            replace(taken, claimed=item.dirty) if (taken := decide_claim(item, asked)) and asked.again else taken
        ),
    ),
}
decide_commit, decide_claim = transitions.commit, transitions.claim


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name, monkeypatch):
    where, wrong = MISTAKES[name]
    monkeypatch.setattr(transitions, where, wrong)
    with pytest.raises(AssertionError, match="seed"):
        run_all(range(1500))
