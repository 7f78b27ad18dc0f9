"""`windlass aggregate …`: thin faces over the service. `commands` is handed what opens it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.model import Item
from windlass.aggregation.rules import Rule
from windlass.aggregation.service import Aggregation
from windlass.aggregation.simulate import Design, Simulation, made_up, simulate
from windlass.aggregation.timeline import Window
from windlass.core import clock
from windlass.core.errors import UsageError
from windlass.core.units import parse_duration_s
from windlass.events import ObjectEvent, read_events
from windlass.present.output import Column, Format, emit, emit_value
from windlass.queues.cli import read_settings
from windlass.queues.together import run_together

__all__ = ["commands", "item_row", "window_row"]

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Name = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.")]
AnyName = Annotated[str, typer.Argument(metavar="[RULE]", help="Only this rule.")]
AnyKey = Annotated[str, typer.Argument(metavar="[KEY]", help="Only this key; the whole rule otherwise.")]
Open = Callable[[typer.Context], Aggregation]

ITEMS: list[object] = [
    "rule",
    "key",
    Column("uncovered", right=True),
    Column("events", right=True),
    "state",
    "due_at",
    "acted_at",
    Column("failures", right=True),
    "note",
]
WINDOWS: list[object] = [
    Column("started_at", "STARTED"),
    "rule",
    "key",
    "outcome",
    Column("events", right=True),
    Column("waited_s", "WAITED S", right=True),
    Column("took_s", "TOOK S", right=True),
    "reason",
]
RULES: list[object] = [
    "name",
    "queue",
    "key",
    "mode",
    Column("window_s", "WINDOW S", right=True),
    "action",
    "kept_in",
    "paused",
]


def commands(open_aggregation: Open) -> typer.Typer:  # noqa: C901  one function per command
    """The `aggregate` group over whatever service the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Turn many object events into one action per key and window."
    )

    @app.command("list")
    def list_(ctx: typer.Context, output: Output = Format.TABLE) -> None:
        """List the rules of windlass.toml."""
        aggregation = open_aggregation(ctx)
        rows = (rule_row(one, aggregation.paused(one.name)) for one in aggregation.configs)
        emit(rows, output, RULES, empty="windlass.toml has no [[aggregate]] entry")

    @app.command()
    def status(
        ctx: typer.Context,
        rule: AnyName = "",
        key: AnyKey = "",
        windows: Annotated[
            bool, typer.Option("--windows", "-w", help="Show the latest windows instead of the keys.")
        ] = False,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many windows.")] = 50,
        output: Output = Format.TABLE,
    ) -> None:
        """Show how keys stand: what is uncovered, when the next action is due, what the last one came to."""
        aggregation = open_aggregation(ctx)
        if windows:
            found = aggregation.windows(rule, key, limit=limit)
            emit((window_row(one) for one in found), output, WINDOWS, now=clock.now(), empty="no window yet")
            return
        configs = {one.name: one for one in aggregation.configs}
        rows = (item_row(one, configs[one.rule]) for one in aggregation.items(rule, key))
        emit(rows, output, ITEMS, now=clock.now(), empty="no events yet")

    @app.command()
    def run(
        ctx: typer.Context,
        rules: Annotated[
            list[str] | None, typer.Argument(metavar="[RULE]...", help="Only these rules; all otherwise.")
        ] = None,
        options: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="KEY=VALUE", help="A setting of the consumer, as in [[consume]]; repeat."),
        ] = None,
        host: Annotated[str, typer.Option("--health-host", help="Address of the health port.")] = "127.0.0.1",
        port: Annotated[
            int,
            typer.Option(
                "--health-port", help="Port of /healthz, /readyz and /metrics; 0 takes a free one, -1 is none."
            ),
        ] = -1,
    ) -> None:
        """Work: count events, run actions, until SIGTERM. As many of these as you like may run at once."""
        workers = open_aggregation(ctx).workers(
            rules or (), health=(host, port) if port >= 0 else None, settings=read_settings(options or ())
        )
        raise typer.Exit(run_together(workers))

    @app.command()
    def prepare(ctx: typer.Context, rule: Name) -> None:
        """Make the rule's DynamoDB table and timer queue where they are missing."""
        made = open_aggregation(ctx).prepare(rule)
        print(f"made {', '.join(made)}" if made else f"rule {rule} has all it needs", file=sys.stderr)

    @app.command("simulate")
    def simulate_(
        ctx: typer.Context,
        rule: Annotated[
            str, typer.Option("--rule", help="The rule; one keyed by bucket with the window given otherwise.")
        ] = "",
        file: Annotated[
            Path | None,
            typer.Argument(metavar="[FILE]", help="Recorded events, a payload a line, in any wrapping; - for stdin."),
        ] = None,
        rate: Annotated[float, typer.Option(min=0.01, help="Without a file: events a second.")] = 50.0,
        duration: Annotated[str, typer.Option("--for", help="Without a file: for so long (600s, 10m, 1h).")] = "10m",
        buckets: Annotated[int, typer.Option(min=1, help="Without a file: over so many buckets.")] = 1,
        window_s: Annotated[
            float, typer.Option("--window", min=1, help="Without a rule: the window in seconds.")
        ] = 30.0,
        lag_s: Annotated[float, typer.Option("--lag", min=0, help="Seconds from an event to its receipt.")] = 1.0,
        output: Output = Format.TABLE,
    ) -> None:
        """Run a stream of events through a rule without AWS: actions, coverage, requests and cost of both designs."""
        config = open_aggregation(ctx).config(rule) if rule else _plain_rule(window_s)
        made = made_up(rate=rate, seconds=parse_duration_s(duration), buckets=buckets)
        events = _recorded(file) if file is not None else made
        _show(simulate(Rule(config), events, lag_s=lag_s), output)

    @app.command()
    def fire(
        ctx: typer.Context, rule: Name, key: Annotated[str, typer.Argument(metavar="KEY", help="The key.")]
    ) -> None:
        """Run a key's action as soon as its pace allows, though nothing happened."""
        open_aggregation(ctx).fire(rule, key)
        print(f"{rule} {key}: a timer was sent; a worker acts on it", file=sys.stderr)

    @app.command()
    def pause(ctx: typer.Context, rule: Name, key: AnyKey = "") -> None:
        """Hold back actions of a rule, or of one key. Events are counted all the same, and covered later."""
        open_aggregation(ctx).pause(rule, key)
        print(f"{' '.join(filter(None, (rule, key)))}: paused", file=sys.stderr)

    @app.command()
    def resume(ctx: typer.Context, rule: Name, key: AnyKey = "") -> None:
        """Let actions go on."""
        waiting = open_aggregation(ctx).resume(rule, key)
        print(f"{' '.join(filter(None, (rule, key)))}: resumed, {waiting:,} keys had events waiting", file=sys.stderr)

    @app.command()
    def sweep(ctx: typer.Context, rule: AnyName = "") -> None:
        """Look for keys whose timer was lost, now, and send them new ones. Workers do it by themselves."""
        print(f"{open_aggregation(ctx).sweep(rule):,} timers were sent anew", file=sys.stderr)

    return app


def rule_row(config: AggregateConfig, paused: bool) -> dict[str, Any]:
    """A rule, for a listing."""
    key = f"prefix of {config.depth}" if config.key == "prefix" else config.key
    return {
        "name": config.name,
        "queue": config.queue,
        "key": key,
        "mode": config.mode.value,
        "window_s": config.window_s,
        "action": config.action.kind,
        "kept_in": config.table or "store",
        "paused": paused,
    }


def item_row(item: Item, config: AggregateConfig) -> dict[str, Any]:
    """A key as it stands, for a listing."""
    due = config.pace.due(item) if item.uncovered > 0 else 0.0
    return {
        "rule": item.rule,
        "key": item.key,
        "uncovered": item.uncovered,
        "events": item.dirty,
        "covered": item.done,
        "state": _state(item),
        "due_at": _moment(due),
        "acted_at": _moment(item.acted_at),
        "failures": item.failures,
        "note": item.note,
    }


def window_row(one: Window) -> dict[str, Any]:
    """A window, for a listing."""
    took = round((one.ended_at - one.started_at).total_seconds(), 3) if one.ended_at else None
    return {
        "started_at": one.started_at,
        "rule": one.rule,
        "key": one.key,
        "outcome": one.outcome,
        "events": one.summary.events,
        "waited_s": round(one.waited_s, 1) if one.waited_s is not None else None,
        "took_s": took,
        "reason": one.reason,
        "kinds": dict(one.summary.kinds),
        "folders": list(one.summary.folders),
        "folders_cut": one.summary.folders_cut,
        "size_bytes": one.summary.size_bytes,
        "attempt": one.attempt,
    }


def _state(item: Item) -> str:
    if item.paused:
        return "paused"
    if item.pending:
        return "awaiting completion"
    if item.failures:
        return "retrying"
    return "waiting" if item.uncovered > 0 else "covered"


def _moment(epoch_s: float) -> datetime | None:
    return datetime.fromtimestamp(epoch_s, UTC) if epoch_s > 0 else None


def _plain_rule(window_s: float) -> AggregateConfig:
    return AggregateConfig.model_validate(
        {"name": "simulated", "queue": "events", "window_s": window_s, "action": {"kind": "exec", "command": ["true"]}}
    )


def _recorded(file: Path) -> Iterator[ObjectEvent]:
    import io

    try:
        lines: io.TextIOBase | Any = (
            sys.stdin if str(file) == "-" else file.open(encoding="utf-8", errors="surrogateescape")
        )
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}", hint="Give a file with one event a line.") from None
    with lines:
        for line in lines:
            if line.strip():
                yield from (one for one in read_events(line) if isinstance(one, ObjectEvent))


def _show(found: Simulation, output: Format) -> None:
    designs = (found.ours, found.published)
    rows = [_design_row(one, found.seconds) for one in designs]
    if output is not Format.TABLE:
        emit_value(
            {
                "events": found.events,
                "matched": found.matched,
                "covered": found.covered,
                "keys": found.keys,
                "seconds": found.seconds,
                "p99_s": found.p99_s,
                "worst_s": found.worst_s,
                "designs": rows,
            }
        )
        return
    print(f"{found.events:,} events in {found.seconds:,.0f} s, {found.matched:,} of this rule, {found.keys:,} keys")
    print(f"{found.covered:,} covered; from event to action p99 {found.p99_s:.1f} s, at most {found.worst_s:.1f} s")
    columns: list[object] = [
        "design",
        Column("actions", right=True),
        Column("lambda", "LAMBDA/EVENT", right=True),
        Column("dynamodb", "DYNAMODB/EVENT", right=True),
        Column("sqs", "SQS/EVENT", right=True),
        Column("monthly", "USD/MONTH", right=True),
    ]
    print()
    shares = ("lambda", "dynamodb", "sqs")
    emit([row | {name: f"{row[name]:.4f}" for name in shares} for row in rows], output, columns)


def _design_row(design: Design, seconds: float) -> dict[str, Any]:
    events = max(1, design.events)
    return {
        "design": design.name,
        "actions": design.actions,
        "lambda": round(design.lambda_invokes / events, 5),
        "dynamodb": round(design.dynamodb_writes / events, 5),
        "sqs": round(design.sqs_requests / events, 4),
        "monthly": round(design.monthly(seconds), 2),
    }
