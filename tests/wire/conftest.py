"""What the wire's tests share: both event loops, certificates, and one embedded AWS."""

import asyncio

import pytest
import uvloop

from tests.wire.server import make_certificates
from windlass_local.server import LocalServer


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on each of the two loops; whatever nobody caught there fails the test."""
    uncaught = []

    def running(main):
        async def watched():
            asyncio.get_running_loop().set_exception_handler(lambda _, context: uncaught.append(context))
            async with asyncio.timeout(60):
                return await main

        factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            result = runner.run(watched())
        assert uncaught == []
        return result

    return running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """The path of a CA's certificate, and server contexts by name."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def local_aws():
    """A running embedded AWS; its `.url`."""
    with LocalServer() as server:
        yield server
