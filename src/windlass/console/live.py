"""One stream per page that says when something moved. The store is asked at most twice a second, however many look."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse

from windlass.console.desk import Desk
from windlass.core.errors import WindlassError

__all__ = ["Pulse", "known", "stream"]

_EVERY_S = 0.5
_ALIVE_EVERY = 30  # beats without news after which a comment keeps proxies from closing the stream


class Pulse:
    """The latest marks, shared by all streams of this process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._marks: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def marks(self) -> dict[str, str]:
        """The marks of every topic, at most half a second old."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= _EVERY_S:
                with contextlib.suppress(WindlassError):  # the database is busy or away: the next beat tells
                    self._marks = await asyncio.to_thread(self._desk.marks)
                self._looked_at = now
            return self._marks


def known(desk: Desk, topics: str) -> str:
    """What a page that shows `topics` was made from; its stream is compared with this."""
    return _said(desk.marks(), topics)


def _said(marks: dict[str, str], topics: str) -> str:
    return json.dumps({name: marks[name] for name in topics.split() if name in marks})


async def stream(request: Request, topics: str = "jobs runs") -> StreamingResponse:
    """Server-sent events: `moved` with the marks of the topics, whenever one of them changed."""
    return StreamingResponse(
        _events(request, topics), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _events(request: Request, topics: str) -> AsyncIterator[str]:
    last, quiet = "", 0
    pulse: Pulse = request.app.state.pulse
    stopping: asyncio.Event = request.app.state.stopping
    while not stopping.is_set() and not await request.is_disconnected():
        now = _said(await pulse.marks(), topics)
        if now != last:
            last, quiet = now, 0
            yield f"event: moved\ndata: {now}\n\n"
        quiet += 1
        if quiet % _ALIVE_EVERY == 0:
            yield ": alive\n\n"
        try:
            await asyncio.wait_for(stopping.wait(), _EVERY_S)
        except TimeoutError:
            continue
