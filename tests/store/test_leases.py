"""A lease has one holder at a time, whatever clocks say; a holder that lost it writes nothing."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.examples import examples
from windlass.core.errors import StoreError
from windlass.store.leases import LeaseLost, Leases, process, protocol, table
from windlass.store.leases.heartbeat import keep_renewed
from windlass.store.leases.model import (
    LEASE_DURATION_S,
    POLL_S,
    RENEW_DEADLINE_S,
    RENEW_S,
    RETRY_S,
    Holder,
    LeaseRow,
)

T0 = datetime(2026, 11, 20, tzinfo=UTC)
ELSEWHERE = Holder(host="web-2", machine="another", pid=7, started="70")


def elsewhere(store, **changes):
    """Leases as a process of another machine sees them."""
    return Leases(store, holder=lambda: replace(ELSEWHERE, **changes))


def move(store, name, *, seconds):
    """Let time pass: the lease ends so much earlier by the database's clock."""
    with store.write() as connection:
        row = table.lock_lease(connection, name)
        table.put_lease(connection, replace(row, expires_at=row.expires_at - timedelta(seconds=seconds)))


def test_a_held_lease_is_refused_until_its_time_is_up(store):
    here, there = Leases(store), elsewhere(store)
    first = here.acquire("collector")
    assert first is not None
    assert there.acquire("collector") is None
    assert here.acquire("collector") is None, "another part of this process is another holder"
    move(store, "collector", seconds=LEASE_DURATION_S - 1)
    assert there.acquire("collector") is None
    move(store, "collector", seconds=2)
    second = there.acquire("collector")
    assert second.fence == first.fence + 1
    assert there.held_by("collector") == "web-2 (pid 7)"


def test_a_host_whose_clock_is_an_hour_ahead_takes_no_live_lease(store, monkeypatch):
    Leases(store).acquire("collector")
    ahead = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("windlass.core.clock.now", lambda: ahead)
    monkeypatch.setattr("time.time", ahead.timestamp)
    assert elsewhere(store).acquire("collector") is None


def test_the_writes_of_a_holder_that_was_replaced_are_refused(store):
    here, there = Leases(store), elsewhere(store)
    own = here.acquire("collector")
    insert = text("INSERT INTO meta (name, value) VALUES (:name, 'x')")
    own.store.transact(lambda connection: connection.execute(insert, {"name": "before"}))
    move(store, "collector", seconds=LEASE_DURATION_S + 1)
    own.store.transact(lambda connection: connection.execute(insert, {"name": "late, but nobody else has it"}))
    theirs = there.acquire("collector")
    with pytest.raises(LeaseLost, match="web-2"):
        own.store.transact(lambda connection: connection.execute(insert, {"name": "fenced"}))
    assert own.lost.is_set()
    with pytest.raises(LeaseLost):
        store.transact(lambda connection: here.renew(connection, own))
    with pytest.raises(LeaseLost):
        store.transact(lambda connection: here.release(connection, own))
    theirs.store.transact(lambda connection: connection.execute(insert, {"name": "theirs"}))
    with store.read() as connection:
        names = {row.name for row in connection.execute(text("SELECT name FROM meta WHERE value = 'x'"))}
    assert names == {"before", "late, but nobody else has it", "theirs"}


def test_work_under_a_lost_lease_is_refused_though_its_own_is_held(store):
    here, there = Leases(store), elsewhere(store)
    outer = here.acquire("loop")
    inner = store.transact(lambda connection: here.claim(connection, "job/1", "token", under=[outer]))
    move(store, "loop", seconds=LEASE_DURATION_S + 1)
    there.acquire("loop")
    with pytest.raises(LeaseLost, match="the lease on loop"):
        inner.store.transact(lambda _: None)


def test_a_lease_that_was_given_back_is_free_at_once_and_repeating_that_is_harmless(store):
    here, there = Leases(store), elsewhere(store)
    own = here.acquire("collector")
    assert store.transact(lambda connection: here.release(connection, own))
    assert not store.transact(lambda connection: here.release(connection, own))
    assert there.acquire("collector") is not None
    with pytest.raises(LeaseLost):
        store.transact(lambda connection: here.release(connection, own))


def test_a_claim_that_is_repeated_is_the_same_acquisition(store):
    here = Leases(store)
    first = store.transact(lambda connection: here.claim(connection, "job/1", "token"))
    again = store.transact(lambda connection: here.claim(connection, "job/1", "token"))
    assert first.fence == again.fence


def test_of_many_that_want_it_at_once_one_gets_it(store):
    leases = [elsewhere(store, pid=number) for number in range(8)]
    barrier, taken = threading.Barrier(8), []

    def contend(one):
        barrier.wait()
        taken.append(one.acquire("collector"))

    threads = [threading.Thread(target=contend, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([lease for lease in taken if lease is not None]) == 1


def test_a_takeover_waits_for_a_write_under_way(store):
    """Otherwise the former holder's write would be committed after its successor began."""
    here, there = Leases(store), elsewhere(store)
    own = here.acquire("collector")
    move(store, "collector", seconds=LEASE_DURATION_S + 1)
    order, writing = [], threading.Event()

    def take():
        writing.wait()
        assert there.acquire("collector") is not None
        order.append("taken")

    thread = threading.Thread(target=take)
    thread.start()
    with own.store.write():
        writing.set()
        thread.join(0.3)  # long enough for a takeover that does not wait
        order.append("written")
    thread.join()
    assert order == ["written", "taken"]


def test_a_renewal_does_not_wait_for_the_works_transactions(store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    here = Leases(store)
    own = here.acquire("collector")
    with own.store.write():
        renewed = threading.Thread(target=lambda: store.transact(lambda connection: here.renew(connection, own)))
        renewed.start()
        renewed.join(5)
        assert not renewed.is_alive()


SLEEPER = "import sys; sys.stdin.read()"


@pytest.fixture
def child():
    process_ = subprocess.Popen([sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE)
    yield process_
    process_.kill()
    process_.communicate()


def held_by_child(child):
    here = process.this_process()
    return replace(here, pid=child.pid, started=process._start_and_state(child.pid)[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_process_of_this_machine_that_is_gone_holds_nothing(sqlite_store, child):
    holder = held_by_child(child)
    leases = Leases(sqlite_store, holder=lambda: holder)
    assert leases.acquire("collector") is not None
    assert Leases(sqlite_store).acquire("collector") is None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and a zombie until its parent asks
    assert Leases(sqlite_store).acquire("collector") is not None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_only_the_same_machine_is_judged_and_a_pid_that_was_used_again_is_another_process(child):
    holder = held_by_child(child)
    assert not process.is_gone(holder)
    assert process.is_gone(replace(holder, started="1")), "the pid belongs to a younger process"
    child.kill()
    child.wait()
    assert process.is_gone(holder)
    for other in (
        replace(holder, machine="a container beside"),
        replace(holder, host="b"),
        replace(holder, machine=""),
    ):
        assert not process.is_gone(other), other


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="unshare")
def test_a_container_on_this_host_is_another_machine():
    """The same host name and boot: only the pid namespace tells that its pid 1 is not ours."""
    script = "from windlass.store.leases.process import this_process as p; print(p().host, p().machine)"
    ran = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if ran.returncode:
        pytest.skip(f"no namespaces here: {ran.stderr.strip()[-100:]}")
    host, machine = ran.stdout.split()
    here = process.this_process()
    assert host == here.host
    assert machine != here.machine


class Time:
    """Virtual time: waiting moves it."""

    def __init__(self, end):
        self.now, self.end = 0.0, end

    def wait(self, seconds):
        self.now += seconds
        return self.now >= self.end

    def monotonic(self):
        return self.now


def test_a_heartbeat_survives_a_restart_of_thirty_seconds_and_gives_up_before_a_takeover():
    time, lost, attempts = Time(300), [], []

    def renew():
        attempts.append(time.now)
        if 4.9 < time.now < 35:
            raise StoreError("away")
        return True

    keep_renewed(renew, lost.append, wait=time.wait, monotonic=time.monotonic)
    assert lost == []
    assert max(b - a for a, b in zip(attempts, attempts[1:], strict=False)) <= RENEW_S

    time = Time(300)

    def never():
        time.now += 13  # what one attempt takes at most: store.engine._POSTGRESQL_TIMEOUTS
        raise StoreError("away")

    keep_renewed(never, lost.append, wait=time.wait, monotonic=time.monotonic)
    assert len(lost) == 1
    assert time.now < LEASE_DURATION_S
    assert RETRY_S + 13 + RENEW_DEADLINE_S <= LEASE_DURATION_S
    assert LEASE_DURATION_S + POLL_S < 60, "another machine takes over within a minute"


def test_a_heartbeat_ends_when_the_lease_is_anothers():
    time, lost = Time(300), []
    keep_renewed(lambda: time.now < 20, lost.append, wait=time.wait, monotonic=time.monotonic)
    assert lost == ["another process took it over"]
    assert time.now == 20


def test_two_loops_work_one_after_the_other_and_say_who_is_waited_for(sqlite_store, capsys):
    here, there = Leases(sqlite_store), elsewhere(sqlite_store)
    rounds, stops = [], {"here": threading.Event(), "there": threading.Event()}
    begun = threading.Event()

    def loop(name, leases):
        def work(lease):
            rounds.append((name, lease.fence))
            begun.set()
            return 60.0

        leases.run_alone("collector", work, stop=stops[name])

    threads = {
        name: threading.Thread(target=loop, args=(name, leases)) for name, leases in (("here", here), ("there", there))
    }
    threads["here"].start()
    assert begun.wait(10)
    stops["there"].set()
    threads["there"].start()  # it looks at its stop first
    threads["there"].join()
    stops["here"].set()
    threads["here"].join()
    stops["there"].clear()
    begun.clear()
    threads["there"] = threading.Thread(target=loop, args=("there", there))
    threads["there"].start()
    assert begun.wait(10), "a loop that ends in order leaves nothing to wait for"
    stops["there"].set()
    threads["there"].join()
    assert rounds == [("here", 1), ("there", 2)]


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 70), st.sampled_from(["claim", "renew", "release", "die"])),
        max_size=30,
    )
)
def test_never_two_holders_and_no_fence_twice(steps):
    """The decisions alone, on a row and a clock: whoever may write holds the highest fence that there is."""
    row, now, held, dead = LeaseRow(name="n"), T0, {}, set()
    for number, (who, pause_s, action) in enumerate(steps):
        now += timedelta(seconds=pause_s)
        holder = replace(ELSEWHERE, host=who)
        gone = lambda item: item.host in dead  # noqa: E731
        if action == "claim":
            token = f"t{number}"
            live = row.token and row.expires_at > now and row.holder.host not in dead
            taken = protocol.claim(row, holder, token, now, is_gone=gone)
            assert (taken is None) == bool(live)
            if taken is not None:
                assert taken.fence == row.fence + 1
                row, held[who] = taken, (token, taken.fence)
                dead.discard(who)
        elif action == "renew" and who in held and protocol.is_ours(row, *held[who]):
            row = protocol.renew(row, now)
        elif action == "release" and who in held and protocol.is_ours(row, *held[who]):
            row = protocol.release(row)
        elif action == "die":
            dead.add(who)
        assert sum(protocol.is_ours(row, *mine) for mine in held.values()) <= 1
