"""Jobs: one runner at a time, every end is seen for what it is, nothing finished is done twice after a resume."""

import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from windlass.core.errors import Conflict, Interrupted, NotFound, StoreError
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.store.leases import LeaseLost, Leases, table
from windlass.store.leases.model import LEASE_DURATION_S, Holder


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def jobs(store, clock):
    return Jobs(store, now=clock)


def test_a_job_lives_from_queued_to_done_with_progress_and_log(jobs, clock):
    job_id = jobs.create("copy", "copy things", params={"from": "a"}, unit="objects")
    assert jobs.get(job_id).status is JobStatus.QUEUED
    with jobs.run(job_id) as running:
        clock.now += timedelta(seconds=10)
        running.report(done=25, total=100, detail="a/25", checkpoint={"after": "25"})
        running.log("a quarter")
        job = jobs.get(job_id)
        assert (job.fraction, job.eta_s, job.checkpoint) == (0.25, 30.0, {"after": "25"})
    job = jobs.get(job_id)
    assert (job.status, job.fraction, job.attempt) == (JobStatus.DONE, 1.0, 1)
    assert [entry.message for entry in jobs.log(job_id)] == ["a quarter"]


def test_a_failure_is_stored_with_its_reason_and_raised_to_the_caller(jobs):
    job_id = jobs.create("copy", "copy")
    with pytest.raises(ZeroDivisionError), jobs.run(job_id):
        1 / 0  # noqa: B018
    job = jobs.get(job_id)
    assert job.status is JobStatus.FAILED
    assert "division by zero" in job.error


def test_a_cancel_stops_the_runner_at_its_next_report_and_it_resumes_from_its_checkpoint(jobs):
    seen = []

    def runner(running):
        for number in range(running.checkpoint.get("next", 0), 10):
            running.check()
            seen.append(number)
            running.report(done=number + 1, total=10, checkpoint={"next": number + 1})
            if number == 3 and jobs.get(running.job_id).attempt == 1:
                jobs.cancel(running.job_id)
                running.report()

    jobs.runners["count"] = runner
    job_id = jobs.create("count", "count to ten")
    with jobs.run(job_id) as running:
        runner(running)
    assert jobs.get(job_id).status is JobStatus.CANCELLED
    assert jobs.resume(job_id).status is JobStatus.DONE
    assert seen == list(range(10))


def test_a_queued_job_is_cancelled_at_once_and_an_ended_one_is_a_conflict(jobs):
    job_id = jobs.create("copy", "copy")
    assert jobs.cancel(job_id).status is JobStatus.CANCELLED
    with pytest.raises(Conflict, match="already ended"):
        jobs.cancel(job_id)


def test_two_runners_can_not_have_the_same_job(jobs):
    job_id = jobs.create("copy", "copy")
    with jobs.run(job_id), pytest.raises(Conflict, match="running"), jobs.run(job_id):
        pass


def test_a_done_job_is_not_resumed(jobs):
    job_id = jobs.create("copy", "copy")
    with jobs.run(job_id):
        pass
    with pytest.raises(Conflict, match="done"):
        jobs.resume(job_id)


def elsewhere(store, clock, pid=7):
    """Jobs as a process of another machine sees them."""
    return Jobs(
        store,
        now=clock,
        leases=Leases(store, holder=lambda: Holder(host="web-2", machine="another", pid=pid, started="70")),
    )


def fall_silent(store, job_id):
    """The runner's lease ran out: nothing was heard of it for LEASE_DURATION_S of the database's time."""
    with store.write() as connection:
        row = table.lock_lease(connection, f"job/{job_id}")
        ended = row.expires_at - timedelta(seconds=LEASE_DURATION_S + 1)
        table.put_lease(connection, replace(row, expires_at=ended))


def test_a_silent_runner_is_presumed_dead_and_then_fenced_off(jobs, store):
    job_id = jobs.create("copy", "copy")
    with pytest.raises(LeaseLost), jobs.run(job_id) as running:
        fall_silent(store, job_id)
        assert [job.job_id for job in jobs.reap()] == [job_id]
        assert jobs.get(job_id).status is JobStatus.INTERRUPTED
        running.report(done=5)
        assert running.stop.is_set(), "the runner must learn that the job is no longer its own"
        with pytest.raises(Interrupted):
            running.check()
        running.log("a line of somebody who has lost")
    job = jobs.get(job_id)
    assert (job.done, job.status) == (0, JobStatus.INTERRUPTED), "a fenced runner may not write"
    assert ["exited without reporting" in entry.message for entry in jobs.log(job_id)] == [True]


def test_a_clock_that_is_hours_ahead_ends_no_job(jobs, clock):
    job_id = jobs.create("copy", "copy")
    with jobs.run(job_id):
        clock.now += timedelta(hours=3)
        assert jobs.reap() == ()
        assert jobs.get(job_id).status is JobStatus.RUNNING
    assert jobs.get(job_id).status is JobStatus.DONE


def test_the_next_process_takes_a_silent_runners_job_and_the_former_one_can_neither_write_nor_end_it(
    jobs, store, clock
):
    there = elsewhere(store, clock)
    there.runners["copy"] = lambda _: None
    job_id = jobs.create("copy", "copy")
    with pytest.raises(LeaseLost), jobs.run(job_id) as former:
        former.report(checkpoint={"next": 3})
        with pytest.raises(Conflict, match=r"is running on .+ \(pid \d+\)"):
            there.resume(job_id)
        fall_silent(store, job_id)
        with there.run(job_id) as running:
            assert running.checkpoint == {"next": 3}
            former.report(done=1, checkpoint={"next": 1})
            running.report(done=4, checkpoint={"next": 4})
            assert there.get(job_id).holder == "web-2 (pid 7)"
    job = jobs.get(job_id)
    assert (job.status, job.done, job.checkpoint, job.attempt) == (JobStatus.DONE, 4, {"next": 4}, 2)


def test_a_queued_job_whose_process_died_before_it_began_is_resumed(jobs):
    jobs.runners["copy"] = lambda running: running.report(done=1)
    job_id = jobs.create("copy", "copy")
    assert jobs.resume(job_id).status is JobStatus.DONE


def test_a_new_job_is_never_queued_and_never_made_twice(jobs):
    with jobs.run_new("copy", "copy", params={"a": 1}) as running:
        (job,) = jobs.list()
        assert (job.job_id, job.status, job.params) == (running.job_id, JobStatus.RUNNING, {"a": 1})
    assert [job.status for job in jobs.list()] == [JobStatus.DONE]


def test_a_loop_resumes_the_unfinished_job_with_its_parameters(jobs):
    def ended(params, error=None):
        try:
            with jobs.run_new("copy", "copy", params=params) as running:
                if error is not None:
                    raise error
        except (Interrupted, StoreError, ZeroDivisionError):
            pass
        return running.job_id

    ended({"set": "a"})
    ended({"set": "b"})
    ended({"set": "a"}, ZeroDivisionError())
    assert jobs.unfinished("copy", {"set": "a"}) is None, "a failed job would fail again and again"
    job_id = ended({"set": "a"}, Interrupted("stopped"))
    assert jobs.unfinished("copy", {"set": "a"}).job_id == job_id
    assert jobs.unfinished("copy", {"set": "b"}) is None
    with jobs.run(job_id):
        assert jobs.unfinished("copy", {"set": "a"}).status is JobStatus.RUNNING
    assert jobs.unfinished("copy", {"set": "a"}) is None
    job_id = ended({"set": "b"}, StoreError("the server is away", code="ConnectionLost"))
    assert jobs.unfinished("copy", {"set": "b"}).job_id == job_id
    job_id = jobs.create("copy", "copy", params={"set": "c"})
    assert jobs.unfinished("copy", {"set": "c"}).job_id == job_id, "its process died before it began"


def test_ctrl_c_is_interrupted_and_resumable(jobs):
    job_id = jobs.create("copy", "copy")
    with pytest.raises(KeyboardInterrupt), jobs.run(job_id):
        raise KeyboardInterrupt
    assert jobs.get(job_id).status is JobStatus.INTERRUPTED
    job_id = jobs.create("copy", "copy")
    with pytest.raises(Interrupted), jobs.run(job_id):
        raise Interrupted("drained")
    assert jobs.get(job_id).status is JobStatus.INTERRUPTED


def test_unknown_ids_say_where_to_look(jobs):
    with pytest.raises(NotFound) as caught:
        jobs.get("job_nope")
    assert "windlass jobs list" in caught.value.hint


def killed(tmp_path):
    """The id of a job whose process was killed at 3 of 10."""
    script = textwrap.dedent(
        f"""
        import os, signal
        from windlass.jobs.service import Jobs
        from windlass.store.config import StoreConfig
        from windlass.store.database import open_store
        jobs = Jobs(open_store(StoreConfig(url="sqlite:///{tmp_path}/windlass.db")))
        job_id = jobs.create("copy", "copy")
        with jobs.run(job_id) as running:
            running.report(done=3, total=10)
            print(job_id, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    return died.stdout.strip()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_kill_9_is_seen_at_once_on_the_same_machine(sqlite_store, tmp_path):
    job_id = killed(tmp_path)
    jobs = Jobs(sqlite_store)
    (job,) = jobs.list()
    assert (job.job_id, job.status, job.done) == (job_id, JobStatus.INTERRUPTED, 3)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("ask", ["get", "run", "resume"])
def test_after_kill_9_the_first_process_to_ask_resumes_the_job(sqlite_store, tmp_path, ask):
    job_id = killed(tmp_path)
    jobs = Jobs(sqlite_store)
    jobs.runners["copy"] = lambda running: running.report(done=10)
    if ask == "get":
        assert jobs.get(job_id).status is JobStatus.INTERRUPTED
    elif ask == "run":
        with jobs.run(job_id):
            pass
    else:
        assert jobs.resume(job_id).done == 10
    assert "exited without reporting a result" in jobs.log(job_id)[0].message
