"""The current keys: fetched on a thread, and renewed in the background while the old ones are still valid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from windlass.core.access import Keys

__all__ = ["CredentialCache"]

_FRESH_S = 60.0
_STALE_S = 300.0
_PAUSE_S = 5.0


class CredentialCache:
    """Keeps what `ask()` returns. `ask` may block: it runs on a thread, and never twice at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ask: Callable[[], Keys]) -> None:
        self._loop = loop
        self._ask = ask
        self._keys: Keys | None = None
        self._got_at = self._asked_at = 0.0
        self._renewing: asyncio.Task[Keys] | None = None

    def at_hand(self) -> Keys | None:
        """Return keys that were fetched within five minutes; None when they must be fetched first."""
        now = self._loop.time()
        age_s = now - self._got_at
        if self._keys is None or age_s >= _STALE_S:
            return None
        if age_s > _FRESH_S and now - self._asked_at > _PAUSE_S:
            self._start()  # until it succeeds, the keys at hand are used
        return self._keys

    async def fetch(self) -> Keys:
        """Fetch the keys now. Errors are those of `ask`."""
        return await asyncio.shield(self._start())

    async def renew(self, refused: Keys) -> None:
        """Fetch new keys, unless that happened since `refused` were used."""
        if self._keys is refused:
            await self.fetch()

    def close(self) -> None:
        """Cancel a fetch under way."""
        if self._renewing is not None:
            self._renewing.cancel()

    def _start(self) -> asyncio.Task[Keys]:
        if self._renewing is None or self._renewing.done():
            self._asked_at = self._loop.time()
            self._renewing = self._loop.create_task(self._fetch())
            # A failure in the background is ignored: the next fetch comes before the keys at hand are stale.
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._renewing

    async def _fetch(self) -> Keys:
        keys = await self._loop.run_in_executor(None, self._ask)
        self._keys, self._got_at = keys, self._loop.time()
        return keys
