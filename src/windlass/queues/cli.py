"""`windlass queue …` and `windlass consume`: thin faces over the service. Both are handed what opens it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from windlass.core import clock
from windlass.core.errors import NotFound, UsageError
from windlass.present.output import Column, Format, emit, emit_value
from windlass.present.progress import ProgressLine
from windlass.queues.address import Queue
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.report import Depth
from windlass.queues.service import Queues

__all__ = ["commands", "consume_command", "read_settings"]

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name, ARN or URL.")]
Account = Annotated[
    str, typer.Option("--account", "-a", help="Account of a queue given by name; the caller's own otherwise.")
]
Region = Annotated[
    str, typer.Option("--region", "-r", help="Region of a queue given by name; estate.home_region otherwise.")
]
Bodies = Annotated[
    list[str] | None,
    typer.Argument(metavar="[BODY]...", help="Messages; from stdin, one a line, when none is given."),
]
File = Annotated[Path, typer.Option("--to", help="File to write the messages to, one JSON object a line.")]
Open = Callable[[typer.Context], Queues]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without this, only what would be done is said.")]
Most = Annotated[int, typer.Option("--limit", "-n", min=0, help="At most this many; 0 for all.")]


def commands(open_queues: Open) -> typer.Typer:  # noqa: C901  one function per command
    """The `queue` group over whatever service the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Look into SQS queues, send, drain, and redrive dead letters."
    )

    @app.command("list")
    def list_(
        ctx: typer.Context,
        prefix: Annotated[str, typer.Argument(metavar="[PREFIX]", help="Names that begin so.")] = "",
        account: Account = "",
        region: Region = "",
        output: Output = Format.TABLE,
    ) -> None:
        """List queues with their depth and dead-letter queue."""
        queues = open_queues(ctx)
        found = queues.list(account_id=account, region=region, prefix=prefix)
        emit((_queue_row(one, queues.depth(one)) for one in found), output, _DEPTH_COLUMNS, empty="no queues")

    @app.command()
    def stats(
        ctx: typer.Context, queue: Name, account: Account = "", region: Region = "", output: Output = Format.TABLE
    ) -> None:
        """Show how many messages wait, are in flight and delayed, how old the oldest is, and who consumes."""
        queues = open_queues(ctx)
        found = queues.open(queue, account_id=account, region=region)
        row = _queue_row(found, queues.depth(found, oldest=True))
        emit([row], output, [*_DEPTH_COLUMNS, Column("oldest_s", "OLDEST S", right=True)])
        if output is Format.TABLE:
            now = clock.now()
            consumers = [_consumer_row(one, now) for one in queues.consumers(found.arn)]
            if consumers:
                print()
                emit(consumers, output, _CONSUMER_COLUMNS, now=now)

    @app.command()
    def peek(
        ctx: typer.Context,
        queue: Name,
        account: Account = "",
        region: Region = "",
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 10,
        output: Output = Format.TABLE,
    ) -> None:
        """Show messages and leave them there. SQS counts each look as a receive, which brings a message nearer to its DLQ."""
        queues = open_queues(ctx)
        found = queues.open(queue, account_id=account, region=region)
        columns = [
            "message_id",
            Column("sent_at", "SENT"),
            Column("receive_count", "RECEIVED", right=True),
            "reason",
            "body",
        ]
        rows = (_short(asdict(one), output) for one in queues.peek(found, count=limit))
        emit(rows, output, columns, now=clock.now(), empty=f"no message of {found.name} is visible")

    @app.command()
    def send(
        ctx: typer.Context,
        queue: Name,
        bodies: Bodies = None,
        account: Account = "",
        region: Region = "",
        delay_s: Annotated[
            int, typer.Option("--delay", min=0, max=900, help="Seconds until they can be received.")
        ] = 0,
        group: Annotated[str, typer.Option(help="Message group, on a FIFO queue.")] = "",
        large_bucket: Annotated[str, typer.Option(help="Bucket for bodies larger than SQS takes.")] = "",
    ) -> None:
        """Send messages."""
        queues = open_queues(ctx)
        found = queues.open(queue, account_id=account, region=region)
        lines: Iterable[str] = bodies or (line.rstrip("\n") for line in sys.stdin if line.strip())
        sent = queues.send(found, lines, delay_s=delay_s, group=group, large_bucket=large_bucket)
        print(f"sent {sent:,} to {found.name}", file=sys.stderr)

    @app.command()
    def watch(
        ctx: typer.Context,
        queue: Name,
        account: Account = "",
        region: Region = "",
        every_s: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks.")] = 2.0,
        times: Annotated[int, typer.Option(help="Stop after this many looks; 0 for never.")] = 0,
        output: Output = Format.TABLE,
    ) -> None:
        """Follow a queue's depth, live, until Ctrl-C."""
        queues = open_queues(ctx)
        found = queues.open(queue, account_id=account, region=region)
        _watch(found, lambda: queues.depth(found), every_s, times, output)

    @app.command()
    def drain(
        ctx: typer.Context,
        queue: Name,
        to: File,
        account: Account = "",
        region: Region = "",
        limit: Most = 0,
        yes: Yes = False,
    ) -> None:
        """Take messages out of a queue into a file: each is on disk before it is deleted."""
        queues = open_queues(ctx)
        found = queues.open(queue, account_id=account, region=region)
        if not yes:
            depth = queues.depth(found)
            print(
                f"would take {min(limit or depth.visible, depth.visible):,} messages of {found.name} to {to}; --yes does it"
            )
            return
        taken = 0
        with to.open("ab") as file, ProgressLine(f"draining {found.name}") as line:
            for taken in queues.drain(found, lambda rows: _keep(file, rows), most=limit):
                line.update(taken, limit)
        print(f"took {taken:,} messages of {found.name} to {to}", file=sys.stderr)

    app.add_typer(_dead_letters(open_queues), name="dlq")
    return app


def _dead_letters(open_queues: Open) -> typer.Typer:
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Dead-letter queues: list, look, redrive, purge."
    )

    @app.command("list")
    def list_(ctx: typer.Context, account: Account = "", region: Region = "", output: Output = Format.TABLE) -> None:
        """List queues that have a dead-letter queue, and how many messages wait in it."""
        found = open_queues(ctx).dead_letter_queues(account_id=account, region=region)
        columns = [
            "queue",
            "dead_letter_queue",
            Column("max_receive_count", "MAX RECEIVES", right=True),
            Column("waiting", right=True),
        ]
        rows = ({**asdict(one), "waiting": one.waiting if one.waiting >= 0 else "queue is gone"} for one in found)
        emit(rows, output, columns, empty="no queue has a redrive policy")

    @app.command()
    def show(
        ctx: typer.Context,
        queue: Name,
        account: Account = "",
        region: Region = "",
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 10,
        output: Output = Format.TABLE,
    ) -> None:
        """Show what waits in a queue's dead-letter queue, and why it is there."""
        queues = open_queues(ctx)
        dead = _dead(queues, queues.open(queue, account_id=account, region=region))
        columns = [
            "message_id",
            Column("sent_at", "SENT"),
            Column("receive_count", "RECEIVED", right=True),
            "reason",
            "body",
        ]
        rows = (_short(asdict(one), output) for one in queues.peek(dead, count=limit))
        emit(rows, output, columns, now=clock.now(), empty=f"{dead.name} is empty")

    @app.command()
    def redrive(
        ctx: typer.Context,
        queue: Name,
        account: Account = "",
        region: Region = "",
        to: Annotated[str, typer.Option("--to", help="Queue to move them to; where they came from otherwise.")] = "",
        rate: Annotated[int, typer.Option("--rate", min=0, max=500, help="Messages a second; 0 leaves it to SQS.")] = 0,
        yes: Yes = False,
    ) -> None:
        """Move a queue's dead letters back to be handled again."""
        queues = open_queues(ctx)
        source = queues.open(queue, account_id=account, region=region)
        dead = _dead(queues, source)
        target = (
            queues.open(to, account_id=account, region=region) if to else (source if source.arn != dead.arn else None)
        )
        if not yes:
            where = target.name if target else "where they came from"
            print(f"would move {queues.depth(dead).visible:,} messages of {dead.name} to {where}; --yes does it")
            return
        with ProgressLine(f"redriving {dead.name}") as line:
            moved = 0
            for step in queues.redrive(dead, to=target, rate_per_s=rate):
                moved = step.moved
                line.update(step.moved, step.total)
        print(f"moved {moved:,} messages of {dead.name}", file=sys.stderr)

    @app.command()
    def purge(ctx: typer.Context, queue: Name, account: Account = "", region: Region = "", yes: Yes = False) -> None:
        """Delete everything in a queue's dead-letter queue. There is no way back; `queue drain` keeps a copy."""
        queues = open_queues(ctx)
        dead = _dead(queues, queues.open(queue, account_id=account, region=region))
        if not yes:
            print(f"would delete all {queues.depth(dead).total:,} messages of {dead.name} for good; --yes does it")
            return
        queues.purge(dead)
        print(f"purged {dead.name}", file=sys.stderr)

    return app


def consume_command(
    open_queues: Open,
    open_store: Callable[[typer.Context], Any],
    configured: Callable[[typer.Context], Sequence[ConsumeConfig]],
) -> typer.Typer:
    """The `consume` command."""
    app = typer.Typer(rich_markup_mode=None)

    @app.command("consume")
    def consume(
        ctx: typer.Context,
        name: Annotated[str, typer.Argument(metavar="[NAME]", help="A [[consume]] entry of windlass.toml.")] = "",
        queue: Annotated[str, typer.Option("--queue", help="The queue's name, ARN or URL.")] = "",
        handler: Annotated[str, typer.Option("--handler", help="The handler: package.module:function.")] = "",
        account: Account = "",
        region: Region = "",
        concurrency: Annotated[
            int, typer.Option("--concurrency", min=0, help="Handlers at once; 0 as configured.")
        ] = 0,
        transport: Annotated[str, typer.Option("--transport", help="lean or boto3.")] = "",
        options: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of a [[consume]] entry; repeat."),
        ] = None,
        host: Annotated[str, typer.Option("--health-host", help="Address of the health port.")] = "127.0.0.1",
        port: Annotated[
            int,
            typer.Option(
                "--health-port", help="Port of /healthz, /readyz and /metrics; 0 takes a free one, -1 is none."
            ),
        ] = -1,
        no_store: Annotated[
            bool, typer.Option("--no-store", help="Keep no record in the store: the console won't see this consumer.")
        ] = False,
    ) -> None:
        """Consume a queue until SIGTERM: nothing lost, nothing deleted before its handler returned.

        The handler takes one message and returns (done), raises (again, later), or raises windlass.queues.model.Reject
        (never again: to the dead-letter queue, with the reason).
        """
        given = {
            "queue": queue,
            "handler": handler,
            "account": account,
            "region": region,
            "concurrency": concurrency,
            "transport": transport,
        }
        config = _config(
            name, configured(ctx), {key: value for key, value in given.items() if value} | read_settings(options or ())
        )
        consumer = Consumer(
            config,
            queues=open_queues(ctx),
            store=None if no_store else lambda: open_store(ctx),
            health=(host, port) if port >= 0 else None,
            folder=Path.cwd(),
        )
        raise typer.Exit(consumer.run())

    return app


def _config(name: str, configured: Sequence[ConsumeConfig], given: Mapping[str, Any]) -> ConsumeConfig:
    from pydantic import ValidationError

    base: dict[str, Any] = {}
    if name:
        found = next((one for one in configured if name in (one.name, one.title)), None)
        if found is None:
            known = ", ".join(one.title for one in configured) or "none"
            raise NotFound(f"windlass.toml has no [[consume]] entry {name!r}", hint=f"There are: {known}.")
        base = found.model_dump()
    values = base | dict(given)
    missing = [f"--{key}" for key in ("queue", "handler") if not values.get(key)]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} is not given",
            hint="windlass consume --queue NAME --handler package.module:function",
        )
    try:
        return ConsumeConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{where}: {first['msg']}", hint="docs/reference/settings.md lists the settings of [[consume]]."
        ) from None


def read_settings(options: Sequence[str]) -> dict[str, Any]:
    """`KEY=VALUE` options as settings: values are JSON where they can be read so, else text."""
    found: dict[str, Any] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: a key and a value are wanted", hint="--set visibility_s=120")
        try:
            found[key.strip()] = json.loads(value)
        except ValueError:
            found[key.strip()] = value
    return found


def _dead(queues: Queues, queue: Queue) -> Queue:
    """The queue's dead letters; a queue without a redrive policy is taken for a dead-letter queue itself."""
    return queues.dead_letters_of(queue) if queue.dead_letter_arn else queue


_DEPTH_COLUMNS: list[object] = [
    "name",
    Column("visible", right=True),
    Column("in_flight", "IN FLIGHT", right=True),
    Column("delayed", right=True),
    Column("dead_letter_queue", "DEAD LETTERS"),
]
_CONSUMER_COLUMNS: list[object] = [
    Column("name", "CONSUMER"),
    "state",
    "handler",
    "host",
    Column("pid", right=True),
    Column("done", right=True),
    Column("failed", right=True),
    Column("rejected", right=True),
    "started_at",
]


def _queue_row(queue: Queue, depth: Depth) -> dict[str, Any]:
    return {
        "name": queue.name,
        "arn": queue.arn,
        "visible": depth.visible,
        "in_flight": depth.in_flight,
        "delayed": depth.delayed,
        "oldest_s": depth.oldest_s,
        "dead_letter_queue": queue.dead_letter_name,
        "max_receive_count": queue.max_receive_count,
    }


def _consumer_row(one: Any, now: Any) -> dict[str, Any]:
    return {
        "name": one.name,
        "state": one.state(now),
        "handler": one.handler,
        "host": one.host,
        "pid": str(one.pid),
        "started_at": one.started_at,
        **one.counts,
    }


def _short(row: dict[str, Any], output: Format) -> dict[str, Any]:
    if output is Format.TABLE and len(row["body"]) > 160:
        row["body"] = row["body"][:159] + "…"
    return row


def _keep(file: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _watch(queue: Queue, look: Callable[[], Depth], every_s: float, times: int, output: Format) -> None:
    for row in _looks(queue, look, every_s, times):
        if output is Format.TABLE:
            change = f"{row['change_per_s']:+.1f}/s" if row["change_per_s"] is not None else ""
            depth = f"visible {row['visible']:>9,}  in flight {row['in_flight']:>7,}  delayed {row['delayed']:>7,}"
            print(f"{row['at']}  {depth}  {change}", flush=True)
        elif output is Format.JSON:
            emit_value(row)
        else:
            emit([row], Format.JSONL, ["at"])
        sys.stdout.flush()


def _looks(queue: Queue, look: Callable[[], Depth], every_s: float, times: int) -> Iterator[dict[str, Any]]:
    before: Depth | None = None
    at = 0.0
    count = 0
    while True:
        moment, depth = time.monotonic(), look()
        change = round((depth.total - before.total) / (moment - at), 2) if before is not None else None
        yield {
            "at": clock.format_time(clock.now())[:19] + "Z",
            "queue": queue.name,
            "visible": depth.visible,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "change_per_s": change,
        }
        before, at, count = depth, moment, count + 1
        if times and count >= times:
            return
        time.sleep(every_s)
