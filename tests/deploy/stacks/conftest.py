"""One embedded AWS for this folder, and an account of its own for each test."""

import pytest

from tests.deploy.stacks.world import World
from tests.function_zips import make_quickly
from tests.privilege import least_privilege
from windlass_local.server import LocalServer

__all__ = ["least_privilege"]


@pytest.fixture(scope="session")
def deploy_aws():
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _quick_zips(monkeypatch):
    make_quickly(monkeypatch.setattr)


@pytest.fixture
def world(deploy_aws, tmp_path):
    new_world = World(deploy_aws.url, tmp_path)
    yield new_world
    new_world.close()
