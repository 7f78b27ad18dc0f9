"""The Hosts pages and the facts on an instance's page: data, times, what is unknown; no fact injects markup."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.console.site import opened_app, served
from tests.facts.test_questions import add_instance
from windlass.facts.model import HostIdentity, Report, Section

HTML = {"accept": "text/html"}
INSTANCE = "i-00000000000000abc"
ATTACK = "<script>alert(1)</script>"


def report(day, version):
    rows = ({"name": "openssl", "version": version}, {"name": ATTACK, "version": "1"})
    return Report(
        host=HostIdentity(host_id=INSTANCE),
        observed_at=datetime(2026, 11, day, tzinfo=UTC),
        source="agent",
        sections=(Section("packages.deb", rows), Section("users", failure="permission denied")),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    with opened_app(folder) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        client.before = client.get("/hosts", headers=HTML)
        add_instance(app.store, INSTANCE, "web-77")
        app.facts.record([report(1, "3.0.11-1"), report(9, "3.0.13-1")])
        yield client


def test_the_page_tells_how_to_begin_and_then_lists_hosts(site):
    assert site.before.status_code == 200
    assert "windlass facts import" in site.before.text
    assert "web-77" in site.get("/hosts", headers=HTML).text
    assert site.get("/hosts.json", params={"q": "nothing"}).json()["total"] == 0


def test_hosts_by_package_and_version(site):
    found = site.get("/hosts.json", params={"package": "openssl", "below": "3.0.14"}).json()
    assert [(match["name"], match["version"], match["since"]) for match in found["matches"]] == [
        ("web-77", "3.0.13-1", "2026-11-01T00:00:00Z")
    ]
    assert f"/hosts/{INSTANCE}" in site.get("/hosts", params={"package": "openssl"}, headers=HTML).text


def test_a_host_now_and_then(site):
    page = site.get(f"/hosts/{INSTANCE}", headers=HTML)
    assert page.status_code == 200
    for text in ("3.0.13-1", "permission denied", "unknown", "&lt;script&gt;alert"):
        assert text in page.text
    assert "<script>alert" not in page.text
    then = site.get(f"/hosts/{INSTANCE}", params={"at": "2026-11-05"}, headers=HTML).text
    assert "3.0.11-1" in then
    assert "3.0.13-1" not in then
    assert "Nothing was read" in site.get(f"/hosts/{INSTANCE}", params={"at": "2026-10-05"}, headers=HTML).text
    assert site.get("/hosts/nobody", headers=HTML).status_code == 404


def test_the_page_of_an_instance_shows_its_facts(site):
    page = site.get("/inventory/resource", params={"ref": INSTANCE}, headers=HTML).text
    assert f'href="/hosts/{INSTANCE}"' in page
    assert "packages.deb" in page
