"""The keys of the moment: asked for off the loop, renewed in the background while those at hand still serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from windlass.core.access import Keys

__all__ = ["CredentialCache"]

_FRESH_S = 60.0
_STALE_S = 300.0
_PAUSE_S = 5.0


class CredentialCache:
    """`ask()` may block: it runs on a thread, never twice at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ask: Callable[[], Keys]) -> None:
        self._loop = loop
        self._ask = ask
        self._keys: Keys | None = None
        self._got_at = self._asked_at = 0.0
        self._renewing: asyncio.Task[Keys] | None = None

    def at_hand(self) -> Keys | None:
        """Keys that were asked for within five minutes; None when they must be asked for first."""
        now = self._loop.time()
        age_s = now - self._got_at
        if self._keys is None or age_s >= _STALE_S:
            return None
        if age_s > _FRESH_S and now - self._asked_at > _PAUSE_S:
            self._start()  # meanwhile, and if that fails, the keys we have serve
        return self._keys

    async def fetch(self) -> Keys:
        """Keys asked for now; whatever `ask` raises."""
        return await asyncio.shield(self._start())

    async def renew(self, refused: Keys) -> None:
        """Ask anew, unless that was done since `refused` were used."""
        if self._keys is refused:
            await self.fetch()

    def close(self) -> None:
        """Wait for no keys."""
        if self._renewing is not None:
            self._renewing.cancel()

    def _start(self) -> asyncio.Task[Keys]:
        if self._renewing is None or self._renewing.done():
            self._asked_at = self._loop.time()
            self._renewing = self._loop.create_task(self._fetch())
            # What nobody waits for may fail unheard: it is asked again before the keys at hand are stale.
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._renewing

    async def _fetch(self) -> Keys:
        keys = await self._loop.run_in_executor(None, self._ask)
        self._keys, self._got_at = keys, self._loop.time()
        return keys
