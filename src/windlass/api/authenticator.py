"""Checks of credentials. A failure is counted for its address and recorded in the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable

from windlass.api.failed_logins import AUDITED_PER_WINDOW, FailedLogins
from windlass.api.problems import LoginBlocked
from windlass.api.tokens import Token, check_token, token_digest
from windlass.core import clock
from windlass.observe.log import logger
from windlass.store.audit_log import audit
from windlass.store.engine import Store

__all__ = ["Authenticator"]


class Authenticator:
    """Checks tokens for one console process, and refuses addresses with too many failures."""

    def __init__(self, store: Callable[[], Store], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._failed_logins = FailedLogins(monotonic)

    def check_address(self, address: str) -> None:
        """Raise LoginBlocked while credentials from this address are not checked."""
        wait_s = self._failed_logins.blocked_s(address)
        if wait_s > 0:
            raise LoginBlocked(wait_s)

    def by_token(self, text: str, address: str, *, channel: str) -> Token | None:
        """Return the active token with this secret; None, counted and audited, for any other text.

        `channel` is how it was sent: `bearer` or `form`. LoginBlocked after too many failures.
        """
        self.check_address(address)
        token = check_token(self._store(), text, now=clock.now())
        if token is None:
            self.record_failure(
                address, token_digest(text), channel=channel, reason="unknown, expired or revoked token"
            )
        return token

    def record_failure(self, address: str, digest: str, *, channel: str, reason: str) -> None:
        """Count a failed login and record it in the log and the audit log, within the bound of the audit log."""
        record = self._failed_logins.record(address, digest)
        if not record.audited:
            return
        detail = f"{channel}: {reason}"
        if record.blocked:
            detail += "; the address is blocked for now"
        if record.flood:
            detail += f"; {AUDITED_PER_WINDOW} failures in this window: further failures are not listed"
        logger("console").warning(
            "login.failed", address=address, channel=channel, error=reason, blocked=record.blocked
        )
        audit(
            self._store(),
            actor=f"address:{address}",
            action="login.failed",
            target="console",
            detail=detail,
            now=clock.now(),
        )
