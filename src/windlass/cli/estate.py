"""`windlass whoami` and `windlass doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from windlass import __version__
from windlass.cli.context import open_app
from windlass.core import clock
from windlass.core.errors import AccessDenied, PartialFailure
from windlass.present.output import Format, emit, emit_value

if TYPE_CHECKING:
    from windlass.estate.model import AccountIdentity

whoami = typer.Typer(rich_markup_mode=None)
doctor = typer.Typer(rich_markup_mode=None)

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]


@whoami.command("whoami")
def whoami_command(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Show which identity is used and why: every credential source as decided, then who we are in each account.

    Exit code 1 when some accounts refuse us, 253 when all do.
    """
    estate = open_app(ctx).estate
    found = estate.whoami()
    if output is not Format.TABLE:
        emit_value(asdict(found) | {"refusal": estate.decision.refusal, "hint": estate.decision.hint})
    else:
        print(f"environment: {found.environment}; endpoint: {found.endpoint or 'AWS'}", file=sys.stderr)
        emit((asdict(one) for one in found.sources), output, ["name", "present", "verdict", "reason"])
        emit((asdict(one) for one in found.identities), output, ["account_id", "alias", "arn", "error"])
    estate.accounts()  # raises the refusal, or what is wrong with the identity
    _raise_refused(found.identities)


def _raise_refused(identities: Sequence[AccountIdentity]) -> None:
    """PartialFailure when some accounts refuse us, AccessDenied when all do."""
    refused = [one for one in identities if one.error]
    if refused:
        message = f"{len(refused)} of {len(identities)} accounts are refused; the first: {refused[0].error}"
        hint = "Commands go on with the other accounts; correct [[estate.accounts]] or the roles' trust policies."
        raise AccessDenied(message) if len(refused) == len(identities) else PartialFailure(message, hint=hint)


@doctor.command("doctor")
def doctor_command(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Check identity, endpoint, clock, regions, permissions and store; exit 1 when something fails."""
    from windlass.estate.doctor import checks
    from windlass.observe.health import run_checks
    from windlass.store.migrate import current_version

    app = open_app(ctx)
    looks = {
        "versions": lambda: f"windlass {__version__}, Python {sys.version.split()[0]}, {os.uname().sysname}",
        "configuration": lambda: str(app.loaded.file or "defaults and environment"),
        "store": lambda: f"{app.store.where}: {app.store.dialect}, schema {current_version(app.store)}",
    }
    found = run_checks(looks | dict(checks(app.estate, now=clock.now)))
    emit((asdict(one) for one in found), output, ["name", "state", "detail", "hint"])
    if any(one.state == "fail" for one in found):
        raise typer.Exit(1)
