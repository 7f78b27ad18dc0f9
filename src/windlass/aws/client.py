"""The generic client: calls read operations of AWS by name, for all accounts and regions, without botocore's clients.

It implements the inventory's EstateCaller. The estate provides identities, accounts, pacing, retries and error translation.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationNotFoundError

from windlass.aws.connection_pool import ConnectionPool, NetworkOptions
from windlass.aws.endpoint_resolution import Endpoints
from windlass.aws.exchange import Exchange, Unsupported
from windlass.aws.limits import unsupported_params
from windlass.aws.service_models import Operation, ServiceModels
from windlass.core.arns import Region
from windlass.core.errors import AwsError
from windlass.estate.access import ca_bundle_of
from windlass.estate.model import Account, Identity, RegionList, Scope
from windlass.estate.paging import pages
from windlass.estate.paging_rule import PagingRule, Unpageable, paging_rule
from windlass.estate.service import Estate
from windlass.estate.translate import translate

__all__ = ["AwsClient"]


class AwsClient:
    """A reader of AWS for an estate, which it does not close. Close it, or use it with `with`. Thread-safe."""

    def __init__(self, estate: Estate, *, models: ServiceModels | None = None) -> None:
        self.estate = estate
        self._models = models or ServiceModels()
        config = estate.config
        options = NetworkOptions(
            ca_bundle=ca_bundle_of(config),
            connect_timeout_s=config.connect_timeout_s,
            read_timeout_s=config.read_timeout_s,
        )
        self.pool = ConnectionPool(options)
        self._exchange = Exchange(self._models, Endpoints(config, self._models), self.pool)
        self._rules: dict[tuple[str, str], PagingRule | Unpageable] = {}

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts of the estate."""
        return self.estate.accounts()

    def identity(self, account_id: str, /) -> Identity:
        """Return the confirmed identity in an account."""
        return self.estate.identity(account_id)

    def region_list(self, account_id: str, /) -> RegionList:
        """Return the regions of an account and their source."""
        return self.estate.region_list(account_id, functools.partial(self.pages, account_id))

    def regions(self, account_id: str, /) -> tuple[Region, ...]:
        """Return the regions of an account."""
        return self.region_list(account_id).regions

    def partition(self, account_id: str, /) -> str:
        """Return the account's partition."""
        return self.estate.partition(account_id)

    def call(self, account_id: str, region: str, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Call an operation by AWS's name; return its response without metadata. Errors are those of `Estate.call`."""
        where = f"{service} {operation} in {region} of {account_id}"
        model = self._operation(service, operation, where)
        if model.unsupported or unsupported_params(service, params):
            return self.estate.call(account_id, region, service, operation, **params)
        try:
            session = self.estate.session(account_id)
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=where) from None
        actual_region = self.estate.service_region(region, service)
        try:
            return self.estate.attempt(
                Scope(account_id, region, service),
                lambda: self._exchange.call(model, actual_region, params, session),
                where,
            )
        except Unsupported:
            return self.estate.call(account_id, region, service, operation, **params)

    def pages(
        self, account_id: str, region: str, service: str, operation: str, /, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield every page of a listing; each is paced and retried like a call."""

        def ask(**request: Any) -> dict[str, Any]:
            return self.call(account_id, region, service, operation, **request)

        where = f"{service} {operation} in {region} of {account_id}"
        return pages(self._rule(service, operation, where), operation, ask, params)

    def close(self) -> None:
        """Close all connections."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _operation(self, service: str, name: str, where: str) -> Operation:
        try:
            return self._models.operation(service, name)
        except BotoCoreError as error:
            raise translate(error, where=where) from None
        except OperationNotFoundError:
            raise AwsError(
                f"{where}: botocore knows no such operation", hint="Update botocore.", code="UnknownOperation"
            ) from None

    def _rule(self, service: str, name: str, where: str) -> PagingRule | Unpageable:
        key = (service, name)
        rule = self._rules.get(key)
        if rule is None:
            model = self._operation(service, name, where).service.model
            rule = self._rules[key] = paging_rule(model, name, self._models.paginator(service, name))
        return rule
