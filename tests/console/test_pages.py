"""Every page answers, its twin has the same data, nothing of the estate can inject markup, and writes are guarded."""

import re

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.api.auth import Role
from windlass.api.tokens import create_token, list_tokens, revoke_token
from windlass.core import clock
from windlass.store.audit_log import list_audit

PAGES = ["/", "/inventory", "/changes", "/accounts", "/jobs", "/patterns", "/docs"]
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with (
        opened_app(tmp_path_factory.mktemp("site")) as app,
        served(app) as url,
        # The server ends idle connections, and other tests may run between two of these: each request has its own.
        httpx.Client(base_url=url, timeout=20, limits=httpx.Limits(max_keepalive_connections=0)) as client,
    ):
        client.app = app
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_without_inline_script_or_style(site, path):
    answer = site.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert "http://" not in answer.text.replace("http://127.0.0.1", "").replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    "path",
    [
        "/overview.json",
        "/inventory.json",
        "/changes.json",
        "/accounts.json",
        "/jobs.json",
        "/inventory/resource.json?ref=harbour-prod-assets",
        "/inventory/dependents.json?ref=harbour-prod-assets",
    ],
)
def test_every_page_has_a_json_twin(site, path):
    answer = site.get(path)
    assert answer.status_code == 200
    assert answer.json()


def test_what_is_in_the_estate_is_text_never_markup(site):
    page = site.get("/inventory/resource", params={"ref": "harbour-prod-assets"}, headers=HTML).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    echoed = site.get("/inventory", params={"q": '"><script>alert(2)</script>'}, headers=HTML).text
    assert "<script>alert" not in echoed


def test_facets_and_filters_narrow_the_list(site):
    everything = site.get("/inventory.json").json()
    assert everything["total"] == 26
    one = site.get("/inventory.json", params={"type": "s3.bucket", "account": "111111111111"}).json()
    assert {item["account"] for item in one["items"]} == {"harbour-prod"}
    chosen = [v for f in one["facets"] for v in f["values"] if v["chosen"]]
    assert {v["value"] for v in chosen} == {"s3.bucket", "111111111111"}
    assert site.get("/inventory.json", params={"where": "PolicyStatus.IsPublic=true"}).json()["total"] == 2


def test_facets_follow_the_time_and_a_search_has_the_best_match_first(site):
    now = site.get("/inventory.json").json()
    then = site.get("/inventory.json", params={"at": "2020-01-01"}).json()
    assert (now["total"], then["total"]) == (26, 0)
    assert [facet["values"] for facet in then["facets"]] == [[]] * len(then["facets"])
    result = site.get("/inventory.json", params={"q": "type:s3 harbour-prod-lake"}).json()
    assert result["items"][0]["name"] == "harbour-prod-lake"
    assert result["cli"] == "windlass inventory search type:s3 harbour-prod-lake"
    rows = site.get("/v1/resources", params={"q": "harbour-prod-lake"}).json()["items"]
    assert rows[0]["name"] == "harbour-prod-lake"


def test_the_page_of_dependents_names_what_would_break(site):
    queue = "arn:aws:sqs:eu-west-1:111111111111:pay-0"
    page = site.get("/inventory/dependents", params={"ref": queue}, headers=HTML)
    assert page.status_code == 200
    assert "harbour-prod-assets" in page.text
    assert "notifies" in page.text
    rows = site.get("/v1/resource/dependents", params={"ref": queue}).json()
    assert [(row["name"], row["kind"], row["distance"]) for row in rows["items"]] == [
        ("harbour-prod-assets", "notifies", 1)
    ]
    none = site.get("/inventory/dependents", params={"ref": "harbour-prod-assets"}, headers=HTML).text
    assert "No known resource depends on it" in none
    assert "/inventory/dependents?ref=" in site.get("/inventory/resource", params={"ref": queue}, headers=HTML).text


def test_a_resource_page_shows_its_past(site):
    result = site.get("/inventory/resource.json", params={"ref": "harbour-prod-lake"}).json()
    updated = [revision for revision in result["revisions"] if revision["change"] == "updated"]
    assert len(updated) == 1
    page = site.get(
        "/inventory/resource.json", params={"ref": "harbour-prod-lake", "rev": updated[0]["revision_id"]}
    ).json()
    (line,) = page["compared"]["lines"]
    assert (line["path"], line["before"], line["after"]) == ("Versioning.Status", None, "Enabled")
    assert page["document"]["Versioning"] == {"Status": "Enabled"}
    assert [row["kind"] for row in page["compared"]["diff"] if row["kind"] not in ("same", "fold")] == [
        "changed",
        "added",
        "added",
    ]
    before = site.get(
        "/inventory/resource.json", params={"ref": "harbour-prod-lake", "at": result["revisions"][-1]["valid_from"]}
    ).json()
    assert before["document"]["Versioning"] == {}


def test_attention_comes_first(site):
    attention = site.get("/overview.json").json()["attention"]
    assert attention[0]["text"] == "1 scope could not be read"
    assert any("public buckets" in entry["text"] for entry in attention)


def test_exports_stream_every_row(site):
    lines = site.get("/inventory/export.jsonl", params={"type": "sqs.*"}).text.splitlines()
    assert len(lines) == 16
    assert site.get("/inventory/export.csv").text.count("\n") == 27


def test_errors_are_problems_for_programs_and_pages_for_people(site):
    answer = site.get("/v1/resource", params={"ref": "nope"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hint" in answer.json()
    page = site.get("/inventory/resource", params={"ref": "nope"}, headers=HTML)
    assert page.status_code == 404
    assert "Go to the overview" in page.text
    assert site.get("/v1/resources", params={"limit": "many"}).status_code == 400
    assert site.get("/v1/changes", params={"kind": "painted"}).status_code == 400
    assert site.get("/nowhere").status_code == 404


def test_the_api_pages_with_a_cursor_and_answers_304(site):
    page = site.get("/v1/resources", params={"limit": 10}).json()
    following = site.get("/v1/resources", params={"limit": 100, "cursor": page["cursor"]}).json()
    keys = [item["key"] for item in page["items"] + following["items"]]
    assert len(keys) == len(set(keys)) == page["total"]
    one = site.get("/v1/resource", params={"ref": "harbour-prod-lake"})
    again = site.get(
        "/v1/resource", params={"ref": "harbour-prod-lake"}, headers={"if-none-match": one.headers["etag"]}
    )
    assert (one.status_code, again.status_code) == (200, 304)


def test_a_foreign_host_name_is_refused(site):
    assert site.get("/", headers={"host": "evil.example"}).status_code == 403


def csrf_token_of(client, path):
    """What the forms of our page carry."""
    return re.search(r'name="csrf_token" value="(\w+)"', client.get(path, headers=HTML).text)[1]


def test_a_write_from_another_site_is_refused_and_our_own_is_audited(site):
    job = site.app.jobs.create("copy", "copy things")
    mark = csrf_token_of(site, f"/jobs/{job}")
    for headers in ({}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert site.post(f"/jobs/{job}/cancel", headers=headers, data={"csrf_token": mark}).status_code == 403
    own = {"sec-fetch-site": "same-origin"}
    for wrong in ({}, {"csrf_token": ""}, {"csrf_token": "ü"}, {"csrf_token": mark[::-1]}):
        assert site.post(f"/jobs/{job}/cancel", headers=own, data=wrong).status_code == 403
    assert site.app.jobs.get(job).status == "queued"
    assert site.post(f"/jobs/{job}/cancel", headers=own, data={"csrf_token": mark}).status_code == 303
    assert site.app.jobs.get(job).status == "cancelled"
    assert list_audit(site.app.store)[0]["action"] == "job.cancel"
    again = site.post(f"/jobs/{job}/cancel", headers=own | HTML, data={"csrf_token": mark})
    assert again.status_code == 409
    assert "already ended" in again.text


def test_health_and_metrics(site):
    assert site.get("/healthz").text == "ok\n"
    assert site.get("/readyz").status_code == 200
    text = site.get("/metrics").text
    assert "windlass_console_requests_total" in text


def test_the_live_stream_speaks_and_does_not_hold_up_the_stop(tmp_path):
    with opened_app(tmp_path) as app, served(app) as url, httpx.stream("GET", f"{url}/live", timeout=10) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: changed"


class TestBehindTokens:
    """What a bind that others can reach asks for; the guard is the same whatever the address."""

    @pytest.fixture
    def guarded(self, tmp_path):
        with opened_app(tmp_path) as app:
            _, secret = create_token(app.store, name="reader", role=Role.READ, now=clock.now())
            with (
                served(app, host="0.0.0.0") as url,
                httpx.Client(base_url=url.replace("0.0.0.0", "127.0.0.1"), timeout=20) as client,
            ):
                client.app_parts, client.secret = app, secret.reveal()
                yield client

    def test_nothing_is_shown_without_one(self, guarded):
        for path in ("/", "/inventory.json", "/v1/resources", "/metrics", "/openapi.json", "/live"):
            assert guarded.get(path).status_code == 401, path
        assert guarded.get("/", headers=HTML).headers["location"].startswith("/login")

    def test_a_token_reads_but_its_role_limits_it(self, guarded):
        headers = {"authorization": f"Bearer {guarded.secret}"}
        assert guarded.get("/v1/resources", headers=headers).status_code == 200
        job = guarded.app_parts.jobs.create("copy", "copy")
        assert guarded.post(f"/v1/jobs/{job}/cancel", headers=headers).status_code == 403
        assert guarded.get("/v1/resources", headers={"authorization": "Bearer wl_wrong"}).status_code == 401

    def test_logging_in_opens_a_session_and_logging_out_ends_it(self, guarded):
        same = {"sec-fetch-site": "same-origin"}
        mark = csrf_token_of(guarded, "/login")
        assert guarded.post("/login", data={"token": guarded.secret}, headers=same).status_code == 403
        assert guarded.post("/login", data={"token": "wrong", "csrf_token": mark}, headers=same).status_code == 401
        answer = guarded.post(
            "/login", data={"token": guarded.secret, "next": "//evil.example", "csrf_token": mark}, headers=same
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert guarded.get("/inventory", headers=HTML).status_code == 200
        assert (
            guarded.post("/logout", headers=same, data={"csrf_token": mark}).status_code == 403
        )  # of before the login
        assert guarded.get("/inventory", headers=HTML).status_code == 200
        guarded.post("/logout", headers=same, data={"csrf_token": csrf_token_of(guarded, "/inventory")})
        assert guarded.get("/inventory", headers=HTML).status_code == 303
        assert [entry["action"] for entry in list_audit(guarded.app_parts.store)] == ["logout", "login", "login.failed"]

    def test_revoking_a_token_ends_its_sessions(self, guarded):
        same = {"sec-fetch-site": "same-origin"}
        guarded.post(
            "/login", data={"token": guarded.secret, "csrf_token": csrf_token_of(guarded, "/login")}, headers=same
        )
        assert guarded.get("/inventory", headers=HTML).status_code == 200
        store = guarded.app_parts.store
        revoke_token(store, list_tokens(store)[0].token_id, now=clock.now())
        assert guarded.get("/inventory", headers=HTML).status_code == 303

    def test_the_way_in_leads_back_to_the_page_that_was_asked_for(self, guarded):
        answer = guarded.get("/inventory", params={"type": "s3.bucket", "q": "a&b"}, headers=HTML)
        login = guarded.get(answer.headers["location"], headers=HTML).text
        assert 'name="next" value="/inventory?type=s3.bucket&amp;q=a%26b"' in login

    def test_probes_need_no_token(self, guarded):
        assert guarded.get("/healthz").status_code == 200
        assert guarded.get("/readyz").status_code == 200
