"""Who may ask what, as a table."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.api.auth import RequestFacts, Role, authorize, check_bind, client_address, is_forwarded, is_loopback_host
from windlass.core.errors import AccessDenied, ConfigError

HOSTS = {"localhost", "127.0.0.1", "console.example"}


def facts_of(**facts):
    return RequestFacts(**({"method": "GET", "path": "/inventory", "host": "localhost:8470"} | facts))


def test_a_public_bind_without_tokens_is_refused():
    check_bind("127.0.0.1", logins=False)
    check_bind("0.0.0.0", logins=True)
    for host in ("0.0.0.0", "10.0.0.1", "::", "console.example"):
        with pytest.raises(ConfigError, match="without a token"):
            check_bind(host, logins=False)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.1.2.3", True), ("0.0.0.0", False), ("", False)],
)
def test_loopback(host, loopback):
    assert is_loopback_host(host) is loopback


def test_on_loopback_everybody_is_admin_under_our_own_name():
    assert authorize(facts_of(), login_required=False, hosts=HOSTS) is Role.ADMIN
    for host in ("evil.example", "127.0.0.1.evil.example:80", ""):
        with pytest.raises(AccessDenied, match="host name"):
            authorize(facts_of(host=host), login_required=False, hosts=HOSTS)


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        ({"fetch_site": "same-origin"}, True),
        ({"fetch_site": "none"}, True),
        ({"fetch_site": "cross-site"}, False),
        ({"fetch_site": "same-site"}, False),
        ({"origin": "http://localhost:8470"}, True),
        ({"origin": "http://evil.example"}, False),
        ({}, False),
        ({"bearer": True, "role": Role.ADMIN}, True),
    ],
)
def test_a_write_needs_our_origin_or_a_token(facts, allowed):
    request = facts_of(method="POST", **facts)
    if allowed:
        assert authorize(request, login_required=False, hosts=HOSTS) is Role.ADMIN
    else:
        with pytest.raises(AccessDenied, match="a page of this console"):
            authorize(request, login_required=False, hosts=HOSTS)


def test_on_other_addresses_a_token_is_required_except_for_the_login():
    with pytest.raises(AccessDenied, match="token is required"):
        authorize(facts_of(host="console.example"), login_required=True, hosts=HOSTS)
    for path in ("/login", "/static/windlass.css", "/healthz"):
        assert authorize(facts_of(host="console.example", path=path), login_required=True, hosts=HOSTS) is Role.NOBODY
    assert authorize(facts_of(host="console.example", role=Role.READ), login_required=True, hosts=HOSTS) is Role.READ


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "console.example"])
def test_login_can_be_switched_off_on_loopback_only(host):
    check_bind("127.0.0.1", logins=False, required=False)
    with pytest.raises(ConfigError, match="require_login"):
        check_bind(host, logins=True, required=False)


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-For",
        "x-forwarded-proto",
        "X-Forwarded-Whatever",
        "Forwarded",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
    ],
)
def test_what_a_proxy_adds_shows_it(name):
    plain = [(b"host", b"localhost"), (b"user-agent", b"x"), (b"sec-fetch-site", b"none")]
    assert not is_forwarded(plain)
    assert is_forwarded([*plain, (name.encode(), b"1")])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # nobody's proxy: what it writes is not believed
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),  # the client wrote the left one
        ("127.0.0.1", "198.51.100.1, 10.1.1.1", "198.51.100.1"),  # two proxies of ours
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("::1", '"[2001:db8:1:2:3::4]:443"', "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
        ("127.0.0.1", "not an address", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1", ",,", "127.0.0.1"),
        ("", "198.51.100.1", "unknown"),
    ],
)
def test_failed_logins_count_for_the_client_that_a_trusted_proxy_names(peer, forwarded_for, address):
    assert client_address(peer, forwarded_for, ["127.0.0.0/8", "::1", "10.1.0.0/16"]) == address


@given(peer=st.text(max_size=30), forwarded_for=st.text(max_size=60))
def test_any_text_there_is_an_address_or_unknown(peer, forwarded_for):
    result = client_address(peer, forwarded_for, ["0.0.0.0/0", "::/0"])
    assert result == "unknown" or ipaddress.ip_network(result)


@pytest.mark.parametrize("path", ["/loginx", "/login/", "/healthz.json", "/readyz/x", "/staticx", "/login/oidc/x"])
def test_only_the_way_in_itself_is_open(path):
    with pytest.raises(AccessDenied, match="token is required"):
        authorize(facts_of(host="console.example", path=path), login_required=True, hosts=HOSTS)
