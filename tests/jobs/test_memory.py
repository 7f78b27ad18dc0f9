"""The simulation's tables in memory do what those in SQL do: any sequence of operations leaves the same rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.jobs.memory import Database, Rows, Transaction
from windlass.jobs import store as jobs_sql
from windlass.jobs.model import JobStatus
from windlass.store.leases import table as leases_sql
from windlass.store.leases.model import Holder, LeaseRow

T0 = datetime(2026, 11, 20, tzinfo=UTC)
HOLDER = Holder(host="web-1", machine="m", pid=4, started="40")

jobs = st.sampled_from(["job_a", "job_b", "job_c"])
statuses = st.sampled_from(list(JobStatus))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), jobs, st.integers(0, 5)),
        st.tuples(st.just("change"), jobs, st.lists(statuses, max_size=3), statuses, st.integers(0, 9)),
        st.tuples(st.just("checkpoint"), jobs, st.integers(0, 9)),
        st.tuples(st.just("log"), jobs),
        st.tuples(st.just("lease"), st.sampled_from(["loop", "job/job_a"]), st.integers(1, 9), st.booleans()),
    ),
    max_size=25,
)


def apply(rows, leases, connection, operation):
    match operation:
        case ("insert", job_id, minute):
            if rows.get_job(connection, job_id) is None:
                now = T0 + timedelta(minutes=minute)
                rows.insert_job(connection, job_id, kind="copy", title="t", params={"a": [1]}, unit="items", now=now)
        case ("change", job_id, was, status, done):
            return rows.change_job(connection, job_id, was=was, status=status, done=done, heartbeat_at=T0, holder="h")
        case ("checkpoint", job_id, number):
            return rows.change_job(connection, job_id, was=list(JobStatus), checkpoint=f'{{"next":{number}}}')
        case ("log", job_id) if rows.get_job(connection, job_id) is not None:
            rows.append_log(connection, job_id, at=T0, level="info", message="m")
        case ("lease", name, fence, held):
            row = leases.lock_lease(connection, name)
            taken = replace(row, fence=fence, token="t", holder=HOLDER, acquired_at=T0, expires_at=T0)
            leases.put_lease(connection, taken if held else LeaseRow(name=name, fence=fence))
    return None


def seen(rows, leases, connection):
    names = ["job_a", "job_b", "job_c"]
    return (
        [rows.get_job(connection, name) for name in names],
        rows.list_jobs(connection, kind="copy"),
        rows.list_jobs(connection, status=JobStatus.RUNNING, limit=1),
        sorted(rows.list_running(connection)),
        [
            [(entry.at, entry.level, entry.message) for entry in rows.list_log(connection, name)]
            for name in names
            if rows.get_job(connection, name)
        ],
        [leases.read_lease(connection, name) for name in ("loop", "job/job_a", "nothing")],
        [list_lease.name for list_lease in leases.list_leases(connection, ["loop"])],
    )


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations)
def test_memory_and_sql_agree(sqlite_store, sequence):
    database = Database(lambda: T0)
    with sqlite_store.write() as connection:
        for table in (jobs_sql.job, jobs_sql.job_log, leases_sql.lease):
            connection.execute(table.delete())
        for operation in sequence:
            transaction = Transaction(database)
            assert apply(Rows, Rows, transaction, operation) == apply(jobs_sql, leases_sql, connection, operation)
            transaction.commit()
        assert seen(Rows, Rows, Transaction(database)) == seen(jobs_sql, leases_sql, connection)


def test_memory_forgets_the_same_jobs(sqlite_store):
    database = Database(lambda: T0)
    with sqlite_store.write() as connection:
        for number, name in enumerate(("job_a", "job_b", "job_c")):
            for operation in (("insert", name, number), ("change", name, [JobStatus.QUEUED], JobStatus.DONE, 1)):
                transaction = Transaction(database)
                apply(Rows, Rows, transaction, operation)
                transaction.commit()
                apply(jobs_sql, leases_sql, connection, operation)
        transaction = Transaction(database)
        assert Rows.delete_ended(transaction, "copy", keep=1) == jobs_sql.delete_ended(connection, "copy", keep=1) == 2
        transaction.commit()
        assert Rows.list_jobs(Transaction(database)) == jobs_sql.list_jobs(connection)
