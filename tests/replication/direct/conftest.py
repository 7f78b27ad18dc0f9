"""An embedded AWS, the wire's way to it, and buckets filled past the wire, as quickly as memory is."""

import uuid

import pytest

from tests.replication.direct.local import Aws
from windlass_local.server import LocalServer


@pytest.fixture(scope="session")
def engine_server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def aws(engine_server):
    """A fresh account on the shared server; its faults end with the test."""
    result = Aws(engine_server.url, f"{uuid.uuid4().int % 10**12:012}")
    yield result
    result.faults([])
    result.close()
