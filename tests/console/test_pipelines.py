"""The Pipelines page: flow, rates, what was refused, and its retry as an audited action."""

import re
from datetime import timedelta

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.core import clock
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.counters import Count, RefusedObject
from windlass.pipelines.service import Pipelines
from windlass.pipelines.store import add_counts, put_refused
from windlass.store.audit_log import list_audit
from windlass_local.server import LocalServer

ACCOUNT = "777788880027"
SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def app(tmp_path):
    with LocalServer() as aws, opened_app(tmp_path) as opened:
        config = EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)])
        with open_estate(config, {}) as estate:
            for bucket in ("page-raw", "page-out"):
                estate.call(ACCOUNT, "us-east-1", "s3", "CreateBucket", Bucket=bucket)
            one = PipelineConfig.model_validate(
                {
                    "name": "uniform",
                    "source": "s3://page-raw/in/",
                    "transform": "yaml-to-json",
                    "target": "s3://page-out/{path}.json",
                    "on_error": "s3://page-out/failed/",
                }
            )
            pipelines = Pipelines(
                [one], estate=lambda: estate, queues=lambda: opened.queues, store=lambda: opened.store
            )
            opened.built.once("pipelines", lambda: pipelines)
            opened.call = lambda operation, **params: estate.call(ACCOUNT, "us-east-1", "s3", operation, **params)
            yield opened


@pytest.fixture
def site(app):
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def refused(app, key="in/<b>.yaml"):
    now = clock.now()
    minute = (now - timedelta(minutes=3)).replace(second=0, microsecond=0)
    with app.store.write() as connection:
        add_counts(
            connection,
            app.store,
            [Count("uniform", minute, "written", 1200, 5000), Count("uniform", minute, "refused", 1)],
        )
        put_refused(
            connection,
            app.store,
            RefusedObject("uniform", "page-raw", key, now, "", "malformed", "not YAML", "s3://x/y"),
        )


def test_the_flow_and_what_was_refused_are_shown(app, site):
    refused(app)
    page = site.get("/pipelines").text
    assert "yaml-to-json" in page
    assert "1,200 objects written in 24 hours" in page
    assert "1200 done, 1 failed per minute" in page
    assert "in/&lt;b&gt;.yaml" in page
    assert "in/<b>.yaml" not in page
    (item,) = site.get("/pipelines.json").json()["items"]
    assert (item["written"], item["refused"], item["waiting"], item["steps"]) == (1200, 1, 1, ["yaml-to-json"])


def test_a_retry_takes_the_object_through_and_is_audited(app, site):
    refused(app, "in/a.yaml")
    app.call("PutObject", Bucket="page-raw", Key="in/a.yaml", Body=b"n: 1\n")
    mark = re.search(r'name="csrf_token" value="([^"]*)"', site.get("/pipelines").text)[1]
    answer = site.post("/pipelines/uniform/retry", data={"csrf_token": mark, "key": "in/a.yaml"}, headers=SAME)
    assert answer.status_code == 303
    assert app.call("GetObject", Bucket="page-out", Key="a.yaml.json")["Body"].read().strip() == b'{"n":1}'
    assert "retried <time" in site.get("/pipelines").text
    assert [entry["action"] for entry in list_audit(app.store)] == ["pipeline.retry"]
