"""Who has to log in: nobody on a bare loopback bind, everybody as soon as anything shows a proxy in front of it."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from tests.console.proxy import reverse_proxy
from tests.console.site import opened_app, served
from windlass.api.auth import Role
from windlass.api.failed_logins import ALLOWED_FAILURES
from windlass.api.tokens import create_token
from windlass.console.server import serve
from windlass.core import clock
from windlass.core.errors import ConfigError
from windlass.store.audit_log import list_audit

HTML = {"accept": "text/html"}
SAME = {"sec-fetch-site": "same-origin"}
PATHS = ("/", "/inventory.json", "/v1/resources", "/metrics", "/openapi.json", "/live", "/docs")


def new_token(app, role=Role.READ, **options):
    return create_token(app.store, name=f"t-{role.name.lower()}", role=role, now=clock.now(), **options)[1].reveal()


def csrf_token_of(client, path="/login"):
    return re.search(r'name="csrf_token" value="(\w+)"', client.get(path, headers=HTML).text)[1]


def log_in(client, token, **headers):
    return client.post("/login", data={"token": token, "csrf_token": csrf_token_of(client)}, headers=SAME | headers)


def statuses(client, **headers):
    result = {}
    for path in PATHS:
        with client.stream("GET", path, headers=headers) as answer:
            result[path] = answer.status_code
    return result


ALL_OPEN = dict.fromkeys(PATHS, 200)
ALL_CLOSED = dict.fromkeys(PATHS, 401)


def test_a_proxy_in_front_of_a_loopback_bind_asks_for_a_login(tmp_path):
    with opened_app(tmp_path) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as direct:
        token = new_token(app, Role.OPERATE)
        assert statuses(direct) == ALL_OPEN, "nothing in front: the developer's own machine"
        with (
            reverse_proxy(urlsplit(url).port) as port,
            httpx.Client(base_url=f"http://localhost:{port}", timeout=20) as outside,
        ):
            assert statuses(outside) == ALL_CLOSED
            job = app.jobs.create("copy", "copy things")
            assert outside.post(f"/v1/jobs/{job}/cancel").status_code in (401, 403)
            assert outside.post(f"/jobs/{job}/cancel", headers=SAME, data={"csrf_token": "x"}).status_code == 401
            assert app.jobs.get(job).status == "queued"
            assert outside.get("/", headers=HTML).headers["location"].startswith("/login")
            assert statuses(outside, authorization=f"Bearer {token}") == ALL_OPEN
            assert log_in(outside, token).status_code == 303
            page = outside.get("/inventory", headers=HTML)
            assert page.status_code == 200
            assert "Log out t-operate" in page.text
        assert statuses(direct) == ALL_CLOSED, "a proxy publishes this port: nobody is admin by being near it"


@pytest.mark.parametrize(
    "settings",
    [{"console.require_login": True}, {"console.allowed_hosts": ["console.example"]}, {"console.secure_cookies": True}],
)
def test_settings_that_speak_of_a_proxy_ask_from_the_first_request(tmp_path, settings):
    with opened_app(tmp_path, **settings) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        assert statuses(client) == ALL_CLOSED


def test_login_can_be_switched_off_on_loopback_only(tmp_path):
    settings = {"console.require_login": False, "console.allowed_hosts": ["console.example"]}
    with opened_app(tmp_path, **settings) as app:
        with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
            assert statuses(client, **{"x-forwarded-for": "192.0.2.7"}) == ALL_OPEN
        new_token(app)
        with pytest.raises(ConfigError, match="require_login"):
            serve(app, host="0.0.0.0", port=0)


def test_a_token_that_has_expired_neither_counts_for_a_public_bind_nor_keeps_a_session(tmp_path):
    with opened_app(tmp_path, **{"console.require_login": True}) as app:
        now = clock.now()
        with pytest.raises(ConfigError, match="without a token"):
            new_token(app, expires_at=now - timedelta(seconds=1))
            serve(app, host="0.0.0.0", port=0)
        token = new_token(app, Role.ADMIN, expires_at=now + timedelta(hours=1))
        with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
            log_in(client, token)
            assert client.get("/inventory", headers=HTML).status_code == 200
            with app.store.write() as connection:
                connection.exec_driver_sql(f"UPDATE api_token SET expires_at = '{clock.format_time(now)}'")
            assert client.get("/inventory", headers=HTML).status_code == 303
            assert client.get("/v1/types", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_a_wrong_bearer_token_is_refused_where_no_token_is_needed(tmp_path):
    with opened_app(tmp_path) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        job = app.jobs.create("copy", "copy things")
        answer = client.post(f"/v1/jobs/{job}/cancel", headers={"authorization": "Bearer wl_wrong"})
        assert answer.status_code == 401
        assert "expired" in answer.json()["detail"]
        assert app.jobs.get(job).status == "queued"


class TestGuessing:
    """Ten wrong credentials of an address, by whichever way, then none of its own is looked at."""

    @pytest.fixture
    def site(self, tmp_path):
        with (
            opened_app(tmp_path, **{"console.require_login": True}) as app,
            served(app) as url,
            httpx.Client(base_url=url, timeout=20) as client,
        ):
            client.app, client.token = app, new_token(app)
            yield client

    def test_forms_and_bearers_count_together_per_address_and_are_audited(self, site):
        guesser, other = {"x-forwarded-for": "192.0.2.7"}, {"x-forwarded-for": "198.51.100.1"}
        for number in range(ALLOWED_FAILURES):
            if number % 2:
                assert log_in(site, f"wl_guess{number}", **guesser).status_code == 401
            else:
                bearer = {"authorization": f"Bearer wl_guess{number}"} | guesser
                assert site.get("/v1/types", headers=bearer).status_code == 401
        right = {"authorization": f"Bearer {site.token}"}
        refused = site.get("/v1/types", headers=right | guesser)
        assert (refused.status_code, refused.json()["status"]) == (429, 429)
        assert 0 < int(refused.headers["retry-after"]) <= 600
        page = log_in(site, site.token, **guesser)
        assert page.status_code == 429
        assert "too many wrong credentials" in page.text
        assert site.get("/v1/types", headers=right | other).status_code == 200
        trail = [entry for entry in list_audit(site.app.store) if entry["action"] == "login.failed"]
        assert len(trail) == ALLOWED_FAILURES
        assert {entry["actor"] for entry in trail} == {"address:192.0.2.7"}
        assert "blocked for now" in trail[0]["detail"]
        assert "wl_guess" not in str(trail), "what was guessed may be somebody's token, misspelt"

    def test_an_open_session_of_a_blocked_address_continues(self, site):
        log_in(site, site.token)
        for number in range(ALLOWED_FAILURES):
            site.get("/v1/types", headers={"authorization": f"Bearer wl_guess{number}"})
        assert site.get("/v1/types", headers={"authorization": f"Bearer {site.token}"}).status_code == 429
        assert site.get("/v1/types").status_code == 200


def test_a_body_is_bounded_whether_its_length_is_declared_or_not(tmp_path):
    with opened_app(tmp_path) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        job = app.jobs.create("copy", "copy things")
        big = b"csrf_token=" + b"x" * (2 << 20)
        form = SAME | {"content-type": "application/x-www-form-urlencoded"}
        for body in (big, iter([big[: 1 << 20], big[1 << 20 :]])):
            answer = client.post(f"/jobs/{job}/cancel", headers=form, content=body)
            assert answer.status_code == 413
        assert app.jobs.get(job).status == "queued"
