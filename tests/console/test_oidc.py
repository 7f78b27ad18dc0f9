"""Login by OpenID Connect against a real provider process, and every forged token against the check itself."""

import base64
import dataclasses
import hmac
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.api.auth import Role
from windlass.console.oidc import PendingLogin, Provider, ProviderError, Signer, claim_values, role_of
from windlass.core.errors import AccessDenied, ConfigError
from windlass.settings.console import OidcConfig
from windlass.store.audit_log import list_audit

pytest.importorskip("authlib", reason="login by OIDC needs the extra `oidc`")

HTML = {"accept": "text/html"}
FOLDER = os.environ.get("WINDLASS_OIDC_PROVIDER", "")
SECRET = "a secret of the test"


@pytest.fixture(scope="module")
def process():
    """The provider's process and its issuer; it answers once it was told the console's address."""
    node = shutil.which("node")
    if node is None or not (Path(FOLDER) / "node_modules/oidc-provider").is_dir():
        pytest.skip(
            "needs node, and WINDLASS_OIDC_PROVIDER naming a folder in which `npm install oidc-provider` was run"
        )
    script = Path(__file__).with_name("oidc_provider.mjs")
    with subprocess.Popen(
        [node, str(script), FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        try:
            yield started, started.stdout.readline().strip()
        finally:
            started.kill()


@pytest.fixture(scope="module")
def console(process, tmp_path_factory):
    started, issuer = process
    settings = {
        "console.require_login": True,
        "oidc.issuer": issuer,
        "oidc.client_id": "windlass",
        "oidc.admin": ["platform-admins"],
        "oidc.operate": ["on-call"],
        "oidc.scopes": ["openid", "email", "groups"],
    }
    with opened_app(tmp_path_factory.mktemp("oidc"), **settings) as app:
        app._environ = {"OIDC_CLIENT_SECRET": SECRET}
        with served(app) as url:
            started.stdin.write(f"{url}/login/oidc/callback\n")
            started.stdin.flush()
            assert started.stdout.readline().strip() == "ready"
            yield app, url


def walk(client, address, account):
    """What a person does in the browser until the console shows a page: follow, log in, consent."""
    for _ in range(20):
        answer = client.get(address)
        if answer.is_redirect:
            address = urljoin(address, answer.headers["location"])
            continue
        form = re.search(r'<form[^>]*action="([^"]*/interaction/[^"]*)"', answer.text)
        if form is None or "windlass" in answer.headers.get("content-security-policy", ""):
            return answer
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)[1]
        answer = client.post(
            urljoin(address, form[1]), data={"prompt": prompt, "login": account, "password": "anything"}
        )
        address = urljoin(address, answer.headers["location"])
    raise AssertionError("the way through the provider has no end")


@pytest.mark.parametrize(("account", "role"), [("ann", Role.ADMIN), ("bob", Role.OPERATE)])
def test_whoever_the_provider_knows_gets_the_role_of_a_claim(console, account, role):
    app, url = console
    with httpx.Client(timeout=30, headers=HTML) as client:
        login = client.get(f"{url}/login", params={"next": "/jobs?status=done"}).text
        link = re.search(r'href="(/login/oidc[^"]*)"', login)[1].replace("&amp;", "&")
        page = walk(client, url + link, account)
        assert page.status_code == 200
        assert str(page.url) == f"{url}/jobs?status=done", "back to where one wanted to be"
        assert f"Log out {account}@example.com" in page.text
        job = app.jobs.create("copy", "copy things")
        assert ("Cancel" in client.get(f"{url}/jobs/{job}").text) is (role >= Role.OPERATE)
        last = list_audit(app.store)[0]
        assert (last["action"], last["actor"]) == ("login", f"oidc:{account}@example.com")
        assert last["detail"].startswith(role.name.lower())
        mark = re.search(r'name="csrf_token" value="(\w+)"', page.text)[1]
        client.post(f"{url}/logout", data={"csrf_token": mark}, headers={"sec-fetch-site": "same-origin"})
        assert client.get(f"{url}/jobs").status_code == 303


def test_whoever_has_no_role_is_refused_and_that_is_audited(console):
    app, url = console
    with httpx.Client(timeout=30, headers=HTML) as client:
        page = walk(client, f"{url}/login/oidc", "eve")
        assert page.status_code == 403
        assert "eve@example.com has no role in this console" in page.text
        assert client.get(f"{url}/jobs").status_code == 303
        last = list_audit(app.store)[0]
        assert (last["action"], last["actor"]) == ("login.failed", "address:127.0.0.1")
        assert "no role" in last["detail"]


def test_an_answer_that_was_not_asked_for_in_this_browser_is_refused(console):
    _, url = console
    with httpx.Client(timeout=30, headers=HTML) as victim, httpx.Client(timeout=30, headers=HTML) as attacker:
        begun = attacker.get(f"{url}/login/oidc")
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        for browser, answer in (
            (victim, {"code": "stolen", "state": state}),  # no cookie: somebody else's login
            (attacker, {"code": "x", "state": "another"}),
            (attacker, {"error": "access_denied", "state": state}),
            (attacker, {"code": "x", "state": state, "iss": "https://evil.example"}),
        ):
            begun = attacker.get(f"{url}/login/oidc")
            if browser is attacker and answer["state"] == state:
                answer["state"] = state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
            refused = browser.get(f"{url}/login/oidc/callback", params=answer)
            assert refused.status_code == 403, answer
            assert browser.get(f"{url}/jobs").status_code == 303


def answer_for(url, target, account):
    """What the provider sends back to the console for a login that is completed in a browser of its own."""
    with httpx.Client(timeout=30, headers=HTML, follow_redirects=False) as client:
        address = target
        while not address.startswith(f"{url}/login/oidc/callback"):
            answer = client.get(address)
            if not answer.is_redirect:
                form = re.search(r'<form[^>]*action="([^"]*)"', answer.text)[1]
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)[1]
                answer = client.post(urljoin(address, form), data={"prompt": prompt, "login": account, "password": "x"})
            address = urljoin(address, answer.headers["location"])
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_a_public_client_logs_in_by_pkce_alone(console):
    app, url = console
    provider = Provider(app.settings.oidc.model_copy(update={"client_id": "public"}), "")
    callback = f"{url}/login/oidc/callback"
    target, pending = provider.begin(callback, "/")
    assert "code_challenge_method=S256" in target
    assert provider.finish(answer_for(url, target, "ann"), pending, callback)["groups"] == ["platform-admins", "staff"]
    target, pending = provider.begin(callback, "/")
    stolen = answer_for(url, target, "ann")
    with pytest.raises(ProviderError, match="invalid_grant"):  # whoever has the code has not the verifier
        provider.finish(stolen, dataclasses.replace(pending, verifier="x" * 64), callback)


# The checks themselves, against tokens that a provider would not give


CONFIG = OidcConfig(issuer="https://login.example", client_id="windlass", admin=["admins"])
NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def keys():
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048, {"kid": "k1"}), RSAKey.generate_key(2048, {"kid": "k1"})


@pytest.fixture
def provider(keys):
    made = Provider(CONFIG, "", clock=lambda: NOW)
    made._metadata = {"issuer": CONFIG.issuer, "jwks": {"keys": [keys[0].as_dict(private=False)]}}
    made._read_at = NOW
    return made


def signed(key, algorithm="RS256", **changes):
    from joserfc import jwt

    claims = {
        "iss": CONFIG.issuer,
        "aud": "windlass",
        "sub": "ann",
        "exp": NOW + 300,
        "iat": NOW,
        "nonce": "n",
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": "k1"}, claims, key, algorithms=[algorithm])


def test_a_token_that_holds_gives_its_claims(provider, keys):
    assert provider._verified({"id_token": signed(keys[0], groups=["admins"])}, "n")["groups"] == ["admins"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"exp": NOW - 3600},
        {"nonce": "replayed"},
        {"nonce": None},
        {"sub": None},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"aud": ["windlass", "x"], "azp": "x"},
        {"iat": NOW + 3600},
        {"nbf": NOW + 3600},
        {"aud": "another", "azp": "windlass"},
    ],
)
def test_a_token_for_another_audience_or_time_is_refused(provider, keys, changes):
    with pytest.raises(AccessDenied, match="is not valid"):
        provider._verified({"id_token": signed(keys[0], **changes)}, "n")


def test_a_token_that_the_provider_did_not_sign_is_refused(provider, keys):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    good = signed(keys[0])
    unsigned = f"{part({'alg': 'none'})}.{good.split('.')[1]}."
    # The public key taken for a shared secret: what a verifier that lets the token choose the algorithm falls for.
    body = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{good.split('.')[1]}"
    mac = hmac.digest(keys[0].as_pem(private=False), body.encode(), "sha256")
    confused = f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    forged = [signed(keys[1]), unsigned, good[:-8] + "AAAAAAAA", confused, "not.a.token", ""]
    for token in [*({"id_token": text} for text in forged), {}]:
        with pytest.raises(AccessDenied, match="is not valid"):
            provider._verified(token, "n")


def test_what_was_begun_is_believed_only_as_this_process_wrote_it():
    signer = Signer(b"k" * 32)
    pending = PendingLogin(state="s", nonce="n", verifier="v", target="/jobs", ends_at=time.time() + 60)
    text = signer.write(pending)
    assert signer.read(text, now=time.time()) == pending
    assert signer.read(text, now=time.time() + 61) is None
    for forged in ("", ".", "e30.", text[:-1], text.replace(".", "A.", 1), Signer(b"x" * 32).write(pending)):
        assert signer.read(forged, now=time.time()) is None


@pytest.mark.parametrize(
    ("claims", "path", "values"),
    [
        ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({}, "groups", set()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
        ({"https://x.example/roles": ["a"]}, "https://x.example/roles", {"a"}),
        ({"groups": [1, {"a": 1}, None, "a"]}, "groups", {"a"}),
        ({"groups": {"a": 1}}, "groups", set()),
        ({"a": "text"}, "a.b", set()),
    ],
)
def test_claims_are_read_in_the_shapes_that_providers_use(claims, path, values):
    assert claim_values(claims, path) == values


def test_the_highest_role_wins_and_no_user_gets_one_by_accident():
    config = OidcConfig(admin=["a"], operate=["o"], read=["r"])
    result = [role_of({"groups": groups}, config) for groups in (["r", "a"], ["o", "r"], ["r"], ["x"], [], "*")]
    assert result == [Role.ADMIN, Role.OPERATE, Role.READ, Role.NOBODY, Role.NOBODY, Role.NOBODY]
    assert role_of({}, OidcConfig(read=["*"])) is Role.READ


@pytest.mark.parametrize("issuer", ["http://login.example", "login.example", "file:///etc/passwd"])
def test_an_issuer_without_tls_is_refused(issuer):
    with pytest.raises(ValueError, match="https"):
        OidcConfig(issuer=issuer)


@pytest.mark.parametrize("missing", ["oidc.client_id", "oidc.admin"])
def test_a_configuration_without_any_possible_login_is_refused_at_the_start(tmp_path, missing):
    from windlass.console.application import create_app

    settings = {"oidc.issuer": "https://login.example", "oidc.client_id": "windlass", "oidc.admin": ["a"]}
    del settings[missing]
    with opened_app(tmp_path, **settings) as app, pytest.raises(ConfigError, match="oidc"):
        create_app(app)


def test_an_unreachable_provider_is_shown_on_the_login_page_and_tokens_still_work(tmp_path):
    settings = {
        "console.require_login": True,
        "oidc.issuer": "http://127.0.0.1:1",
        "oidc.client_id": "windlass",
        "oidc.read": ["*"],
    }
    with opened_app(tmp_path, **settings) as app, served(app) as url:
        page = httpx.get(f"{url}/login/oidc", headers=HTML, timeout=30)
        assert page.status_code == 502
        assert "did not answer" in page.text
        assert "Token" in page.text
