"""The osquery page, the page of a live query, and the same over REST."""

import httpx
import pytest

from tests.console.site import opened_app, served
from tests.osquery.hosts import enrollment
from windlass.osquery.service import LiveRequest

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with (
        opened_app(tmp_path_factory.mktemp("osquery")) as app,
        served(app) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        client.before = client.get("/osquery", headers=HTML).text
        secret = app.osquery.create_secret("fleet").reveal()
        keys = [
            app.osquery.agents.enroll(enrollment(secret, identifier=name, name=name), "")["node_key"]
            for name in ("web-1", "web-2", "web-3")
        ]
        query = app.osquery.ask(LiveRequest(sql="SELECT '<b>' AS bold", timeout_s=3600, actor="alex"))
        app.osquery.agents.write({"node_key": keys[0], "queries": {query.query_id: [{"bold": "<b>"}]}}, "")
        app.osquery.agents.write(
            {
                "node_key": keys[1],
                "queries": {},
                "statuses": {query.query_id: 1},
                "messages": {query.query_id: "no such column"},
            },
            "",
        )
        client.query_id = query.query_id
        yield client


def test_an_empty_page_says_how_to_enroll(site):
    assert "No host is enrolled" in site.before
    assert "windlass osquery secret create" in site.before


def test_the_page_lists_hosts_and_live_queries(site):
    page = site.get("/osquery", headers=HTML).text
    assert all(name in page for name in ("web-1", "web-2", "web-3", "fleet"))
    assert "3 of 3 online" in page
    twin = site.get("/osquery.json").json()
    assert [node["state"] for node in twin["nodes"]] == ["online"] * 3
    query = next(query for query in twin["queries"] if query["query_id"] == site.query_id)
    assert (query["answered"], query["failed"], query["unanswered"], query["actor"]) == (1, 1, 1, "alex")


def test_the_page_of_a_query_names_rows_errors_and_silent_hosts(site):
    page = site.get(f"/osquery/queries/{site.query_id}", headers=HTML).text
    assert "&lt;b&gt;" in page
    assert "<b></td>" not in page
    assert "web-2: no such column" in page
    assert "1 host did not answer yet: web-3" in page
    assert site.get("/osquery/queries/lq_unknown", headers=HTML).status_code == 404


def test_rest_has_the_same(site):
    nodes = site.get("/v1/osquery/nodes", params={"host": "web-2"}).json()
    assert [node["name"] for node in nodes["items"]] == ["web-2"]
    assert nodes["total"] == 1
    (secret,) = site.get("/v1/osquery/secrets").json()["items"]
    assert (secret["name"], secret["nodes"], secret["state"]) == ("fleet", 3, "active")
    assert "wle_" not in str(secret)
    answers = {answer["host"]: answer for answer in site.get(f"/v1/osquery/queries/{site.query_id}").json()["answers"]}
    assert answers["web-1"]["rows"] == [{"bold": "<b>"}]
    assert answers["web-2"]["error"] == "no such column"
    assert answers["web-3"]["state"] == "waiting"
    assert site.get("/v1/osquery/nodes", params={"host": "web-9"}).status_code == 404


def test_a_query_is_put_by_rest(site):
    asked = site.post(
        "/v1/osquery/query",
        json={"sql": "SELECT 1", "hosts": "web-1, web-3", "timeout": "10m"},
        headers={"sec-fetch-site": "same-origin"},
    ).json()
    assert asked["hosts"] == 2
    assert site.get(f"/v1/osquery/queries/{asked['query_id']}").json()["unanswered"] == 2
    refused = site.post("/v1/osquery/query", json={"sql": "DROP TABLE x"}, headers={"sec-fetch-site": "same-origin"})
    assert refused.status_code == 400
    assert "SELECT" in refused.json()["hint"]
