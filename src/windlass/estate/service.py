"""The estate's one door: who we are, which accounts and regions there are, and every AWS call.

A call waits for its scope's pace, is retried here (throttling apart from transient faults, so that both are counted
and neither is hidden in botocore), and raises our errors.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from windlass.core.access import Access
from windlass.core.arns import GLOBAL_REGION, AccountId, Region, partition_of
from windlass.core.aws_errors import THROTTLE_CODES
from windlass.core.errors import AccessRefused, WindlassError
from windlass.estate import accounts as listing
from windlass.estate.access import make_access
from windlass.estate.clients import Clients, client_config, make_client
from windlass.estate.config import EstateConfig
from windlass.estate.credentials import EMBEDDED_ACCOUNT, assumed_session, base_session, embedded_session
from windlass.estate.direct import Direct
from windlass.estate.facts import environment_name, read_facts
from windlass.estate.model import Account, AccountIdentity, Scope, ThrottleStat, WhoAmI
from windlass.estate.paging import pages
from windlass.estate.policy import decide
from windlass.estate.throttle import Pacer
from windlass.estate.translate import is_transient, is_unreachable, translate

__all__ = ["Estate", "Observer", "open_estate"]

_THROTTLE_RETRIES = 10
_SIGNING_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}

Observer = Callable[[Scope, str, float], None]
"""Told of each attempt: its scope, its outcome (ok, throttled, error) and its time in seconds."""


def open_estate(
    config: EstateConfig,
    environ: Mapping[str, str],
    *,
    profile: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
    observe: Observer = lambda *_: None,
) -> Estate:
    """The estate under the credential policy. Nothing is asked of AWS yet; credentials are resolved on first use."""
    return Estate(config, environ, profile=profile or "", notify=notify, observe=observe)


class Estate:
    """Accounts, regions and calls; close it, or use it with `with`."""

    def __init__(
        self,
        config: EstateConfig,
        environ: Mapping[str, str],
        *,
        profile: str = "",
        notify: Callable[[str], None] = lambda _: None,
        observe: Observer = lambda *_: None,
    ) -> None:
        self.config = config
        self.environment = environment_name(environ)
        self.decision = decide(read_facts(config, environ, profile=profile))
        self._notify = notify
        self._observe = observe
        self._pacer = Pacer()
        self._lock = threading.RLock()
        self._base: Any = None
        self._caller: tuple[str, str] | None = None
        self._accounts: tuple[Account, ...] | None = None
        self._regions: dict[str, tuple[Region, ...]] = {}
        self._sessions: dict[str, Any] = {}
        self._clients = Clients(config, self._session)

    def accounts(self) -> tuple[Account, ...]:
        """The accounts to work in, every one of them allowed by `estate.allowed_accounts`."""
        with self._lock:
            if self._accounts is None:
                found = self._list_accounts()
                listing.check_allowed(found, self.config.allowed_accounts)
                self._accounts = found
            return self._accounts

    def account(self, account_id: str) -> Account:
        """The account of this id; AccessRefused when it is none of ours."""
        found = next((one for one in self.accounts() if one.id == account_id), None)
        if found is None:
            raise AccessRefused(
                f"account {account_id} is not one of this estate's", hint="Add it to [[estate.accounts]]."
            )
        return found

    def regions(self, account_id: str) -> tuple[Region, ...]:
        """The regions to work in: as configured, or those the account has enabled."""
        if self.config.regions != "enabled":
            return tuple(Region(name) for name in self.config.regions)
        with self._lock:
            if account_id not in self._regions:
                answer = self.call(account_id, self.config.home_region, "ec2", "DescribeRegions")
                names = sorted(one["RegionName"] for one in answer["Regions"])
                ours = self.partition(account_id)
                self._regions[account_id] = tuple(Region(name) for name in names if partition_of(name) == ours)
            return self._regions[account_id]

    def partition(self, account_id: str) -> str:  # noqa: ARG002  one partition per credential, hence per estate
        """The partition all of this estate's accounts are in."""
        first = self.config.home_region if self.config.regions == "enabled" else self.config.regions[0]
        return partition_of(first)

    def client(self, account_id: str, region: str, service: str) -> Any:
        """The botocore client; `aws-global` is the partition's signing region."""
        if region == GLOBAL_REGION:
            region = _SIGNING_REGION.get(self.partition(account_id), self.config.home_region)
        return self._clients.get(account_id, region, service)

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """One call by AWS's own operation name (`GetBucketTagging`); its answer without the response metadata."""
        where = f"{service} {operation} in {region} of {account_id}"
        scope = Scope(account_id, region, service)
        try:
            method = getattr(self.client(account_id, region, service), xform_name(operation))
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None
        return self._attempt(scope, lambda: method(**params), where)

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Every page of a listing, each a call of its own in pace, retries and errors."""

        def ask(**asked: Any) -> dict[str, Any]:
            return self.call(account_id, region, service, operation, **asked)

        try:
            client = self.client(account_id, region, service)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=f"{service} {operation} in {region} of {account_id}") from None
        return pages(client, operation, ask, params)

    def access(self, account_id: str, region: str, service: str) -> Access:
        """What the wire needs to speak to a service itself: endpoint, keys, proxy, timeouts."""
        where = f"{service} in {region} of {account_id}"
        try:
            client = self.client(account_id, region, service)
            return make_access(self.config, client, self._session(account_id), account_id, region, self.client)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None

    def direct(self, account_id: str, region: str, service: str, *, read_timeout_s: float, connections: int) -> Direct:
        """A client of the caller's own: one attempt per call, paced and retried by the caller."""
        where = f"{service} in {region} of {account_id}"
        try:
            config = client_config(self.config, read_timeout_s=read_timeout_s, connections=connections)
            return Direct(make_client(self._session(account_id), self.config, region, service, config), where)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None

    def whoami(self) -> WhoAmI:
        """The chain as decided, and who that makes us in every account. Refusals are in the answer, not raised."""
        identities: list[AccountIdentity] = []
        if not self.decision.refusal:
            try:
                found = self.accounts()
            except WindlassError as error:
                return self._chain((AccountIdentity("", "", "", f"{error.message} ({error.hint})"),))
            identities = [self._identity(one) for one in found]
        return self._chain(tuple(identities))

    def throttle_stats(self) -> tuple[ThrottleStat, ...]:
        """Calls, throttled calls and pace of every scope."""
        return self._pacer.stats()

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _chain(self, identities: tuple[AccountIdentity, ...]) -> WhoAmI:
        environment = self.environment or "local"
        return WhoAmI(environment, self.config.endpoint_url, self.decision.sources, identities)

    def _identity(self, account: Account) -> AccountIdentity:
        try:
            answer = self.call(account.id, self.config.home_region, "sts", "GetCallerIdentity")
        except WindlassError as error:
            return AccountIdentity(account.id, account.alias, "", error.message)
        return AccountIdentity(account.id, account.alias, answer["Arn"])

    def _attempt(self, scope: Scope, send: Callable[[], dict[str, Any]], where: str) -> dict[str, Any]:
        throttled = failed = 0
        while True:
            self._pacer.wait(scope)
            started = time.perf_counter()
            try:
                answer = send()
            except (BotoCoreError, ClientError) as error:
                slow = _code(error) in THROTTLE_CODES
                self._observe(scope, "throttled" if slow else "error", time.perf_counter() - started)
                if slow:
                    self._pacer.refused(scope)
                    throttled += 1
                    if throttled <= _THROTTLE_RETRIES:
                        continue
                elif is_transient(error) or is_unreachable(error):
                    failed += 1
                    # What does not answer is asked once more, no oftener: others wait for our threads.
                    if failed <= (1 if is_unreachable(error) else self.config.retries):
                        time.sleep(min(5.0, 0.1 * 2**failed) * random.random())  # noqa: S311  jitter
                        continue
                raise translate(error, where=where) from None
            self._pacer.succeeded(scope)
            self._observe(scope, "ok", time.perf_counter() - started)
            answer.pop("ResponseMetadata", None)
            return answer

    def _list_accounts(self) -> tuple[Account, ...]:
        partition = self.partition("")
        if self.config.accounts:
            return tuple(listing.configured(one, partition) for one in self.config.accounts)
        caller_id, _ = self._identify()
        if self.config.organization or self.decision.embedded:
            try:
                return listing.from_organization(
                    self._pages_of_caller, self.config, caller_id, partition, embedded=self.decision.embedded
                )
            except WindlassError:
                if self.config.organization:
                    raise
        return (Account(id=AccountId(caller_id)),)

    def _pages_of_caller(self, service: str, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
        caller_id, _ = self._identify()
        return self.pages(caller_id, self.config.home_region, service, operation, **params)

    def _identify(self) -> tuple[str, str]:
        """The account and ARN of the credentials we start from."""
        with self._lock:
            if self._caller is None:
                client = make_client(self._base_session(), self.config, self.config.home_region, "sts")
                scope = Scope("", self.config.home_region, "sts")
                answer = self._attempt(
                    scope, client.get_caller_identity, f"sts GetCallerIdentity in {self.config.home_region}"
                )
                client.close()
                self._caller = (answer["Account"], answer["Arn"])
                if not self.environment and not self.config.endpoint_url:
                    self._notify(f"using AWS account {answer['Account']} as {answer['Arn']}")
            return self._caller

    def _base_session(self) -> Any:
        with self._lock:
            if self._base is None:
                if self.decision.embedded:
                    first = self.config.accounts[0].id if self.config.accounts else EMBEDDED_ACCOUNT
                    self._base = embedded_session(first, self.config.endpoint_secret)
                else:
                    self._base = base_session(self.decision, region=self.config.home_region)
            return self._base

    def _session(self, account_id: str) -> Any:
        """The session that works in an account: the caller's own, a role's, or the embedded AWS's keys for it."""
        with self._lock:
            if account_id not in self._sessions:
                self._sessions[account_id] = self._make_session(account_id)
            return self._sessions[account_id]

    def _make_session(self, account_id: str) -> Any:
        known = {one.id: one for one in self._accounts or ()} or {
            AccountId(one.id): listing.configured(one, self.partition("")) for one in self.config.accounts
        }
        listing.check_allowed((Account(id=AccountId(account_id)),), self.config.allowed_accounts)
        account = known.get(AccountId(account_id))
        if account is not None and account.role_arn:
            base = self._base_session()
            return assumed_session(
                base, lambda service: make_client(base, self.config, self.config.home_region, service),
                role_arn=account.role_arn, external_id=account.external_id, session_name=account.session_name,
            )  # fmt: skip
        if self.decision.embedded:
            return embedded_session(account_id, self.config.endpoint_secret)
        return self._base_session()


def _code(error: BaseException) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""
