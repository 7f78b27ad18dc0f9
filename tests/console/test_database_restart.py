"""A PostgreSQL server that restarts under a console and under a long job: nobody is left behind."""

import threading
import time

import httpx
import pytest

from tests.console.site import opened_app, served
from tests.postgres import start_postgres
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

pytestmark = pytest.mark.postgres
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def server():
    started = start_postgres(None)
    if isinstance(started, str):
        pytest.skip(started)
    yield started
    started.stop()


def test_the_console_shows_the_error_during_an_outage_and_works_afterwards(server, tmp_path):
    with (
        opened_app(tmp_path, **{"store.url": server.url}) as app,
        served(app) as url,
        httpx.Client(base_url=url) as client,
    ):
        assert client.get("/inventory", headers=HTML).status_code == 200
        server.go_down()
        for path in ("/inventory", "/v1/resources", "/jobs"):
            answer = client.get(path)
            assert answer.status_code == 503, path
            assert answer.json()["detail"]
        assert client.get("/healthz").status_code == 200, "the process itself is well"
        server.come_back()
        assert client.get("/inventory", headers=HTML).status_code == 200
        assert client.get("/v1/resources").json()["total"] > 0


def test_a_job_in_its_middle_waits_and_ends_as_if_nothing_had_been(server):
    """What backfills, seeds and scans write their progress by."""
    with open_store(StoreConfig(url=server.url)) as store:
        jobs, down, results = Jobs(store), threading.Event(), []

        def work():
            with jobs.run_new("pipelines.backfill", "backfill of raw", unit="objects") as running:
                for number in range(1, 6):
                    if number == 3:
                        server.go_down()
                        down.set()
                    running.report(done=number, total=5, checkpoint={"next": number})
                results.append(running.job_id)

        thread = threading.Thread(target=work)
        thread.start()
        assert down.wait(30)
        time.sleep(1)
        assert thread.is_alive(), "it waits for the server"
        server.come_back()
        thread.join(60)
        job = jobs.get(results[0])
        assert (job.status, job.attempt, job.done, job.checkpoint) == (JobStatus.DONE, 1, 5, {"next": 5})
