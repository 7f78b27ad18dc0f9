"""Jobs: one runner at a time, every end is seen for what it is, nothing finished is done twice after a resume."""

import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest

from windlass.core.errors import Conflict, Interrupted, NotFound
from windlass.jobs.model import JobStatus
from windlass.jobs.service import STALE_S, Jobs


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


def test_a_failure_is_kept_with_its_reason_and_goes_on_to_the_caller(jobs):
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
    with pytest.raises(Conflict, match="ended already"):
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


def test_a_silent_runner_is_presumed_dead_and_then_fenced_off(jobs, clock):
    job_id = jobs.create("copy", "copy")
    with jobs.run(job_id) as running:
        clock.now += timedelta(seconds=STALE_S + 1)
        assert [job.job_id for job in jobs.reap()] == [job_id]
        assert jobs.get(job_id).status is JobStatus.INTERRUPTED
        running.report(done=5)
        assert running.stop.is_set(), "the runner must learn that the job is no longer its own"
    assert jobs.get(job_id).done == 0, "a fenced runner may not write"


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


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_kill_9_is_seen_at_once_on_the_same_machine(sqlite_store, tmp_path):
    script = textwrap.dedent(
        f"""
        import os, signal
        from windlass.jobs.service import Jobs
        from windlass.store.config import StoreConfig
        from windlass.store.engine import open_store
        jobs = Jobs(open_store(StoreConfig(url="sqlite:///{tmp_path}/windlass.db")))
        job_id = jobs.create("copy", "copy")
        with jobs.run(job_id) as running:
            running.report(done=3, total=10)
            print(job_id, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    job_id = died.stdout.strip()
    jobs = Jobs(sqlite_store)
    (job,) = jobs.list()
    assert (job.job_id, job.status, job.done) == (job_id, JobStatus.INTERRUPTED, 3)
