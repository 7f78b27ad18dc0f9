"""A search of the aggregation protocol: no order of steps and faults leaves an object uncovered.

The code that takes the steps runs in production (protocol.py, tables/transitions.py). Mutants of it must be detected.
"""

import functools
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.model.published import Faults, lost
from tests.model.search import Search, World
from windlass.aggregation import protocol
from windlass.aggregation.tables import transitions

NONE = {"crashes": 0, "duplicates": 0, "failures": 0, "retries": 0}


def world(events, **limits):
    return World(events=events, **NONE | limits)


QUICK = [
    world(3),
    world(1, crashes=1, duplicates=1),
    world(2, crashes=1),
    world(1, duplicates=1, failures=1),
    world(1, crashes=1, retries=1),
    world(1, crashes=1, failures=1),
    world(2, failures=1, retries=1),
    world(2, window=2, ticks=4),
    world(2, window=2, ticks=4, failures=1),
    world(2, window=2, ticks=4, retries=1),
    world(1, window=2, ticks=5, crashes=1),
    world(1, crashes=1, failures=1, rotate=True),
    world(2, failures=1, rotate=True),
]
LONG = [
    world(3, crashes=1),
    world(3, crashes=2, batches=False),
    world(3, duplicates=1),
    world(2, duplicates=1, failures=1),
    world(2, crashes=1, retries=1),
    world(2, crashes=1, failures=1),
    world(3, failures=1, retries=1),
    world(3, crashes=1, failures=1, batches=False),
    world(3, crashes=1, retries=1, batches=False),
    world(2, crashes=2),
    world(2, crashes=2, failures=1),
    world(2, crashes=1, duplicates=1),
    world(2, crashes=1, failures=1, retries=1),
    world(2, slots=3, crashes=1),
    world(2, window=2, ticks=5, crashes=1),
    world(2, window=2, ticks=5, duplicates=1),
    world(3, window=2, ticks=5),
    world(2, crashes=1, failures=1, rotate=True),
    world(2, crashes=2, rotate=True),
    world(2, retries=1, failures=1, rotate=True),
    world(1, duplicates=1, failures=1, rotate=True),
    world(1, window=2, ticks=4, failures=1, rotate=True),
]


def named(small_world):
    return ",".join(f"{name}={value}" for name, value in vars(small_world).items() if value and value is not True)


@functools.cache
def search_result(small_world):
    """Search a world with the real code. Cached: many mutants are compared with the same few worlds."""
    return Search(protocol, transitions, small_world).run()


@pytest.mark.parametrize("small_world", QUICK, ids=named)
def test_every_object_is_covered_and_every_timer_ends(small_world):
    result = search_result(small_world)
    assert not result.fault, "\n".join((result.fault, *result.trace))
    assert result.terminal > 0


@pytest.mark.slow
@pytest.mark.parametrize("small_world", LONG, ids=named)
def test_every_object_is_covered_in_larger_worlds(small_world):
    result = Search(protocol, transitions, small_world).run(most=30_000_000)
    print(f"{named(small_world)}: {result.states:,} states")
    assert not result.fault, "\n".join((result.fault, *result.trace))


# Each is one mistake in the real code: file, original text, mutated text, and the world that detects it.
PROTOCOL, TRANSITIONS = protocol.__file__, transitions.__file__
MUTANTS = {
    "armed without an owner": (
        PROTOCOL,
        "    if item.armed in ids:\n",
        "    if item.dirty == events:\n",
        world(2, crashes=1),
    ),
    "the first source message is taken for the armer": (
        PROTOCOL,
        "token = next(iter(ids))",
        'token = "m0"',
        world(2, crashes=1),
    ),
    "the timer is sent before it is armed": (
        PROTOCOL,
        "    item: KeyState = yield CountEvents(rule, key, token, events, since, now, summary)\n",
        "    yield SendTimer(Timer(rule, key, token), 0)\n"
        "    item: KeyState = yield CountEvents(rule, key, token, events, since, now, summary)\n    return\n",
        world(2, crashes=1),
    ),
    "all that is dirty is done": (TRANSITIONS, "item, done=effect.claimed,", "item, done=item.dirty,", world(2)),
    "claimed after the action": (
        PROTOCOL,
        "yield CommitCoverage(timer.rule, timer.key, claim.claimed, now)",
        "yield CommitCoverage(timer.rule, timer.key, 99, now)",
        world(2),
    ),
    "disarmed though something is dirty": (
        TRANSITIONS,
        "if item.armed != effect.token or item.uncovered > 0:",
        "if item.armed != effect.token:",
        world(2),
    ),
    "disarmed without asking": (
        PROTOCOL,
        '    if (yield DisarmTimer(timer.rule, timer.key, timer.token)):\n        return AckTimer("covered")',
        '    yield DisarmTimer(timer.rule, timer.key, timer.token)\n    return AckTimer("covered")',
        world(2),
    ),
    "a failed action ends the timer": (
        PROTOCOL,
        "            return DeferTimer(max(next_s, _retry_s(failures)), reason)",
        '            return AckTimer("failed")',
        world(1, failures=1),
    ),
    "a failed action is committed": (
        PROTOCOL,
        "            return DeferTimer(max(next_s, _retry_s(failures)), reason)",
        "            pass",
        world(1, failures=1),
    ),
    "an unsettled claim is never tried again": (
        PROTOCOL,
        "return item.unsettled and max",
        "return False and max",
        world(1, crashes=1),
    ),
    "a timer that is too early is deleted": (
        PROTOCOL,
        "        return _defer_until_due(pace, current, now)",
        '        return AckTimer("early")',
        world(1, window=2, ticks=5, crashes=1),
    ),
    "no pace between two claims": (
        TRANSITIONS,
        "or item.paused or item.na > effect.now:",
        "or item.paused:",
        world(1, window=2, ticks=4, crashes=1),
    ),
    "a claim does not move the pace on": (
        TRANSITIONS,
        "item, na=effect.now + effect.pace.window_s,",
        "item, na=effect.now,",
        world(1, window=2, ticks=4, crashes=1),
    ),
    "our own claim, retried, is taken for nothing to do": (
        PROTOCOL,
        "        return current  # our own",
        '        return AckTimer("refused")  # our own',
        world(1, window=2, ticks=5, retries=1),
    ),
    "a stale timer acts, and the live one is ended": (
        PROTOCOL,
        "    if current is None or current.armed != token:",
        "    if current is None or current.claimed:",
        world(2, crashes=1),
    ),
    "a message that takes over is sent but once": (
        PROTOCOL,
        "    if current is not None and current.armed == successor(token):",
        "    if False:",
        world(1, crashes=1, failures=1, rotate=True),
    ),
    "a message takes over without being sent": (
        PROTOCOL,
        "    yield SendTimer(fresh, _delay_s(verdict.after_s))\n",
        "",
        world(2, failures=1, rotate=True),
    ),
    "a renewal does not move the pace on": (
        TRANSITIONS,
        "    return replace(item, na=effect.now + effect.pace.window_s + effect.slack_s)",
        "    return item",
        world(1, window=2, ticks=5, crashes=1),
    ),
    "counting does not arm again after a disarm": (
        TRANSITIONS,
        "    if not after.armed:\n",
        "    if item is None:\n",
        world(2),
    ),
}


def mutant_module(path, old, new):
    """Return the module at `path` with one mistake inserted."""
    source = Path(path).read_text("utf-8")
    assert source.count(old) == 1, f"{old!r} is {source.count(old)} times in {path}"
    spec = importlib.util.spec_from_loader(f"mutant_{Path(path).stem}", loader=None)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    sys.modules[spec.name] = module
    try:
        exec(compile(source.replace(old, new), path, "exec"), module.__dict__)
    finally:
        del sys.modules[spec.name]
    return module


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_detected(name):
    path, old, new, small_world = MUTANTS[name]
    mutant = mutant_module(path, old, new)
    parts = (mutant, transitions) if path == PROTOCOL else (protocol, mutant)
    assert Search(*parts, small_world).run().fault
    assert not search_result(small_world).fault  # only the mistake is at fault


# The published design


def test_the_published_design_is_safe_with_one_perfect_clock_and_no_faults():
    assert lost(Faults(), events=3) is None


@pytest.mark.parametrize(
    "faults",
    [Faults(skew=-2), Faults(skew=2), Faults(crashes=1), Faults(retries=1), Faults(failures=1)],
    ids=["a clock behind", "a clock ahead", "a crash between write and send", "a retried write", "a swallowed failure"],
)
def test_the_published_design_loses_events(faults):
    assert lost(faults) is not None


def test_the_published_design_loses_an_event_that_arrives_at_once():
    assert lost(Faults(), lag=0) is not None
