"""`windlass token`: create, list, revoke."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.core.clock import later
from windlass.core.errors import UsageError
from windlass.core.units import parse_duration_s
from windlass.present.output import Format, emit

app = typer.Typer(no_args_is_help=True, help="Make and revoke tokens of the console and API.", rich_markup_mode=None)

_ACTOR = "command line"


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="Whose it is, or what for.")],
    role: Annotated[Literal["read", "operate", "admin"], typer.Option(help="What it may do.")] = "read",
    expires: Annotated[
        str, typer.Option(metavar="DURATION", help="How long it is valid: 24h, 90d, 52w; `never` for no end.")
    ] = "90d",
) -> None:
    """Make a token; it is shown this once."""
    from windlass.api.auth import Role
    from windlass.api.tokens import audit, create_token

    now = clock.now()
    expires_at = _end(expires, now)
    store = open_app(ctx).store
    token, secret = create_token(store, name=name, role=Role.named(role), now=now, expires_at=expires_at)
    end = f"{expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "never"
    audit(
        store,
        actor=_ACTOR,
        action="token.create",
        target=token.token_id,
        detail=f"{name} {role}, expires {end}",
        now=now,
    )
    print(f"{token.token_id}  {secret.reveal()}")
    print(f"expires: {end}", file=sys.stderr)


@app.command("list")
def list_(
    ctx: typer.Context,
    output: Annotated[Format, typer.Option("--output", "-o", help="Output format.")] = Format.TABLE,
) -> None:
    """List tokens, without their secrets."""
    from windlass.api.tokens import list_tokens

    now = clock.now()
    rows = [
        asdict(token) | {"role": token.role.name.lower(), "state": token.state(now)}
        for token in list_tokens(open_app(ctx).store)
    ]
    columns = ["token_id", "name", "role", "state", "created_at", "expires_at", "last_used_at", "revoked_at"]
    emit(rows, output, columns, now=now, empty="No tokens yet: `windlass token create --name me`.")


@app.command()
def revoke(
    ctx: typer.Context, token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="The token's id.")]
) -> None:
    """Take a token out of use at once."""
    from windlass.api.tokens import audit, revoke_token

    store = open_app(ctx).store
    token = revoke_token(store, token_id, now=clock.now())
    audit(store, actor=_ACTOR, action="token.revoke", target=token.token_id, now=clock.now())
    print(f"{token.token_id}: revoked")


def _end(text: str, now: datetime) -> datetime | None:
    """The time that `--expires` means; None for `never`. UsageError for a duration of nothing or past the calendar's end."""
    if text.strip().lower() == "never":
        return None
    seconds = parse_duration_s(text)
    if seconds <= 0:
        raise UsageError(f"a token can't expire after {text!r}", hint="Write 24h, 90d, 52w or `never`.")
    return later(now, seconds)
