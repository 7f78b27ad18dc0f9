"""Server-sent events that notify an open page when its data changed. The store is read at most twice a second for all pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping

from fastapi import Request
from fastapi.responses import StreamingResponse

from windlass.console.page_context import PageContext
from windlass.core.errors import WindlassError

__all__ = ["EtagFeed", "current_etags", "stream"]

INTERVAL_S = 0.5
QUIET_INTERVALS = 30  # after 15 s without an event a comment is sent, so that proxies do not close the stream


class EtagFeed:
    """The latest etags of all topics, shared by all streams of this process."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._etags: dict[str, str] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def etags(self) -> dict[str, str]:
        """Return {topic: etag}, at most `INTERVAL_S` old; older while the database does not answer."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= INTERVAL_S:
                with contextlib.suppress(
                    WindlassError
                ):  # the database is busy or unavailable: try again after the interval
                    self._etags = await asyncio.to_thread(self._context.etags)
                self._read_at = now
            return self._etags


def current_etags(context: PageContext, topics: str) -> str:
    """The etags that a page about `topics` is rendered from, as the text its stream sends."""
    return _event_data(context.etags(), topics)


def _event_data(etags: Mapping[str, str], topics: str) -> str:
    return json.dumps({name: etags[name] for name in topics.split() if name in etags})


async def stream(request: Request, topics: str = "jobs runs") -> StreamingResponse:
    """Answer with server-sent events: `changed`, with the etags of the topics, whenever one of them differs."""
    return StreamingResponse(
        _events(request, topics), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _events(request: Request, topics: str) -> AsyncIterator[str]:
    last, quiet = "", 0
    feed: EtagFeed = request.app.state.etag_feed
    stopping: asyncio.Event = request.app.state.stopping
    while not stopping.is_set() and not await request.is_disconnected():
        data = _event_data(await feed.etags(), topics)
        if data != last:
            last, quiet = data, 0
            yield f"event: changed\ndata: {data}\n\n"
        quiet += 1
        if quiet % QUIET_INTERVALS == 0:
            yield ": alive\n\n"
        try:
            await asyncio.wait_for(stopping.wait(), INTERVAL_S)
        except TimeoutError:
            continue
