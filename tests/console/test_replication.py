"""The Replication pages: pairs with progress, reasons and verification, twins of each other, safe with what buckets are called."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.core import clock
from windlass.core.clock import parse_time
from windlass.replication.model import BucketRef, FailureGroup, Method, Operation, Pair, SeedState
from windlass.replication.seed.checkpoint import BatchCheckpoint
from windlass.replication.seed.task import SeedTask

HTML = {"accept": "text/html"}


def make(number, state, **changes):
    now = clock.now() - timedelta(minutes=2)
    pair = Pair(
        source=BucketRef(bucket=f"logs-{number}", account_id="111111111111", region="us-east-1"),
        destination=BucketRef(bucket=f"logs-{number}-replica", account_id="222222222222", region="eu-west-1"),
    )
    base = SeedTask(
        seed_id=f"seed_{number}",
        job_id="",
        set_name="dr",
        pair=pair,
        method=Method.BATCH,
        operation=Operation.REPLICATE,
        why="<why>",
        state=state,
        total=1000,
        created_at=now,
        started_at=now,
        updated_at=now,
    )
    return replace(base, **changes)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("replication")) as app:
        replication = app.replication
        identical = {"objects": 1000, "missing": 0, "different": 0, "extra": 0, "unknown": 0, "examples": {}}
        replication.save(
            make(
                1,
                SeedState.DONE,
                done=1000,
                verified=identical,
                checkpoint=BatchCheckpoint(cutoff_at=parse_time("2026-11-21T08:00:00.000000Z"), role="r"),
            )
        )
        bad = replication.save(
            make(
                2,
                SeedState.INCOMPLETE,
                done=990,
                failed=10,
                verified={**identical, "missing": 10, "examples": {"missing": ["<script>x"]}},
            )
        )
        replication.save_failures(
            bad, [FailureGroup(code="DstPutObjectNotPermitted", count=10, message="<b>no", keys=("<script>k",))]
        )
        replication.save(make(3, SeedState.COPYING, done=250, jobs=(("111111111111", "us-east-1", "job-3"),)))
        with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
            yield client


def test_the_page_has_totals_reasons_and_a_twin(site):
    twin = site.get("/replication.json").json()
    assert [item["seed_id"] for item in twin["items"]] == ["seed_2", "seed_3", "seed_1"]  # trouble first
    assert twin["total"] == {
        "pairs": 3,
        "done_pairs": 1,
        "live_pairs": 1,
        "bad_pairs": 1,
        "total": 3000,
        "done": 2240,
        "failed": 10,
        "size_bytes": 0,
        "eta_s": twin["total"]["eta_s"],
        "verified": 2,
        "complete": 1,
        "missing": 10,
        "different": 0,
    }
    assert 300 < twin["total"]["eta_s"] < 420  # a quarter in two minutes
    (reason,) = twin["reasons"]
    assert (reason["code"], reason["count"], reason["pairs"]) == (
        "DstPutObjectNotPermitted",
        10,
        ["logs-2 → logs-2-replica"],
    )
    page = site.get("/replication", headers=HTML)
    assert page.status_code == 200
    assert "/replication/seed_2" in page.text
    assert "10 missing" in page.text
    assert " style=" not in page.text


def test_a_seed_has_its_steps_jobs_and_keys(site):
    page = site.get("/replication/seed_2", headers=HTML).text
    assert "windlass replicate seed --retry seed_2" in page
    assert "&lt;script&gt;k" in page
    assert "<script>k" not in page
    assert "<script>x" not in page
    twin = site.get("/replication/seed_3.json").json()
    assert twin["row"]["batch_jobs"][0]["job_id"] == "job-3"
    assert site.get("/replication/seed_1.json").json()["steps"][0] == {"name": "replication on", "done": True}
    assert site.get("/replication/none", headers=HTML).status_code == 404


def test_the_api_says_the_same(site):
    items = site.get("/v1/replication/seeds", params={"state": "incomplete"}).json()["items"]
    assert [item["line"] for item in items] == ["State: Incomplete, Total: 1000, Success: 990, Failed 10"]
    (failure,) = site.get("/v1/replication/seeds/seed_2/failures").json()["items"]
    assert failure["keys"] == ["<script>k"]


def test_one_set_alone(site):
    assert len(site.get("/replication.json", params={"set": "dr"}).json()["items"]) == 3
    assert site.get("/replication.json", params={"set": "<x>"}).status_code == 400
