"""A lease has one holder at a time, whoever asks how often."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from windlass.store.leases import acquire, release

T0 = datetime(2026, 11, 20, tzinfo=UTC)


def test_a_held_lease_is_refused_until_its_time_is_up(store):
    assert acquire(store, "collector", "a", ttl_s=30, now=T0)
    assert not acquire(store, "collector", "b", ttl_s=30, now=T0 + timedelta(seconds=29))
    assert acquire(store, "collector", "b", ttl_s=30, now=T0 + timedelta(seconds=31))
    assert not acquire(store, "collector", "a", ttl_s=30, now=T0 + timedelta(seconds=32))


def test_only_the_holder_can_give_it_back(store):
    acquire(store, "collector", "a", ttl_s=30, now=T0)
    release(store, "collector", "b")
    assert not acquire(store, "collector", "b", ttl_s=30, now=T0)
    release(store, "collector", "a")
    assert acquire(store, "collector", "b", ttl_s=30, now=T0)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.booleans()), max_size=25))
def test_never_two_holders(sqlite_store, steps):
    name, held_by, until, now = f"n{id(steps)}", None, T0, T0
    for holder, pause_s, gives_back in steps:
        now += timedelta(seconds=pause_s)
        free = held_by is None or held_by == holder or until <= now
        assert acquire(sqlite_store, name, holder, ttl_s=30, now=now) is free
        if free:
            held_by, until = holder, now + timedelta(seconds=30)
        if gives_back:
            release(sqlite_store, name, holder)
            held_by = None if held_by == holder else held_by
    release(sqlite_store, name, held_by or "")
