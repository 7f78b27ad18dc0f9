"""`windlass clients trail …`: make, look at and end the trail of S3 data events, with its price first."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from windlass.clients import trail
from windlass.clients.service import Clients
from windlass.core import clock
from windlass.core.arns import partition_of
from windlass.core.errors import EXIT_FINDINGS, Conflict
from windlass.present.output import Format, emit, emit_value

__all__ = ["trail_commands"]

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the calls that would be made.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def trail_commands(open_clients: Callable[[typer.Context], Clients]) -> typer.Typer:
    """The `trail` group."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The trail that records S3 data events.")

    @app.command()
    def enable(
        ctx: typer.Context,
        bucket: Annotated[str, typer.Option(help="Log bucket; made when it is not there.")] = "",
        buckets: Annotated[str, typer.Option(help="Only events of these buckets, as a,b,c; else of all.")] = "",
        keep_days: Annotated[int, typer.Option(min=1, help="Days after which a new log bucket drops files.")] = 90,
        dry_run: DryRun = False,
        yes: Yes = False,
    ) -> None:
        """Record S3 data events of all regions; what that costs is estimated first."""
        clients = open_clients(ctx)
        home, name = clients.home, clients.config.trail_name
        if trail.state_of(home.caller, home.account_id, home.region, name).exists:
            raise Conflict(f"the trail {name} exists", hint="`windlass clients trail status` shows it.")
        chosen = tuple(one for one in buckets.replace(",", " ").split() if one)
        log_bucket = bucket or f"{name}-{home.account_id}"
        _price(clients, chosen)
        actions = trail.enable_actions(
            name=name,
            bucket=log_bucket,
            account_id=home.account_id,
            region=home.region,
            partition=partition_of(home.region),
            buckets=chosen,
            keep_days=keep_days,
            new_bucket=not trail.bucket_exists(home.caller, home.account_id, home.region, log_bucket),
        )
        if _agreed(actions, dry_run=dry_run, yes=yes):
            trail.make_calls(home.caller, home.account_id, home.region, actions)
            print(f"On. In some minutes: windlass clients scan s3://{log_bucket}/AWSLogs/", file=sys.stderr)
            print("Don't forget: `windlass clients trail disable` when you have seen enough.", file=sys.stderr)

    @app.command()
    def status(ctx: typer.Context) -> None:
        """Show whether the trail is there, records, and delivers."""
        clients = open_clients(ctx)
        home = clients.home
        found = trail.state_of(home.caller, home.account_id, home.region, clients.config.trail_name)
        emit_value({name: getattr(found, name) for name in (*trail.TrailState.__dataclass_fields__, "location")})

    @app.command()
    def disable(ctx: typer.Context, dry_run: DryRun = False, yes: Yes = False) -> None:
        """Stop and delete the trail; its files stay where they are."""
        clients = open_clients(ctx)
        home = clients.home
        found = trail.state_of(home.caller, home.account_id, home.region, clients.config.trail_name)
        actions = trail.disable_actions(found)
        if _agreed(actions, dry_run=dry_run, yes=yes):
            trail.make_calls(home.caller, home.account_id, home.region, actions)
            print(f"Off. Its files are still in s3://{found.bucket}; they cost storage until they go.", file=sys.stderr)

    @app.command()
    def verify(
        ctx: typer.Context,
        source: Annotated[
            str, typer.Argument(metavar="SOURCE", help="s3://BUCKET/AWSLogs/ of a trail with validation.")
        ],
        since: Annotated[str, typer.Option(metavar="TIME", help="Digests delivered from this time on.")] = "7d",
        output: Output = Format.TABLE,
    ) -> None:
        """Check CloudTrail's digests: that no log file was changed or removed. Exit 3 when one was."""
        now = clock.now()
        found = list(open_clients(ctx).verify(source, since=clock.parse_when(since, at=now)))
        wrong = [{"file": one.source, "problem": one.problem} for one in found if not one.ok]
        emit(wrong, output, ("file", "problem"))
        print(f"{len(found) - len(wrong):,} of {len(found):,} files are as CloudTrail delivered them.", file=sys.stderr)
        if wrong:
            raise typer.Exit(EXIT_FINDINGS)

    return app


def _price(clients: Clients, chosen: tuple[str, ...]) -> None:
    home = clients.home
    names = chosen or tuple(
        one["Name"] for one in home.caller.call(home.account_id, home.region, "s3", "ListBuckets").get("Buckets", ())
    )
    counted = trail.requests_per_day(home.caller, home.account_id, home.region, names, now=clock.now())
    found = trail.estimate(counted, trail.prices())
    print(
        f"About ${found.total_usd_month:,.2f} a month: {found.requests_per_day:,.0f} requests a day in "
        f"{len(found.known):,} buckets (${found.events_usd_month:,.2f} for events, ${found.storage_usd_month:,.2f} for "
        f"{found.storage_gb_month:,.1f} GB).",
        file=sys.stderr,
    )
    if found.unknown:
        print(
            f"Not in it, as S3 does not count their requests (no request metrics): {len(found.unknown):,} buckets, "
            f"{', '.join(found.unknown[:5])}{' …' if len(found.unknown) > 5 else ''}. "
            f"Each million requests adds ${trail.prices().data_events_per_100k * 10:,.2f}.",
            file=sys.stderr,
        )


def _agreed(actions: tuple[trail.TrailCall, ...], *, dry_run: bool, yes: bool) -> bool:
    listed: list[dict[str, Any]] = [
        {"service": one.service, "operation": one.operation, "why": one.why, "params": dict(one.params)}
        for one in actions
    ]
    emit(
        listed, Format.TABLE, ("service", "operation", "why", "params") if dry_run else ("service", "operation", "why")
    )
    return not dry_run and (yes or typer.confirm("Do it?", err=True))
