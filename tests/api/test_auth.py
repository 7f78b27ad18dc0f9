"""Who may ask what, as a table."""

import pytest

from windlass.api.auth import Asked, Role, check_bind, is_loopback_host, permit
from windlass.core.errors import AccessRefused, ConfigError

HOSTS = {"localhost", "127.0.0.1", "console.example"}


def asked(**facts):
    return Asked(**({"method": "GET", "path": "/inventory", "host": "localhost:8470"} | facts))


def test_a_public_bind_without_tokens_is_refused():
    check_bind("127.0.0.1", tokens=0)
    check_bind("0.0.0.0", tokens=1)
    for host in ("0.0.0.0", "10.0.0.1", "::", "console.example"):
        with pytest.raises(ConfigError, match="without a token"):
            check_bind(host, tokens=0)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.1.2.3", True), ("0.0.0.0", False), ("", False)],
)
def test_loopback(host, loopback):
    assert is_loopback_host(host) is loopback


def test_on_loopback_everybody_is_admin_under_our_own_name():
    assert permit(asked(), loopback=True, hosts=HOSTS) is Role.ADMIN
    for host in ("evil.example", "127.0.0.1.evil.example:80", ""):
        with pytest.raises(AccessRefused, match="host name"):
            permit(asked(host=host), loopback=True, hosts=HOSTS)


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        ({"fetch_site": "same-origin"}, True), ({"fetch_site": "none"}, True), ({"fetch_site": "cross-site"}, False),
        ({"fetch_site": "same-site"}, False), ({"origin": "http://localhost:8470"}, True),
        ({"origin": "http://evil.example"}, False), ({}, False), ({"bearer": True, "role": Role.ADMIN}, True),
    ],
)  # fmt: skip
def test_a_write_comes_from_ourselves_or_carries_a_token(facts, allowed):
    request = asked(method="POST", **facts)
    if allowed:
        assert permit(request, loopback=True, hosts=HOSTS) is Role.ADMIN
    else:
        with pytest.raises(AccessRefused, match="own pages"):
            permit(request, loopback=True, hosts=HOSTS)


def test_elsewhere_a_token_is_required_but_for_the_way_in():
    with pytest.raises(AccessRefused, match="token is required"):
        permit(asked(host="console.example"), loopback=False, hosts=HOSTS)
    for path in ("/login", "/static/windlass.css", "/healthz"):
        assert permit(asked(host="console.example", path=path), loopback=False, hosts=HOSTS) is Role.NOBODY
    assert permit(asked(host="console.example", role=Role.READ), loopback=False, hosts=HOSTS) is Role.READ
