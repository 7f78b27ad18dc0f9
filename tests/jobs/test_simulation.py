"""Leases and jobs through random schedules: never two holders' writes, never a job that nobody takes up."""

import pytest

from tests.jobs.simulation import Sim, Violated
from windlass.jobs import service as jobs_service
from windlass.store.leases import service as leases_service

SCHEDULES = 20_000
SLOW_SCHEDULES = 500_000
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


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_twenty_thousand_schedules(chunk):
    for seed in range(chunk, SCHEDULES, CHUNKS):
        play(seed)
