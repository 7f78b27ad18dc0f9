"""The Checks page and its routes: numbers, filters, links; a misspelt filter is an error; no text of a resource injects markup."""

import httpx
import pytest

from tests.checks.test_run import GROUPS, OPEN, World, resource
from tests.console.site import opened_app, served

HTML = {"accept": "text/html"}
ATTACK = {"team": "<script>alert(1)</script>"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checks")
    with opened_app(folder) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        client.before = client.get("/checks", headers=HTML)
        World(app.store, folder).collect(
            GROUPS, resource(GROUPS, "web", OPEN, tags=ATTACK), resource(GROUPS, "<b>db</b>", OPEN, unknown={"Members"})
        )
        app.checks.run()
        yield client


def test_the_page_tells_how_to_begin_and_then_what_is_wrong(site):
    assert "windlass check run" in site.before.text
    page = site.get("/checks", headers=HTML)
    assert page.status_code == 200
    for text in ("lets everybody reach SSH", "High", "ec2-ssh-open", "&lt;b&gt;db&lt;/b&gt;"):
        assert text in page.text
    assert "<script>alert" not in page.text
    twin = site.get("/checks.json").json()
    failing = [item for item in twin["items"] if item["status"] == "fail"]
    assert {item["name"] for item in failing if item["check"] == "ec2-ssh-open"} == {"web", "<b>db</b>"}
    assert sum(row["count"] for row in twin["severities"]) == len(failing)
    owned = site.get("/checks.json", params={"owner": ATTACK["team"]}).json()
    assert [item["name"] for item in owned["items"]] == ["web"]
    high = site.get("/checks.json", params={"severity": "high"}).json()
    assert {item["severity"] for item in high["items"]} == {"high"}


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/checks?severity=hig", "high"),
        ("/checks?check=ec2-ssh-opn", "ec2-ssh-open"),
        ("/checks?status=unknwn", "unknown"),
        ("/v1/findings?severity=hig", "high"),
        ("/v1/findings?status=fal", "fail"),
    ],
)
def test_a_misspelt_filter_is_an_error_that_names_the_nearest(site, path, near):
    answer = site.get(path, headers=HTML if path.startswith("/checks") else {})
    assert answer.status_code == 400
    assert near in answer.text


def test_the_routes_list_checks_and_findings(site):
    listed = site.get("/v1/checks").json()["items"]
    assert len(listed) >= 80
    shown = site.get("/v1/checks/ec2-ssh-open").json()
    assert shown["references"] == ["Security Hub EC2.53"]
    assert site.get("/v1/checks/ec2-ssh-opn").status_code == 404
    findings = site.get("/v1/findings", params={"check": "ec2-ssh-open", "limit": 1}).json()
    assert (len(findings["items"]), findings["total"]) == (1, len(shown["findings"]))
