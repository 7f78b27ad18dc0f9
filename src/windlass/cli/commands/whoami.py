"""`windlass whoami`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from windlass.cli.context import open_app
from windlass.core.errors import AccessDenied, PartialFailure
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit, emit_value

if TYPE_CHECKING:
    from windlass.estate.model import AccountIdentity

__all__ = ["whoami"]


def whoami(ctx: typer.Context, limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """Show which identity is used and why: the decision on each credential source, and the identity in each account.

    Exit code 1 when some accounts refuse the identity, 253 when all do.

    Examples:
      windlass whoami
      windlass --profile audit whoami -o json
    """
    estate = open_app(ctx).estate
    identity = estate.whoami()
    if output is not Format.TABLE:
        emit_value(asdict(identity) | {"refusal": estate.decision.refusal, "hint": estate.decision.hint})
    else:
        print(f"environment: {identity.environment}; endpoint: {identity.endpoint or 'AWS'}", file=sys.stderr)
        emit((asdict(source) for source in identity.sources), output, ["name", "present", "verdict", "reason"])
        accounts = (asdict(account) for account in identity.identities)
        emit(accounts, output, ["account_id", "alias", "arn", "error"], limit=limit)
    estate.accounts()  # raises when the identity is refused or wrong
    _raise_refused(identity.identities)


def _raise_refused(identities: Sequence[AccountIdentity]) -> None:
    """Raise PartialFailure when some accounts refuse the identity, AccessDenied when all do."""
    refused = [identity for identity in identities if identity.error]
    if refused:
        message = f"{len(refused)} of {len(identities)} accounts refuse the identity; the first: {refused[0].error}"
        hint = "Commands continue with the other accounts; correct [[estate.accounts]] or the roles' trust policies."
        raise AccessDenied(message) if len(refused) == len(identities) else PartialFailure(message, hint=hint)
