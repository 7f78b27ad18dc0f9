"""Logging in: a credential becomes a login, or a failure that is counted for its address and audited."""

from __future__ import annotations

import time
from collections.abc import Callable

from windlass.api.attempts import AUDITED_PER_WINDOW, Failures
from windlass.api.problems import LoginBlocked
from windlass.api.tokens import Token, audit, check_token, digest_of
from windlass.core import clock
from windlass.observe.log import logger
from windlass.store.engine import Store

__all__ = ["Logins"]


class Logins:
    """Checks credentials for one console process."""

    def __init__(self, store: Callable[[], Store], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._failures = Failures(monotonic)

    def check_address(self, address: str) -> None:
        """LoginBlocked while credentials from this address are not looked at."""
        wait_s = self._failures.blocked_s(address)
        if wait_s > 0:
            raise LoginBlocked(wait_s)

    def by_token(self, text: str, address: str, *, way: str) -> Token | None:
        """The active token of this secret; None, counted and audited, for any other text. LoginBlocked after too many.

        `way` says how it was sent: `bearer` or `form`.
        """
        self.check_address(address)
        token = check_token(self._store(), text, now=clock.now())
        if token is None:
            self.record_failure(address, digest_of(text), way=way, reason="unknown, expired or revoked token")
        return token

    def record_failure(self, address: str, digest: str, *, way: str, reason: str) -> None:
        """Count a failed login and write it into the audit trail and the log, as often as the trail's bound allows."""
        noted = self._failures.note(address, digest)
        if not noted.audited:
            return
        detail = f"{way}: {reason}"
        if noted.blocked:
            detail += "; the address is refused for now"
        if noted.flood:
            detail += f"; {AUDITED_PER_WINDOW} failures in this window: further ones are not listed"
        logger("console").warning("login.failed", address=address, way=way, error=reason, blocked=noted.blocked)
        audit(
            self._store(),
            actor=f"address:{address}",
            action="login.failed",
            target="console",
            detail=detail,
            now=clock.now(),
        )
