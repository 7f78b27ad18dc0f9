"""The estate: identity, accounts, regions, and every AWS call.

A call waits for its scope's pace, is retried here (throttling apart from transient faults, so that both are counted
and neither is hidden in botocore), and raises our errors.
"""

from __future__ import annotations

import functools
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from windlass.core.access import Access
from windlass.core.arns import GLOBAL_REGION, AccountId, Region, partition_of
from windlass.core.aws_errors import THROTTLE_CODES
from windlass.core.errors import AccessDenied, WindlassError
from windlass.estate import accounts as listing
from windlass.estate.access import make_access
from windlass.estate.clients import ClientCache, client_config, make_client
from windlass.estate.config import EstateConfig
from windlass.estate.direct import Direct
from windlass.estate.facts import environment_name, read_facts
from windlass.estate.model import (
    Account,
    AccountIdentity,
    Identity,
    RegionList,
    RegionSource,
    Scope,
    ThrottleStat,
    WhoAmI,
)
from windlass.estate.open_clients import OpenClients
from windlass.estate.paging import pages, rule_of
from windlass.estate.policy import decide
from windlass.estate.regions import LastRegions, Pages, list_regions
from windlass.estate.sessions import Sessions
from windlass.estate.throttle import Pacer
from windlass.estate.translate import is_transient, is_unreachable, translate

__all__ = ["Estate", "Observer", "open_estate"]

_THROTTLE_RETRIES = 10
_REGIONS_KEPT_S = 3600.0
_FALLBACK_KEPT_S = 60.0  # a list that did not come from AWS is requested again soon
_SIGNING_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}

Observer = Callable[[Scope, str, float], None]
"""Called after each attempt with its scope, outcome (ok, throttled, error) and duration in seconds."""


def open_estate(
    config: EstateConfig,
    environ: Mapping[str, str],
    *,
    profile: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
    observe: Observer = lambda *_: None,
    last_regions: LastRegions = lambda _: (),
) -> Estate:
    """Open the estate under the credential policy. No call to AWS yet; credentials are resolved on first use.

    `last_regions` remembers the regions of an account for when AWS may not be asked for them.
    """
    return Estate(config, environ, profile=profile or "", notify=notify, observe=observe, last_regions=last_regions)


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
        last_regions: LastRegions = lambda _: (),
    ) -> None:
        self.config = config
        self.environment = environment_name(environ)
        self.decision = decide(read_facts(config, environ, profile=profile))
        self._notify = notify
        self._observe = observe
        self._pacer = Pacer()
        self._lock = threading.RLock()
        self._last_regions = last_regions
        self._greeted = False
        self._accounts: tuple[Account, ...] | None = None
        self._regions: dict[str, tuple[float, RegionList]] = {}
        self._sessions = Sessions(config, self.decision, account_of=self._account_of, ask=self.attempt)
        self._clients = ClientCache(config, self._sessions.of)
        self._open_clients = OpenClients()

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts, all of them in `estate.allowed_accounts`."""
        with self._lock:
            if self._accounts is None:
                self._accounts = self._list_accounts()
            return self._accounts

    def account(self, account_id: str) -> Account:
        """Return the account with this id. AccessDenied when it is not in the estate."""
        account = next((account for account in self.accounts() if account.id == account_id), None)
        if account is None:
            raise AccessDenied(f"account {account_id} is not in the estate", hint="Add it to [[estate.accounts]].")
        return account

    def identity(self, account_id: str) -> Identity:
        """Return the identity in an account; AWS is called once. AccessDenied when the credentials belong to another account."""
        return self._sessions.identity(account_id)

    def regions(self, account_id: str) -> tuple[Region, ...]:
        """Return the regions: as configured, or those the account has enabled, as far as known."""
        return self.region_list(account_id).regions

    def region_list(self, account_id: str, read_pages: Pages | None = None) -> RegionList:
        """Return the regions and their source. ConfigError when there are no credentials.

        `read_pages` reads the listings of the account in place of the estate's own clients.
        """
        if self.config.regions != "enabled":
            return RegionList(tuple(Region(name) for name in self.config.regions), RegionSource.CONFIGURATION)
        now = time.monotonic()
        kept = self._regions.get(account_id)
        if kept is None or now - kept[0] > (_REGIONS_KEPT_S if kept[1].source.current else _FALLBACK_KEPT_S):
            kept = self._regions[account_id] = (
                now,
                list_regions(
                    read_pages or functools.partial(self.pages, account_id),
                    account_id,
                    home_region=self.config.home_region,
                    partition=self.partition(account_id),
                    last=self._last_regions,
                ),
            )
        return kept[1]

    def partition(self, account_id: str) -> str:  # noqa: ARG002  one partition per credential, hence per estate
        """The partition of all accounts."""
        first = self.config.home_region if self.config.regions == "enabled" else self.config.regions[0]
        return partition_of(first)

    @property
    def s3_home_region(self) -> str:
        """Return the region whose endpoint lists all buckets of an account."""
        home = self.config.s3_home_region or self.config.home_region
        return home if partition_of(home) == self.partition("") else self._signing_region

    @property
    def _signing_region(self) -> str:
        return _SIGNING_REGION.get(self.partition(""), self.config.home_region)

    def client(self, account_id: str, region: str, service: str) -> Any:
        """Return the botocore client; `aws-global` means the region that serves the partition."""
        return self._clients.get(account_id, self.service_region(region, service), service)

    def service_region(self, region: str, service: str) -> str:
        """Return the region whose endpoint is called: `aws-global` means the one that serves the partition."""
        if region != GLOBAL_REGION:
            return region
        return self.s3_home_region if service == "s3" else self._signing_region

    def session(self, account_id: str) -> Any:
        """Return botocore's session of an account, its identity confirmed. AccessDenied when it is another account's."""
        return self._sessions.of(account_id)

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Call an operation by AWS's name (`GetBucketTagging`); return its response without metadata."""
        where = f"{service} {operation} in {region} of {account_id}"
        scope = Scope(account_id, region, service)
        try:
            client = self.client(account_id, region, service)
            method = getattr(client, xform_name(operation))
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None

        def send() -> dict[str, Any]:
            with self._open_clients.use(client):
                return method(**params)  # type: ignore[no-any-return]

        return self.attempt(scope, send, where)

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield every page of a listing; each is paced and retried as a call."""

        def ask(**params: Any) -> dict[str, Any]:
            return self.call(account_id, region, service, operation, **params)

        try:
            client = self.client(account_id, region, service)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=f"{service} {operation} in {region} of {account_id}") from None
        return pages(rule_of(client, operation), operation, ask, params)

    def access(self, account_id: str, region: str, service: str) -> Access:
        """Return the wire's access to a service: endpoint, keys, proxy, timeouts."""
        where = f"{service} in {region} of {account_id}"
        try:
            client = self.client(account_id, region, service)
            return make_access(self.config, client, self._sessions.of(account_id), account_id, region, self.client)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None

    def direct(self, account_id: str, region: str, service: str, *, read_timeout_s: float, connections: int) -> Direct:
        """Return a private client: one attempt per call; the caller paces and retries."""
        where = f"{service} in {region} of {account_id}"
        try:
            config = client_config(self.config, read_timeout_s=read_timeout_s, connections=connections)
            return Direct(make_client(self._sessions.of(account_id), self.config, region, service, config), where)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None

    def whoami(self) -> WhoAmI:
        """Return the decision on credentials and the identity per account. Refusals are in the result, not raised."""
        identities: list[AccountIdentity] = []
        if not self.decision.refusal:
            try:
                accounts = self.accounts()
            except WindlassError as error:
                return self._chain((AccountIdentity("", "", "", f"{error.message} ({error.hint})"),))
            identities = [self._identity(account) for account in accounts]
        return self._chain(tuple(identities))

    def throttle_stats(self) -> tuple[ThrottleStat, ...]:
        """Return calls, throttled calls and rate limit of every scope."""
        return self._pacer.stats()

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()
        self._sessions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _chain(self, identities: tuple[AccountIdentity, ...]) -> WhoAmI:
        environment = self.environment or "local"
        return WhoAmI(environment, self.config.endpoint_url, self.decision.sources, identities)

    def _identity(self, account: Account) -> AccountIdentity:
        try:
            identity = self.identity(account.id)
        except WindlassError as error:
            return AccountIdentity(account.id, account.alias, "", f"{error.message} ({error.hint})")
        return AccountIdentity(account.id, account.alias, identity.arn)

    def attempt(self, scope: Scope, send: Callable[[], dict[str, Any]], where: str) -> dict[str, Any]:
        """Return the response of `send`, paced by its scope and retried. `send` raises botocore's errors, this ours."""
        throttled = failed = 0
        while True:
            self._pacer.wait(scope)
            started = time.perf_counter()
            try:
                response = send()
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                slow = _code(error) in THROTTLE_CODES
                self._observe(scope, "throttled" if slow else "error", time.perf_counter() - started)
                if slow:
                    self._pacer.refused(scope)
                    throttled += 1
                    if throttled <= _THROTTLE_RETRIES:
                        continue
                elif is_transient(error) or is_unreachable(error):
                    failed += 1
                    # A call without a response is repeated only once: others wait for our threads.
                    if failed <= (1 if is_unreachable(error) else self.config.retries):
                        time.sleep(min(5.0, 0.1 * 2**failed) * random.random())  # noqa: S311  jitter
                        continue
                raise translate(error, where=where) from None
            self._pacer.succeeded(scope)
            self._observe(scope, "ok", time.perf_counter() - started)
            response.pop("ResponseMetadata", None)
            return response

    def _list_accounts(self) -> tuple[Account, ...]:
        partition = self.partition("")
        if self.config.accounts:
            accounts = tuple(listing.configured(account, partition) for account in self.config.accounts)
            listing.check_allowed(accounts, self.config.allowed_accounts)
            return accounts
        caller = self._caller()
        if self.config.organization or self.decision.embedded:
            try:
                accounts = listing.from_organization(
                    self._pages_of_caller, self.config, caller.account_id, partition, embedded=self.decision.embedded
                )
            except WindlassError:
                if self.config.organization:
                    raise
            else:
                return listing.within_guard_rail(accounts, self.config.allowed_accounts, notify=self._notify)
        return (Account(id=caller.account_id),)

    def _pages_of_caller(self, service: str, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
        return self.pages(self._caller().account_id, self.config.home_region, service, operation, **params)

    def _caller(self) -> Identity:
        """The identity of the initial credentials; shown to the user once for AWS in a local environment."""
        caller = self._sessions.caller()
        with self._lock:
            first, self._greeted = not self._greeted, True
        if first and not self.environment and not self.config.endpoint_url:
            self._notify(f"using AWS account {caller.account_id} as {caller.arn}")
        return caller

    def _account_of(self, account_id: str) -> Account:
        """The account with its role. An id that is not configured is reached directly, where the credentials are its own."""
        named = next((account for account in self.config.accounts if account.id == account_id), None)
        if named is not None:
            return listing.configured(named, self.partition(account_id))
        direct = Account(id=AccountId(account_id))
        if not self.config.organization or self.config.accounts or self._sessions.caller().account_id == account_id:
            return direct
        return next((account for account in self.accounts() if account.id == account_id), direct)


def _code(error: BaseException) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""
