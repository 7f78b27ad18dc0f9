"""One embedded AWS for this folder, with nodes that start and stop quickly; each test has its own account."""

import contextlib
import uuid

import pytest

from windlass.app import App
from windlass.settings import load
from windlass_local.server import LocalServer


@pytest.fixture(scope="session")
def cache_aws():
    """Run an embedded AWS whose cache nodes start in a twentieth of a second."""
    with LocalServer(cache_node_s=0.05) as server:
        yield server


@pytest.fixture
def account():
    return f"{uuid.uuid4().int % 10**12:012}"


@pytest.fixture
def cache_app(cache_aws, account, tmp_path, sqlite_file):
    """Return a factory of apps over that AWS: one account and one region by default."""
    with contextlib.ExitStack() as stack:

        def opened(*, accounts=(account,), regions=("us-east-1",), **settings):
            overrides = {
                "store.url": sqlite_file(),
                "estate.endpoint_url": cache_aws.url,
                "estate.regions": list(regions),
                "estate.accounts": [{"id": account} for account in accounts],
                "memcached.poll_s": 0.05,
                **settings,
            }
            return stack.enter_context(App(load(overrides=overrides, environ={}, cwd=tmp_path), environ={}))

        yield opened
