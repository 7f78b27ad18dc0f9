"""One embedded AWS for all tests of this folder: moto's state belongs to the process, so tests use names of their own."""

import pytest

from windlass.local.server import LocalServer


@pytest.fixture(scope="session")
def local_aws():
    """A running embedded AWS; its `.url`."""
    with LocalServer() as server:
        yield server
