"""`windlass clients trail enable`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.clients.commands.options import open_clients
from windlass.clients.commands.trail.confirmation import agreed
from windlass.core import clock
from windlass.core.errors import Conflict, UsageError
from windlass.present.options import DryRun, Duration, Yes, words_of

if TYPE_CHECKING:
    from windlass.clients.service import Clients
    from windlass.clients.trail import TrailCall

__all__ = ["enable"]

_DAY_S = 86_400


def enable(
    ctx: typer.Context,
    bucket: Annotated[
        str, typer.Option("--bucket", metavar="BUCKET", help="Log bucket; it is created when it does not exist.")
    ] = "",
    buckets: Annotated[
        str, typer.Option("--buckets", metavar="A,B", help="Record events of these buckets only; of all by default.")
    ] = "",
    keep: Annotated[
        Duration,
        typer.Option("--keep", parser=Duration, metavar="DURATION", help="A new log bucket deletes files after this."),
    ] = Duration("90d"),
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Record S3 data events of all regions. The estimated price is printed first.

    Examples:
      windlass clients trail enable --dry-run
      windlass clients trail enable --buckets scans,photos --keep 30d --yes
    """
    from windlass.clients.trail import make_calls

    if keep < _DAY_S:
        raise UsageError(f"--keep {keep} is shorter than a day", hint="Give whole days, such as 90d.")
    clients, chosen = open_clients(ctx), words_of(buckets)
    home = clients.home
    log_bucket = bucket or f"{clients.config.trail_name}-{home.account_id}"
    _require_no_trail(clients)
    _print_price(clients, chosen)
    actions = _actions(clients, log_bucket, chosen, keep_days=round(keep / _DAY_S))
    if agreed(actions, "create the trail", dry_run=dry_run, yes=yes):
        make_calls(home.caller, home.account_id, home.region, actions)
        print(f"The trail records. In some minutes: windlass clients scan s3://{log_bucket}/AWSLogs/", file=sys.stderr)
        print("It costs money until `windlass clients trail disable` deletes it.", file=sys.stderr)


def _require_no_trail(clients: Clients) -> None:
    from windlass.clients import trail

    home, name = clients.home, clients.config.trail_name
    if trail.state_of(home.caller, home.account_id, home.region, name).exists:
        raise Conflict(f"the trail {name} exists", hint="`windlass clients trail status` shows it.")


def _actions(clients: Clients, log_bucket: str, buckets: tuple[str, ...], *, keep_days: int) -> tuple[TrailCall, ...]:
    from windlass.clients import trail
    from windlass.core.arns import partition_of

    home = clients.home
    return trail.enable_actions(
        name=clients.config.trail_name,
        bucket=log_bucket,
        account_id=home.account_id,
        region=home.region,
        partition=partition_of(home.region),
        buckets=buckets,
        keep_days=keep_days,
        new_bucket=not trail.bucket_exists(home.caller, home.account_id, home.region, log_bucket),
    )


def _print_price(clients: Clients, chosen: tuple[str, ...]) -> None:
    from windlass.clients import trail

    home = clients.home
    listed = (
        home.caller.call(home.account_id, home.region, "s3", "ListBuckets").get("Buckets", ()) if not chosen else ()
    )
    names = chosen or tuple(bucket["Name"] for bucket in listed)
    requests = trail.requests_per_day(home.caller, home.account_id, home.region, names, now=clock.now())
    price = trail.estimate(requests, trail.prices())
    print(
        f"About ${price.total_usd_month:,.2f} a month: {price.requests_per_day:,.0f} requests a day in "
        f"{len(price.known):,} buckets (${price.events_usd_month:,.2f} for events, ${price.storage_usd_month:,.2f} for "
        f"{price.storage_gb_month:,.1f} GB).",
        file=sys.stderr,
    )
    if price.unknown:
        print(
            f"{len(price.unknown):,} buckets are not included, because S3 does not count their requests (no request "
            f"metrics): {', '.join(price.unknown[:5])}{' …' if len(price.unknown) > 5 else ''}. "
            f"Each million requests adds ${trail.prices().data_events_per_100k * 10:,.2f}.",
            file=sys.stderr,
        )
