"""One embedded AWS for the clients' tests that talk to AWS."""

import pytest

from windlass_local.server import LocalServer


@pytest.fixture(scope="session")
def local_aws():
    """A running embedded AWS; its `.url`."""
    with LocalServer() as server:
        yield server
