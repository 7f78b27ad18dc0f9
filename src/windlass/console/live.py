"""One stream per page that says when something moved: jobs, the last run. At most two events a second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse

from windlass.api.routes import the_app
from windlass.app import App
from windlass.core.errors import WindlassError

__all__ = ["fingerprint", "stream"]

_EVERY_S = 0.5
_ALIVE_EVERY = 30  # beats without news after which a comment keeps proxies from closing the stream


async def stream(request: Request) -> StreamingResponse:
    """Server-sent events: `moved` with a fingerprint of jobs and runs, whenever it changes."""
    return StreamingResponse(
        _events(request, the_app(request)), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _events(request: Request, app: App) -> AsyncIterator[str]:
    last, quiet = "", 0
    stopping: asyncio.Event = request.app.state.stopping
    while not stopping.is_set() and not await request.is_disconnected():
        try:
            now = await asyncio.to_thread(fingerprint, app)
        except WindlassError:
            now = last  # the database is busy or away: the next beat tells
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


def fingerprint(app: App) -> str:
    """What pages that show jobs and changes depend on; different when one of them should be shown anew."""
    jobs = [(job.job_id, str(job.status), job.done, job.total) for job in app.jobs.list(limit=5)]
    runs = [(run.run_id, run.status, run.created + run.updated + run.deleted) for run in app.inventory.runs(1)]
    return json.dumps([jobs, runs])
