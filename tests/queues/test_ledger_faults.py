"""A ledger that can't be written: what was handled is marked as soon as it can be, and not handled twice."""

import asyncio
import threading

import pytest
from structlog.testing import capture_logs

from windlass.core.errors import StoreError
from windlass.queues import idempotency
from windlass.queues.idempotency import Begun, once
from windlass.queues.received_message import ReceivedMessage
from windlass.wire.sqs import Message


class Full:
    """A ledger whose disk is full for some marks."""

    busy_s = 600.0

    def __init__(self, broken):
        self.broken, self.ends = broken, []

    def begin(self, key, token, now):
        return Begun("mine", now)

    def renew(self, key, token, now):
        pass

    def end(self, key, token, now, *, done):
        self.ends.append(done)
        if len(self.ends) <= self.broken:
            raise StoreError("database or disk is full", hint="Make room.")


def run(handler, ledger, lost=None):
    wrapped = once(ledger, lambda received: received.message_id)(handler)
    received = ReceivedMessage(Message("m", "r", "b"), "b", lost)
    if asyncio.iscoroutinefunction(wrapped):
        asyncio.run(wrapped(received))
    else:
        wrapped(received)


def forms(runs):
    def function(_):
        runs.append(1)

    async def coroutine(_):
        runs.append(1)

    return function, coroutine


@pytest.mark.parametrize("kind", [0, 1])
def test_the_done_mark_is_retried_until_written_and_logged_once(kind, monkeypatch):
    monkeypatch.setattr(idempotency, "_FIRST_MARK_S", 0.0)
    runs, ledger = [], Full(40)
    with capture_logs() as logs:
        run(forms(runs)[kind], ledger)
    assert runs == [1]
    assert ledger.ends == [True] * 41
    assert [line["event"] for line in logs] == ["ledger.mark_failed"]
    assert "disk is full" in logs[0]["error"]


@pytest.mark.parametrize("kind", [0, 1])
def test_it_is_given_up_when_the_message_is_lost_and_the_key_is_not_freed(kind, monkeypatch):
    monkeypatch.setattr(idempotency, "_FIRST_MARK_S", 0.0)
    runs, ledger, lost = [], Full(10**6), threading.Event()
    lost.set()
    with pytest.raises(StoreError):
        run(forms(runs)[kind], ledger, lost)
    assert ledger.ends == [True]


def test_a_failed_handlers_own_error_is_raised_though_the_key_cannot_be_freed():
    def handler(_):
        raise ValueError("its own")

    ledger = Full(1)
    with pytest.raises(ValueError, match="its own"):
        run(handler, ledger)
    assert ledger.ends == [False]
