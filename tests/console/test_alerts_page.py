"""The Alerts page and its routes: rules, deliveries and alerts; a misspelt filter is an error; no text injects markup."""

import httpx
import pytest

from tests.console.site import opened_app, served
from tests.watch.world import BUCKETS, SENT, World, bucket

HTML = {"accept": "text/html"}
ATTACK = "<script>alert(1)</script>"
RULES = """
[[watch]]
name = "policies"
on = "change"
paths = ["Policy"]
window_s = 0
actions = [{ kind = "python", function = "tests.watch.world:take" }]
[[watch]]
name = "jobs"
on = "job"
actions = [{ kind = "python", function = "tests.watch.world:take" }]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alerts")
    (folder / "windlass.toml").write_text(RULES)
    with opened_app(folder) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        world = World(app.store, folder)
        scope = BUCKETS.__class__("333333333333", "aws-global", "s3.bucket")
        world.collect(bucket(ATTACK, scope=scope), scope=scope)
        world.collect(bucket(ATTACK, scope=scope, Policy={}), scope=scope)
        app.watch.evaluate()
        app.watch.deliver()
        yield client


def test_the_page_shows_rules_deliveries_and_alerts(site):
    page = site.get("/alerts", headers=HTML)
    assert page.status_code == 200
    for text in ("policies", "paths", "delivered", "was updated"):
        assert text in page.text
    assert ATTACK not in page.text
    twin = site.get("/alerts.json").json()
    assert [row["name"] for row in twin["rules"]] == ["policies", "jobs"]
    assert [row["status"] for row in twin["deliveries"]] == ["delivered"]
    assert len(SENT) == 1
    assert site.get("/alerts.json", params={"rule": "jobs"}).json()["deliveries"] == []
    assert "windlass watch deliveries --rule jobs" in site.get("/alerts", params={"rule": "jobs"}, headers=HTML).text


def test_the_routes_list_rules_alerts_and_deliveries(site):
    [rule_row, _] = site.get("/v1/watch").json()["items"]
    assert rule_row["delivered"] == 1
    [alert] = site.get("/v1/alerts").json()["items"]
    assert alert["facts"]["account_id"] == "333333333333"
    assert site.get("/v1/deliveries", params={"status": "pending"}).json()["items"] == []
    assert len(site.get("/v1/watch/policies/test", params={"since": "2026-10-01"}).json()["items"]) == 1


@pytest.mark.parametrize(
    ("path", "status", "near"),
    [
        ("/alerts?rule=policie", 400, "policies"),
        ("/alerts?status=deliverd", 400, "delivered"),
        ("/v1/deliveries?status=deliverd", 400, "delivered"),
        ("/v1/watch/policie/test", 404, "policies"),
    ],
)
def test_a_misspelt_name_is_an_error_that_names_the_nearest(site, path, status, near):
    answer = site.get(path, headers=HTML if path.startswith("/alerts") else {})
    assert answer.status_code == status
    assert near in answer.text
