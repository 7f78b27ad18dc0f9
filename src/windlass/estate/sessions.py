"""The session of each account, handed out only after AWS confirmed whose credentials it holds.

Every client of every capability gets its credentials here. Before the first call in an account, GetCallerIdentity is
called once with exactly the credentials that would make the call; a response that names another account, or an account
outside `estate.allowed_accounts`, refuses the account. GetCallerIdentity needs no permission (AWS STS API Reference).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from windlass.core.arns import AccountId, parse_arn
from windlass.core.errors import AccessDenied, AwsError, WindlassError
from windlass.estate.accounts import check_allowed
from windlass.estate.clients import make_client
from windlass.estate.config import EstateConfig
from windlass.estate.credentials import EMBEDDED_ACCOUNT, assumed_session, base_session, embedded_session
from windlass.estate.model import Account, Identity, Scope
from windlass.estate.policy import Decision
from windlass.estate.translate import is_unanswered

__all__ = ["Sessions"]

FAILURE_KEPT_S = 30.0
"""A refused account is tried again after this time: thousands of scopes must not repeat one refused AssumeRole."""

Ask = Callable[[Scope, Callable[[], dict[str, Any]], str], dict[str, Any]]
"""(scope, call, where) -> response: the estate's paced and retried call, which raises our errors."""


@dataclass(frozen=True, slots=True)
class _Opened:
    session: Any
    identity: Identity


@dataclass(frozen=True, slots=True)
class _Failed:
    error: WindlassError
    at: float


class Sessions:
    """Sessions by account id. `account_of` gives the account's role; `ask` sends the identity calls."""

    def __init__(
        self,
        config: EstateConfig,
        decision: Decision,
        *,
        account_of: Callable[[str], Account],
        ask: Ask,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._decision = decision
        self._account_of = account_of
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._results: dict[str, _Opened | _Failed] = {}
        self._sts: Any = None

    def of(self, account_id: str) -> Any:
        """The session whose credentials belong to `account_id`. AccessDenied when they belong to another account."""
        return self._result(account_id, self._open).session

    def identity(self, account_id: str) -> Identity:
        """The identity in `account_id`, as AWS confirmed it. Raises the errors of `of`."""
        return self._result(account_id, self._open).identity

    def caller(self) -> Identity:
        """The identity of the decision's credentials: the start of every role chain."""
        return self._base().identity

    def close(self) -> None:
        """Close the client that assumes roles."""
        with self._lock:
            client, self._sts = self._sts, None
        if client is not None:
            client.close()

    def _result(self, key: str, open_: Callable[[str], _Opened]) -> _Opened:
        """The remembered result for `key`, else that of `open_(key)`; one thread makes the call, the others wait for its result."""
        result = self._results.get(key)
        if not isinstance(result, _Opened):
            with self._lock:
                lock = self._locks.setdefault(key, threading.Lock())
            with lock:
                result = self._results.get(key)
                if result is None or (isinstance(result, _Failed) and self._clock() - result.at > FAILURE_KEPT_S):
                    result = self._results[key] = self._attempt(key, open_)
        if isinstance(result, _Failed):
            # A copy: an exception that several threads raise would collect all their tracebacks.
            raise type(result.error)(result.error.message, hint=result.error.hint, code=result.error.code)
        return result

    def _attempt(self, key: str, open_: Callable[[str], _Opened]) -> _Opened | _Failed:
        try:
            return open_(key)
        except WindlassError as error:
            return _Failed(error, self._clock())

    def _base(self) -> _Opened:
        return self._result("", self._open_base)

    def _open_base(self, _: str) -> _Opened:
        if self._decision.embedded:
            first = self._config.accounts[0].id if self._config.accounts else EMBEDDED_ACCOUNT
            session = embedded_session(first, self._config.endpoint_secret)
            identity = self._identify_embedded(session, first)
        else:
            session = base_session(self._decision, region=self._config.home_region, ca_bundle=self._config.ca_bundle)
            identity = self._identify(session, "")
        check_allowed((Account(id=identity.account_id),), self._config.allowed_accounts)
        return _Opened(session, identity)

    def _open(self, account_id: str) -> _Opened:
        account = self._account_of(account_id)
        check_allowed((account,), self._config.allowed_accounts)
        if account.role_arn:
            opened = self._assumed(account)
        elif self._decision.embedded:
            session = embedded_session(account_id, self._config.endpoint_secret)
            opened = _Opened(session, self._identify_embedded(session, account_id))
        else:
            opened = self._base()
        if opened.identity.account_id != account_id:
            raise _mismatch(self._config, account, opened.identity)
        return opened

    def _assumed(self, account: Account) -> _Opened:
        owner = parse_arn(account.role_arn)
        if owner is not None and owner.account != account.id:
            raise AccessDenied(
                f"account {account.id}: its role {account.role_arn} belongs to account {owner.account}; nothing was "
                "called with it",
                hint=f"Name a role of {account.id} in [[estate.accounts]], or correct the account's id.",
                code="AccountMismatch",
            )
        base = self._base()
        session = assumed_session(
            base.session,
            lambda params: self._assume(account, base.identity, params),
            role_arn=account.role_arn,
            external_id=account.external_id,
            session_name=account.session_name,
        )
        return _Opened(session, self._identify(session, account.id))

    def _assume(self, account: Account, caller: Identity, params: dict[str, str]) -> dict[str, Any]:
        """AssumeRole's response. AccessDenied names both sides of the trust policy."""
        scope = Scope(caller.account_id, self._config.home_region, "sts")
        where = f"sts AssumeRole in {self._config.home_region} of {caller.account_id}"
        client = self._sts_of_base()
        try:
            return self._ask(scope, lambda: client.assume_role(**params), where)
        except AccessDenied as error:
            external = " with this external id" if account.external_id else ""
            raise AccessDenied(
                f"account {account.id}: {caller.arn} may not assume {account.role_arn}: {error.message}",
                hint=f"Check that the role exists, that its trust policy allows this identity{external}, and that this "
                "identity has sts:AssumeRole on it.",
                code=error.code,
            ) from None

    def _sts_of_base(self) -> Any:
        session = self._base().session
        with self._lock:  # making a client is not thread-safe in botocore
            if self._sts is None:
                self._sts = make_client(session, self._config, self._config.home_region, "sts")
            return self._sts

    def _identify(self, session: Any, account_id: str) -> Identity:
        client = make_client(session, self._config, self._config.home_region, "sts")
        place = f" of {account_id}" if account_id else ""
        try:
            response = self._ask(
                Scope(account_id, self._config.home_region, "sts"),
                client.get_caller_identity,
                f"sts GetCallerIdentity in {self._config.home_region}{place}",
            )
        finally:
            client.close()
        confirmed = str(response.get("Account") or "")
        if not confirmed:
            raise AwsError(
                f"sts GetCallerIdentity in {self._config.home_region}{place}: the response names no account",
                hint="A proxy may have answered instead of AWS: check the network and estate.ca_bundle.",
                code="Malformed",
            )
        return Identity(AccountId(confirmed), str(response.get("Arn", "")))

    def _identify_embedded(self, session: Any, account_id: str) -> Identity:
        """Who a loopback endpoint says we are. One without STS (ElasticMQ, rclone) is believed: its keys are our own fixed
        ones, made from the account's id, and open nothing anywhere else."""
        try:
            return self._identify(session, account_id)
        except WindlassError as error:
            if is_unanswered(error):
                raise
            return Identity(AccountId(account_id), "")


def _mismatch(config: EstateConfig, account: Account, identity: Identity) -> AccessDenied:
    if account.role_arn:
        hint = f"Correct the role of {account.id} in [[estate.accounts]]."
    elif config.organization:
        hint = "Set estate.organization_role to the role that exists in each account of the organization."
    else:
        hint = f"Give account {account.id} a role in [[estate.accounts]], or use credentials of that account."
    return AccessDenied(
        f"account {account.id}: the credentials belong to account {identity.account_id} ({identity.arn}); nothing else "
        "was called with them",
        hint=hint,
        code="AccountMismatch",
    )
