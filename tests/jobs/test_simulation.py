"""Leases and jobs through random schedules: never two holders' writes, never a job that nobody takes up."""

import gc

import pytest

from tests.examples import examples
from tests.jobs.simulation import Sim, Violated
from windlass.jobs import service as jobs_service
from windlass.store.leases import service as leases_service

SCHEDULES = examples(20_000)
SLOW_SCHEDULES = 200_000
CHUNKS = 8


class _Silent:
    def _nothing(self, *_, **__):
        return None

    info = warning = error = _nothing


@pytest.fixture(autouse=True)
def _silent(monkeypatch):
    """Rendering log lines would take more time than the code under test."""
    for module in (jobs_service, leases_service):
        monkeypatch.setattr(module, "logger", lambda _: _Silent())


def play(seed):
    try:
        return Sim(seed).run()
    except Violated as error:
        raise AssertionError(f"schedule {seed}: {error}") from error


@pytest.fixture(autouse=True)
def _fewer_collections():
    """Each schedule leaves cycles; looking through the whole test process for them takes a sixth of the time."""
    threshold = gc.get_threshold()
    gc.set_threshold(200_000, 10, 10)
    yield
    gc.set_threshold(*threshold)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_schedules(chunk):
    for seed in range(chunk, SCHEDULES, CHUNKS):
        play(seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_many_more_random_schedules(chunk):
    for seed in range(SCHEDULES + chunk, SCHEDULES + SLOW_SCHEDULES, CHUNKS):
        play(seed)
