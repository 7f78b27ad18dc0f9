"""The Memcached pages and API: twins of each other, honest about what they can't reach, and samples that add up."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.app import App
from windlass.console.memcached_charts import hit_rates, node_ring
from windlass.console.memcached_poller import hit_rate_sample
from windlass.memcached.change_job import run_plan
from windlass.memcached.model import NodeStats
from windlass.memcached.service import NewCluster
from windlass.settings import load
from windlass_local.server import LocalServer

HTML = {"accept": "text/html"}
ACCOUNT = "880000000002"
ONE = f"{ACCOUNT}/us-east-1/web"
AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memcached")
    with LocalServer(cache_node_s=0.05) as aws:
        overrides = {
            "store.url": f"sqlite:///{folder}/w.db",
            "estate.endpoint_url": aws.url,
            "estate.regions": ["us-east-1"],
            "estate.accounts": [{"id": ACCOUNT}],
            "memcached.poll_s": 0.05,
        }
        with App(load(overrides=overrides, environ={}, cwd=folder), environ={}) as app:
            plan = app.memcached.plan_create(NewCluster(name="web", nodes=4, node_type="cache.r7g.large"))
            run_plan(app.memcached, app.jobs, plan, watch=True)
            with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
                yield client


def test_the_list_has_quotas_and_a_twin(site):
    (row,) = site.get("/memcached.json").json()["items"]
    assert (row["name"], row["nodes"], row["quota"], row["region_nodes"]) == ("web", 4, 60, 4)
    page = site.get("/memcached", headers=HTML)
    assert page.status_code == 200
    assert f"/memcached/{ONE}" in page.text
    assert " style=" not in page.text
    assert site.get("/v1/memcached").json()["items"][0]["arn"] == row["arn"]


def test_a_cluster_has_its_ring_nodes_and_plan(site):
    page = site.get(f"/memcached/{ONE}", params={"to": 8}, headers=HTML).text
    assert page.count('<path class="arc') == 4
    assert "4 → 8 nodes" in page
    assert "windlass memcached scale web --to 8 -r us-east-1 --yes" in page
    twin = site.get(f"/memcached/{ONE}.json").json()
    assert [member["node_id"] for member in twin["members"]] == ["0001", "0002", "0003", "0004"]
    assert abs(sum(member["share"] for member in twin["members"]) - 1) < 1e-4
    assert len(twin["stats"]["nodes"]) == 4
    bad = site.get(f"/memcached/{ONE}", params={"to": "<b>many"}, headers=HTML)
    assert bad.status_code == 200
    assert "must be integers" in bad.text
    assert "<b>many" not in bad.text


def test_the_api_plans_and_asks_nodes(site):
    plan = site.get(f"/v1/memcached/{ONE}/plan", params={"to": 2, "step": 1, "pause": "10m"}).json()
    assert (plan["action"], len(plan["steps"]), plan["pause_s"]) == ("scale in", 2, 600.0)
    assert (
        site.get(f"/v1/memcached/{ONE}/plan", params={"to": 61}).json()["refusal"]["code"]
        == "NodeQuotaForClusterExceeded"
    )
    assert site.get(f"/v1/memcached/{ONE}/plan", params={"to": 0}).status_code == 400
    assert site.get(f"/v1/memcached/{ONE}/nodes").json()["config_version"] == 4
    assert site.get(f"/v1/memcached/{ONE}").json()["members"][0]["status"] == "available"
    assert site.get(f"/v1/memcached/{ACCOUNT}/us-east-1/nope").status_code == 404


def test_an_unknown_cluster_is_a_page_that_says_so(site):
    page = site.get(f"/memcached/{ACCOUNT}/us-east-1/nope", headers=HTML)
    assert page.status_code == 404
    assert "no Memcached cluster" in page.text


def test_an_aws_that_can_not_be_reached_is_said_not_shown_as_empty(tmp_path):
    with opened_app(tmp_path) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        answer = client.get("/memcached", headers=HTML)
        assert answer.status_code == 200
        assert "No Memcached clusters" not in answer.text


def stats(node, gets, hits, port=1):
    return NodeStats(node_id=node, zone="a", host="h", port=port, gets=gets, hits=hits)


def test_a_sample_is_of_the_time_since_the_last_look():
    before = [stats("1", 100, 90), stats("2", 100, 90, port=2)]
    after = [stats("1", 200, 140), stats("3", 10, 0, port=3), stats("2", 5, 5, port=2)]
    found = hit_rate_sample(before, after, 5.0, AT)
    assert (found.nodes, found.gets_per_s) == (3, 23.0), (
        "100 of the first, 10 of the new one, 5 of the one that started anew"
    )
    assert found.hit_rate == pytest.approx(55 / 115)
    assert hit_rate_sample([], before, 0.0, AT).hit_rate == 0.9
    assert hit_rate_sample(before, before, 5.0, AT).hit_rate is None


def test_the_drawings_hold_any_cluster():
    one = {"node_id": "<i>", "zone": "a", "status": "available", "share": 1.0, "hit_rate": 1.0, "endpoint": ""}
    assert "&lt;i&gt;" in node_ring([one], title="x", subtitle="y")
    assert "<i>" not in node_ring([one], title="x", subtitle="y")
    assert node_ring([], title="no nodes", subtitle="").count("<path") == 0
    many = [one | {"node_id": f"{n:04}", "share": 1 / 300, "hit_rate": None} for n in range(300)]
    assert node_ring(many, title="x", subtitle="y").count('class="arc') == 300
    assert "polyline" not in hit_rates([{"nodes": 1, "hit_rate": None}])
    assert hit_rates([{"nodes": 3, "hit_rate": 0.5}, {"nodes": 2, "hit_rate": 0.9}]).count("polyline") == 1
