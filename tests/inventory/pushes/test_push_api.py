"""`POST /v1/resources`: who may send, what is refused, and the answer."""

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.api.auth import Role
from windlass.api.tokens import create_token
from windlass.core import clock

PUSH = {"source": "netbox", "type": "custom.printer", "observed_at": "2026-11-01T12:00:00Z"}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with opened_app(tmp_path_factory.mktemp("pushes")) as app:
        secrets = {
            role: create_token(app.store, name=role.name, role=role, now=clock.now())[1].reveal()
            for role in (Role.REPORT, Role.READ)
        }
        with (
            served(app, host="0.0.0.0") as url,
            httpx.Client(base_url=url.replace("0.0.0.0", "127.0.0.1"), timeout=20) as client,
        ):

            def call(method, path, role=Role.READ, **options):
                headers = {"authorization": f"Bearer {secrets[role]}", "content-type": "application/json"}
                return client.request(method, path, headers=headers, **options)

            yield call


def post(api, role=Role.REPORT, **members):
    return api("POST", "/v1/resources", role, json=PUSH | members)


def test_a_collector_sends_and_people_read(api):
    answer = post(api, resources=[{"id": "p1", "tags": {"team": "web"}, "document": {"Toner": 90}}, {"id": "p2"}])
    assert answer.status_code == 200, answer.text
    assert answer.json()["created"] == 2
    ended = post(
        api, observed_at="2026-11-01T14:00:00+01:00", resources=[{"id": "p1", "document": {"Toner": 80}}], complete=True
    )
    assert ended.json() == {
        "created": 0,
        "updated": 1,
        "unchanged": 0,
        "stale": 0,
        "refused": 0,
        "deleted": 1,
        "completed": True,
        "results": [{"id": "p1", "outcome": "updated", "detail": ""}],
    }
    listed = api("GET", "/v1/resources", params={"type": "custom.printer"}).json()
    assert [(row["resource_id"], row["account_id"], row["region"]) for row in listed["items"]] == [("p1", "", "")]
    changes = api("GET", "/v1/changes", params={"type": "custom.printer", "since": "2026-10-31"}).json()["items"]
    assert sorted(row["change"] for row in changes) == ["created", "created", "deleted", "updated"]
    page = api("GET", "/inventory/resource", params={"ref": listed["items"][0]["key"]})
    assert page.status_code == 200


def test_readers_may_not_send(api):
    assert post(api, role=Role.READ).status_code == 403
    assert api("GET", "/v1/resources", Role.REPORT).status_code == 403


@pytest.mark.parametrize(
    "members",
    [
        {"type": "ec2.instance"},
        {"type": "printer"},
        {"source": "A B"},
        {"account_id": "1"},
        {"observed_at": "yesterday"},
        {"observed_at": "2999-01-01T00:00:00Z"},
        {"resources": [{"id": ""}]},
        {"resources": [{"id": "a\x00"}]},
        {"resources": [{"id": "a"}, {"id": "a"}]},
        {"resources": [{"id": "a", "colour": 1}]},
    ],
    ids=lambda members: "-".join(members),
)
def test_malformed_pushes_are_problems_with_a_hint(api, members):
    answer = post(api, **members)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["hint"]


def test_a_lone_surrogate_is_refused_alone(api):
    body = '{"source":"netbox","type":"custom.lamp","observed_at":"2026-11-01T12:00:00Z","resources":[{"id":"a"},{"id":"b","document":{"x":"\\ud800"}}]}'
    answer = api("POST", "/v1/resources", Role.REPORT, content=body)
    assert answer.status_code == 200, answer.text
    assert [result["outcome"] for result in answer.json()["results"]] == ["created", "refused"]
