"""The estate's accounts: as configured, or as Organizations lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from windlass.core.arns import AccountId
from windlass.core.errors import AccessDenied, NotFound
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.model import Account

__all__ = ["check_allowed", "configured", "from_organization", "within_guard_rail"]

Pages = Callable[..., Iterator[dict[str, Any]]]


def configured(account: AccountConfig, partition: str) -> Account:
    """Return a configured account; a bare role name becomes an ARN."""
    return Account(
        id=AccountId(account.id),
        alias=account.alias,
        role_arn=_role_arn(account.role, account.id, partition),
        external_id=account.external_id,
        session_name=account.session_name,
        tags=account.tags,
    )


def _role_arn(role: str, account_id: str, partition: str) -> str:
    return role if not role or role.startswith("arn:") else f"arn:{partition}:iam::{account_id}:role/{role}"


def check_allowed(accounts: Iterable[Account], allowed: list[str]) -> None:
    """Raise AccessDenied for an account outside `estate.allowed_accounts` (empty allows all)."""
    outside = [account.id for account in accounts if allowed and account.id not in allowed]
    if outside:
        raise AccessDenied(
            f"account {', '.join(outside)} is not in estate.allowed_accounts; no call was made there",
            hint="Use an identity of an allowed account, or add this one to the list.",
            code="AccountNotAllowed",
        )


def within_guard_rail(
    accounts: tuple[Account, ...], allowed: list[str], *, notify: Callable[[str], None]
) -> tuple[Account, ...]:
    """Return the organization's accounts in `estate.allowed_accounts`. AccessDenied when none is."""
    inside = tuple(account for account in accounts if not allowed or account.id in allowed)
    if not inside:
        check_allowed(accounts, allowed)
    if len(inside) < len(accounts):
        notify(
            f"{len(accounts) - len(inside)} accounts of the organization are outside estate.allowed_accounts: left out"
        )
    return inside


def from_organization(
    pages: Pages, config: EstateConfig, caller_id: str, partition: str, *, embedded: bool
) -> tuple[Account, ...]:
    """Return the organization's active accounts by id, below `organization_units` when given.

    The caller's own account is reached directly; the others by `organization_role` (the embedded AWS has keys for each).
    """
    listed = _below_units(pages, config.organization_units) if config.organization_units else _all(pages)
    active = {entry["Id"]: entry for entry in listed if entry.get("Status", entry.get("State", "ACTIVE")) == "ACTIVE"}
    if not active:
        raise NotFound("the organization lists no active account", hint="Check estate.organization_units.")
    return tuple(
        Account(
            id=AccountId(account_id),
            alias=entry.get("Name", ""),
            role_arn=""
            if embedded or account_id == caller_id
            else _role_arn(config.organization_role, account_id, partition),
        )
        for account_id, entry in sorted(active.items())
    )


def _all(pages: Pages) -> Iterator[dict[str, Any]]:
    for page in pages("organizations", "ListAccounts"):
        yield from page.get("Accounts", [])


def _below_units(pages: Pages, units: list[str]) -> Iterator[dict[str, Any]]:
    pending = list(units)
    while pending:
        unit = pending.pop()
        for page in pages("organizations", "ListAccountsForParent", ParentId=unit):
            yield from page.get("Accounts", [])
        for page in pages("organizations", "ListOrganizationalUnitsForParent", ParentId=unit):
            pending.extend(child["Id"] for child in page.get("OrganizationalUnits", []))
