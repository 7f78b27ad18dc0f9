"""The accounts of a collection: our identity in each, its regions and their source, and why an account is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, select

from windlass.core.canonical import canonical_json
from windlass.core.clock import format_time, parse_time
from windlass.core.errors import ConfigError, WindlassError
from windlass.core.pool import map_bounded
from windlass.estate.model import RegionList, RegionSource
from windlass.inventory.model import GLOBAL, AccountStatus, ScopeState
from windlass.inventory.ports import EstateCaller
from windlass.inventory.scope_scan import classify
from windlass.inventory.tables import account_state, scope
from windlass.store.engine import Store

__all__ = ["AccountSurvey", "last_regions", "list_accounts", "save_accounts", "survey"]

_CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class AccountSurvey:
    """What is known of an account before its scopes are scanned: our ARN (empty when refused), its regions, the refusal."""

    account_id: str
    arn: str
    regions: RegionList
    refusal: WindlassError | None = None


def survey(caller: EstateCaller, account_ids: Iterable[str]) -> tuple[AccountSurvey, ...]:
    """Survey every account, and return the surveys in the given order. A refused account does not stop the others.

    ConfigError when there are no credentials at all.
    """
    listed = list(account_ids)
    surveys: dict[str, AccountSurvey] = {}
    for outcome in map_bounded(
        lambda account_id: _survey(caller, account_id), listed, limit=_CONCURRENCY, name="survey"
    ):
        if outcome.error is not None:
            raise outcome.error
        assert outcome.result is not None
        surveys[outcome.item] = outcome.result
    return tuple(surveys[account_id] for account_id in listed)


def _survey(caller: EstateCaller, account_id: str) -> AccountSurvey:
    arn, refusal = "", None
    try:
        arn = caller.identity(account_id).arn
    except ConfigError:
        raise
    except WindlassError as error:
        refusal = error
    return AccountSurvey(account_id, arn, caller.region_list(account_id), refusal)


def save_accounts(store: Store, surveys: Sequence[AccountSurvey], *, now: datetime) -> None:
    """Write the surveys. The regions that AWS last listed are kept when a later survey gets no list."""
    when = format_time(now)
    with store.write() as connection:
        for account in surveys:
            values = _values(account) | {"state_since": when, "checked_at": when}
            insertion = store.upsert(account_state).values(**values)
            new = insertion.excluded
            changed = {name: new[name] for name in values if name != "account_id"}
            changed["state_since"] = case(
                (account_state.c.state == new.state, account_state.c.state_since), else_=new.state_since
            )
            if not _listed_by_aws(account):
                changed["regions_known"] = account_state.c.regions_known
            connection.execute(insertion.on_conflict_do_update(index_elements=["account_id"], set_=changed))


def _listed_by_aws(account: AccountSurvey) -> bool:
    return account.regions.source in (RegionSource.EC2, RegionSource.ACCOUNT)


def _values(account: AccountSurvey) -> dict[str, str]:
    regions = canonical_json(list(account.regions.regions))
    return {
        "account_id": account.account_id,
        "state": str(classify(account.refusal) if account.refusal else ScopeState.OK),
        "arn": account.arn,
        "error_code": account.refusal.code if account.refusal else "",
        "error": account.refusal.message if account.refusal else "",
        "regions": regions,
        "regions_source": str(account.regions.source),
        "regions_note": "; ".join(account.regions.failures),
        "regions_known": regions if _listed_by_aws(account) else "[]",
    }


def list_accounts(connection: Connection) -> tuple[AccountStatus, ...]:
    """Return every account that was ever surveyed, by id."""
    rows = connection.execute(select(account_state).order_by(account_state.c.account_id))
    return tuple(
        AccountStatus(
            account_id=row.account_id,
            state=ScopeState(row.state),
            state_since=parse_time(row.state_since),
            arn=row.arn,
            error_code=row.error_code,
            error=row.error,
            regions=tuple(json.loads(row.regions)),
            regions_source=row.regions_source,
            regions_note=row.regions_note,
            checked_at=parse_time(row.checked_at),
        )
        for row in rows
    )


def last_regions(connection: Connection, account_id: str) -> tuple[str, ...]:
    """Return the regions that AWS last listed for an account, else those in which a scope was read; empty without either."""
    statement = select(account_state.c.regions_known).where(account_state.c.account_id == account_id)
    known = json.loads(connection.execute(statement).scalar() or "[]")
    if not known:
        read = (
            select(scope.c.region)
            .distinct()
            .where(scope.c.account_id == account_id, scope.c.region != GLOBAL, scope.c.last_good_at.is_not(None))
        )
        known = sorted(connection.execute(read).scalars())
    return tuple(known)
