"""`windlass aggregate simulate`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.aggregation.commands.options import open_aggregation
from windlass.core.errors import UsageError
from windlass.present.options import Duration, Output
from windlass.present.output import Format, emit, emit_value

if TYPE_CHECKING:
    from windlass.aggregation.config import AggregateConfig
    from windlass.aggregation.simulation import Simulation
    from windlass.events import ObjectEvent

__all__ = ["simulate"]


def simulate(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Recorded events, one payload per line, in any envelope; - for stdin."),
    ] = None,
    rule: Annotated[
        str, typer.Option("--rule", metavar="RULE", help="The rule; without it, one rule by bucket with --window.")
    ] = "",
    rate: Annotated[float, typer.Option("--rate", min=0.01, help="Without FILE: events per second.")] = 50.0,
    duration: Annotated[
        Duration, typer.Option("--for", parser=Duration, metavar="DURATION", help="Without FILE: duration (10m, 1h).")
    ] = Duration("10m"),
    buckets: Annotated[int, typer.Option("--buckets", min=1, help="Without FILE: number of buckets.")] = 1,
    window: Annotated[
        Duration, typer.Option("--window", parser=Duration, metavar="DURATION", help="Without --rule: the window.")
    ] = Duration("30s"),
    lag: Annotated[
        Duration,
        typer.Option("--lag", parser=Duration, metavar="DURATION", help="Time from an event to its arrival."),
    ] = Duration("1s"),
    output: Output = Format.TABLE,
) -> None:
    """Simulate a rule on a stream of events without AWS, and compare its cost with one Lambda call per event.

    Examples:
      windlass aggregate simulate --rate 50 --for 10m
      windlass aggregate simulate --rule refresh-scans --rate 5 --for 5m --buckets 3 -o json
    """
    from windlass.aggregation.rules import AggregationRule
    from windlass.aggregation.simulation import simulate as run_simulation
    from windlass.aggregation.simulation import synthetic_events

    config = open_aggregation(ctx).config(rule) if rule else _plain_rule(window)
    events = (
        _recorded_events(file) if file is not None else synthetic_events(rate=rate, seconds=duration, buckets=buckets)
    )
    _show(run_simulation(AggregationRule(config), events, lag_s=lag), output)


def _plain_rule(window_s: float) -> AggregateConfig:
    from windlass.aggregation.config import AggregateConfig

    action = {"kind": "exec", "command": ["true"]}
    return AggregateConfig.model_validate(
        {"name": "simulated", "queue": "events", "window_s": float(window_s), "action": action}
    )


def _recorded_events(file: Path) -> Iterator[ObjectEvent]:
    from windlass.events import ObjectEvent, read_events

    try:
        lines = sys.stdin if str(file) == "-" else file.open(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}", hint="Give a file with one event per line."
        ) from None
    with lines:
        for line in lines:
            if line.strip():
                yield from (event for event in read_events(line) if isinstance(event, ObjectEvent))


def _show(result: Simulation, output: Format) -> None:
    from windlass.aggregation.rows import DESIGN_COLUMNS, design_row

    rows = [design_row(design, result.seconds) for design in (result.ours, result.published)]
    if output is not Format.TABLE:
        keys = ("events", "matched", "covered", "keys", "seconds", "p99_s", "worst_s")
        emit_value({key: getattr(result, key) for key in keys} | {"designs": rows})
        return
    print(
        f"{result.events:,} events in {result.seconds:,.0f} s; {result.matched:,} match the rule, {result.keys:,} keys"
    )
    print(
        f"{result.covered:,} covered; from event to action p99 {result.p99_s:.1f} s, at most {result.worst_s:.1f} s\n"
    )
    shares = ("lambda", "dynamodb", "sqs")
    emit([row | {name: f"{row[name]:.4f}" for name in shares} for row in rows], output, DESIGN_COLUMNS)
