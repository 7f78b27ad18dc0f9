"""Facts by REST: agents send, people ask; the role `report` may send and nothing else."""

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.api.auth import Role
from windlass.api.tokens import create_token
from windlass.core import clock

REPORT = {
    "host_id": "i-0123456789abcdef0",
    "observed_at": "2026-11-01T12:00:00Z",
    "source": "agent",
    "name": "web-1",
    "sections": {
        "packages.deb": {"rows": [{"name": "openssl", "version": "3.0.13-1"}]},
        "users": {"failure": "permission denied"},
    },
}

OTHER = {"name": "kernel-only", "sections": {"kernel": {"rows": [{"name": "Linux", "version": "6.8"}]}}}
"""What reports of other hosts have: tests run in any order on one server."""


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("facts")) as app:
        secrets = {
            role: create_token(app.store, name=role.name, role=role, now=clock.now())[1].reveal()
            for role in (Role.REPORT, Role.READ, Role.OPERATE)
        }
        with (
            served(app, host="0.0.0.0") as url,
            httpx.Client(base_url=url.replace("0.0.0.0", "127.0.0.1"), timeout=20) as client,
        ):

            def call(method, path, role=Role.READ, **options):
                return client.request(method, path, headers={"authorization": f"Bearer {secrets[role]}"}, **options)

            yield call


def put(api, *reports, role=Role.REPORT):
    return api("PUT", "/v1/facts", role, json={"reports": list(reports)})


def test_an_agent_sends_facts_and_people_ask(api):
    answer = put(api, REPORT)
    assert answer.status_code == 200, answer.text
    assert answer.json()["changed"] == 2
    assert {result["outcome"] for result in put(api, REPORT).json()["results"]} == {
        "older"
    }  # sent twice: nothing changes
    host = api("GET", "/v1/hosts/web-1").json()
    states = {section["name"]: (section["state"], section["failure"]) for section in host["sections"]}
    assert states == {"packages.deb": ("read", ""), "users": ("unknown", "permission denied")}
    found = api("GET", "/v1/packages", params={"name": "openssl", "below": "3.0.14"}).json()
    assert [(item["host_id"], item["since"]) for item in found["items"]] == [
        ("i-0123456789abcdef0", "2026-11-01T12:00:00Z")
    ]
    without = api("GET", "/v1/packages", params={"name": "zlib", "match": "without"}).json()["items"]
    assert "i-0123456789abcdef0" in {item["host_id"] for item in without}
    assert [item["added"] for item in api("GET", "/v1/hosts/web-1/changes").json()["items"]] == [0, 1]
    assert "web-1" in str(api("GET", "/v1/facts/missing", params={"section": "users"}).json())
    before = api("GET", "/v1/hosts/web-1", params={"at": "2026-10-01"}).json()
    assert before["sections"] == []  # nothing was known then


def test_the_role_report_sends_and_reads_nothing(api):
    for path in ("/v1/hosts", "/v1/resources", "/v1/jobs", "/", "/metrics"):
        assert api("GET", path, Role.REPORT).status_code == 403, path
    assert put(api, REPORT | OTHER | {"host_id": "by-role"}, role=Role.READ).status_code == 403
    assert put(api, REPORT | OTHER | {"host_id": "by-role"}, role=Role.OPERATE).status_code == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"host_id": "a b"}, "not a host ID"),
        ({"sections": {"packges.deb": {"rows": []}}}, "not a known section"),
        ({"sections": {"users": {"rows": [], "failure": "x"}}}, "either rows"),
        ({"sections": {"users": {"rows": [{"uid": 1}]}}}, "has no 'name'"),
        ({"observed_at": "yesterday"}, "observed_at"),
        ({"sorce": "x"}, "sorce"),
    ],
)
def test_a_malformed_report_is_explained_and_nothing_is_written(api, change, message):
    answer = put(api, REPORT | {"host_id": "other"}, REPORT | {"host_id": "bad"} | change)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert api("GET", "/v1/hosts/other").status_code == 404


def test_a_report_may_be_larger_than_a_form(api):
    rows = [{"name": f"package-{number}", "version": "1" * 200} for number in range(8000)]
    answer = put(api, REPORT | {"host_id": "large", "name": "large", "sections": {"packages.rpm": {"rows": rows}}})
    assert answer.json()["results"][0]["added"] == 8000
    assert api("POST", "/v1/jobs/x/cancel", Role.OPERATE, content=b" " * (2 << 20)).status_code == 413
