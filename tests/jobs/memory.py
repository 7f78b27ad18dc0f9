"""The lease and job tables in memory, one transaction at a time: what the simulation runs on. test_memory.py compares it with SQL."""

import copy
import json
from dataclasses import replace

from windlass.core.canonical import canonical_json, plain
from windlass.jobs.model import Job, JobStatus, LogEntry
from windlass.store.leases.model import LeaseRow


class Database:
    """What is committed. `now` is the database's own clock."""

    def __init__(self, now):
        self.now = now
        self.leases, self.jobs, self.logs = {}, {}, []
        self.written = []  # what the work of jobs wrote


class Transaction:
    """Reads what is committed and what it wrote itself; `commit` makes that visible at once."""

    def __init__(self, database):
        self.database = database
        self.leases, self.jobs, self.logs, self.written = {}, {}, [], []
        self.deleted = set()

    def commit(self):
        self.database.leases.update(self.leases)
        self.database.jobs.update(self.jobs)
        for job_id in self.deleted:
            del self.database.jobs[job_id]
        self.database.logs += self.logs
        self.database.written += self.written


class Rows:
    """`windlass.store.leases.table` and `windlass.jobs.store`, with a Transaction in the place of a connection."""

    @staticmethod
    def database_now(transaction):
        return transaction.database.now()

    @staticmethod
    def read_lease(transaction, name):
        return transaction.leases.get(name) or transaction.database.leases.get(name) or LeaseRow(name=name)

    lock_lease = read_lease

    @staticmethod
    def put_lease(transaction, row):
        transaction.leases[row.name] = row

    @staticmethod
    def list_leases(transaction, names=None):
        known = transaction.database.leases | transaction.leases
        return tuple(known[name] for name in sorted(known) if names is None or name in names)

    @staticmethod
    def lease_name(job_id):
        return f"job/{job_id}"

    @staticmethod
    def insert_job(transaction, job_id, *, kind, title, params, unit, now):
        transaction.jobs[job_id] = Job(
            job_id=job_id,
            kind=kind,
            title=title,
            status=JobStatus.QUEUED,
            params=json.loads(canonical_json(plain(params))),
            checkpoint={},
            done=0,
            total=0,
            unit=unit,
            detail="",
            error="",
            cancel_requested=False,
            attempt=0,
            holder="",
            created_at=now,
            started_at=None,
            heartbeat_at=None,
            finished_at=None,
        )

    @classmethod
    def change_job(cls, transaction, job_id, *, was, **values):
        job = cls.get_job(transaction, job_id)
        if job is None or job.status not in was:
            return False
        if "checkpoint" in values:
            values["checkpoint"] = json.loads(values["checkpoint"])
        if values:
            transaction.jobs[job_id] = replace(job, **values)
        return True

    @staticmethod
    def get_job(transaction, job_id):
        if job_id in transaction.deleted:
            return None
        return transaction.jobs.get(job_id) or transaction.database.jobs.get(job_id)

    @staticmethod
    def list_jobs(transaction, *, status=None, kind="", limit=100):
        known = transaction.database.jobs | transaction.jobs
        jobs = sorted(known.values(), key=lambda job: (job.created_at, job.job_id), reverse=True)
        return tuple(job for job in jobs if (not status or job.status == status) and (not kind or job.kind == kind))[
            :limit
        ]

    @staticmethod
    def list_running(transaction):
        known = transaction.database.jobs | transaction.jobs
        return tuple(job.job_id for job in known.values() if job.status is JobStatus.RUNNING)

    @classmethod
    def delete_ended(cls, transaction, kind, *, keep):
        done = cls.list_jobs(transaction, status=JobStatus.DONE, kind=kind, limit=10**9)[keep:]
        transaction.deleted |= {job.job_id for job in done}
        return len(done)

    @staticmethod
    def append_log(transaction, job_id, *, at, level, message):
        transaction.logs.append((job_id, at, level, message))

    @staticmethod
    def list_log(transaction, job_id, *, after=0, limit=500):
        lines = [*transaction.database.logs, *transaction.logs]
        entries = [
            LogEntry(number, *line[1:]) for number, line in enumerate(lines, 1) if line[0] == job_id and number > after
        ]
        return tuple(entries[:limit])


def snapshot(database):
    """A copy, for comparing."""
    return copy.deepcopy((database.leases, database.jobs, database.logs))
