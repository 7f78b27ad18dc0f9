"""`windlass inventory …`: thin faces over the service. `commands` is handed what opens the service."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from windlass.core import clock
from windlass.core.errors import EXIT_FINDINGS, AccessRefused, PartialFailure
from windlass.core.suggest import unknown_word
from windlass.inventory import rows
from windlass.inventory.collection_job import collect_as_job
from windlass.inventory.coverage import account_notes, select_rows
from windlass.inventory.filters import parse_query
from windlass.inventory.model import ChangeKind, Query, Run, ScopeState, ScopeStatus
from windlass.inventory.service import Inventory
from windlass.jobs.service import Jobs
from windlass.present.output import Column, Format, emit, emit_value
from windlass.present.progress import ProgressLine

__all__ = ["commands"]

Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Ref = Annotated[str, typer.Argument(metavar="RESOURCE", help="ARN, id, name, or #number.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="As it was then: 2h, 7d, 2026-11-20, an ISO time.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        "-w",
        metavar="COND",
        help="tag:team=web, -tag:owner, region=…, Path.In.Document=value; repeat for and.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="At most this many.")]

COVERED = (
    "account_id",
    "region",
    "service",
    "state",
    "state_since",
    "last_good_at",
    Column("unread", right=True),
    Column("scopes", right=True),
    Column("resources", right=True),
    Column("details_unknown", right=True),
    "error",
)
LISTED = ("type", "name", "resource_id", "account_id", "region", "tags", "changed_at")


def commands(  # noqa: C901  one function per command, nested so that they share what opens the service
    open_inventory: Callable[[typer.Context], Inventory], open_jobs: Callable[[typer.Context], Jobs]
) -> typer.Typer:
    """The `inventory` group over whatever service the composition root opens."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Know what exists, who owns it, what changed, and when."
    )

    @app.command()
    def collect(
        ctx: typer.Context,
        types: Annotated[
            list[str] | None, typer.Option("--type", "-t", help="Only these types; `ec2.*` works.")
        ] = None,
        accounts: Annotated[list[str] | None, typer.Option("--account", "-a", help="Only these accounts.")] = None,
        regions: Annotated[list[str] | None, typer.Option("--region", "-r", help="Only these regions.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the scopes that would be scanned.")] = False,
        resume: Annotated[bool, typer.Option("--resume", help="Go on with the last interrupted collection.")] = False,
        output: Output = Format.TABLE,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    ) -> None:
        """Collect the estate: every account, region and type; what changed becomes a revision."""
        inventory = open_inventory(ctx)
        wanted = inventory.options(types=types or (), accounts=accounts or (), regions=regions or ())
        if dry_run:
            emit((rows.scope_row(scope) for scope in inventory.plan(wanted)), output, ["account_id", "region", "type"])
            return
        with ProgressLine("collecting", quiet=quiet) as line:
            run = collect_as_job(
                inventory, open_jobs(ctx), wanted, resume=resume, show=line.update, stop=threading.Event()
            )
        _report(inventory, run, output)

    @app.command("list")
    def list_(
        ctx: typer.Context,
        types: Annotated[list[str] | None, typer.Argument(metavar="[TYPE]...", help="s3.bucket, ec2.*, …")] = None,
        where: Where = None,
        at: At = "",
        deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones, too.")] = False,
        sort: Annotated[str, typer.Option(help="key, name, type, changed, region or account.")] = "key",
        limit: Limit = 100,
        output: Output = Format.TABLE,
    ) -> None:
        """List resources, filtered by type, tags, account, region and anything in the document."""
        now = clock.now()
        inventory = open_inventory(ctx)
        query = parse_query(types or (), where or (), at=at, deleted=deleted, sort=sort, limit=limit, now=now)
        found = inventory.list(_checked(inventory, query))
        listed = (rows.resource_row(item) for item in found.rows)
        emit(listed, output, LISTED, now=now, empty=_empty(inventory, "Nothing matches."))
        if found.cursor and output is Format.TABLE:
            print(f"{len(found.rows):,} of {found.total:,}; --limit shows more.", file=sys.stderr)

    @app.command()
    def show(ctx: typer.Context, ref: Ref, at: At = "") -> None:
        """Show one resource: its document, tags and relations, now or `--at` a time."""
        inventory = open_inventory(ctx)
        moment = clock.parse_when(at, at=clock.now()) if at else None
        found = inventory.show(ref, at=moment)
        relations = [rows.relation_row(relation) for relation in inventory.relations(found.key, at=moment)]
        emit_value(rows.resource_row(found) | {"document": found.document, "relations": relations})

    @app.command()
    def history(ctx: typer.Context, ref: Ref, limit: Limit = 50, output: Output = Format.TABLE) -> None:
        """List every change of one resource, newest first."""
        revisions = open_inventory(ctx).history(ref, limit=limit)
        columns = ("revision_id", "valid_from", "change", "summary", "actor")
        emit((rows.revision_row(one) for one in revisions), output, columns, now=clock.now())

    @app.command()
    def changes(
        ctx: typer.Context,
        types: Annotated[list[str] | None, typer.Argument(metavar="[TYPE]...", help="s3.bucket, ec2.*, …")] = None,
        since: Annotated[str, typer.Option(help="From this time on.")] = "7d",
        kind: Annotated[list[ChangeKind] | None, typer.Option(help="Only these changes.")] = None,
        where: Where = None,
        limit: Limit = 100,
        output: Output = Format.TABLE,
    ) -> None:
        """List the estate's changes, newest first."""
        now = clock.now()
        inventory = open_inventory(ctx)
        query = _checked(inventory, parse_query(types or (), where or (), now=now))
        found, _ = inventory.changes(
            since=clock.parse_when(since, at=now), query=query, kinds=tuple(kind or ()), limit=limit
        )
        columns = ("valid_from", "change", "type", "name", "account_id", "region", "summary", "actor")
        emit(
            (rows.revision_row(one) for one in found),
            output,
            columns,
            now=now,
            empty=_empty(inventory, "No changes in that time."),
        )

    @app.command()
    def diff(
        ctx: typer.Context,
        types: Annotated[list[str] | None, typer.Argument(metavar="[TYPE]...", help="s3.bucket, ec2.*, …")] = None,
        since: Annotated[str, typer.Option(help="The earlier time.")] = "7d",
        until: Annotated[str, typer.Option(help="The later time.")] = "now",
        where: Where = None,
        output: Output = Format.TABLE,
        exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 3 when there are differences.")] = False,
    ) -> None:
        """Show the net difference of the estate between two times."""
        now = clock.now()
        inventory = open_inventory(ctx)
        query = _checked(inventory, parse_query(types or (), where or (), now=now))
        found = inventory.diff(clock.parse_when(since, at=now), clock.parse_when(until, at=now), query)
        columns = ("change", "type", "name", "account_id", "region", "summary")
        count = emit(
            (rows.difference_row(one) for one in found), output, columns, empty=_empty(inventory, "No difference.")
        )
        if exit_code and count:
            raise typer.Exit(EXIT_FINDINGS)

    @app.command()
    def search(
        ctx: typer.Context,
        words: Annotated[list[str], typer.Argument(help="Words; beginnings match, all must be there.")],
        limit: Limit = 50,
        output: Output = Format.TABLE,
    ) -> None:
        """Search names, ids, tags and documents."""
        inventory = open_inventory(ctx)
        found = (rows.resource_row(item) for item in inventory.search(" ".join(words), limit=limit))
        emit(found, output, LISTED, now=clock.now(), empty=_empty(inventory, "Nothing found."))

    @app.command()
    def graph(
        ctx: typer.Context,
        ref: Ref,
        depth: Annotated[int, typer.Option(min=1, max=6, help="Steps to walk.")] = 2,
        output: Output = Format.TABLE,
    ) -> None:
        """Walk the relations around a resource."""
        found = open_inventory(ctx).graph(ref, depth=depth)
        columns = ("source_type", "source", "kind", "target_type", "target")
        emit((rows.relation_row(edge) for edge in found.edges), output, columns, empty="No relations are known.")

    @app.command()
    def sql(
        ctx: typer.Context,
        text: Annotated[
            str, typer.Argument(metavar="SELECT", help="Over resources, revisions, relations, scopes, runs.")
        ],
        limit: Limit = 1000,
        output: Output = Format.TABLE,
    ) -> None:
        """Run a read-only SQL query; the database itself refuses writes."""
        table = open_inventory(ctx).sql(text, limit=limit)
        listed = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
        emit(listed, output, list(table.columns), empty="No rows.")

    @app.command()
    def stats(ctx: typer.Context, output: Output = Format.TABLE) -> None:
        """Count resources by type, account, region and state of their scopes."""
        found = open_inventory(ctx).stats()
        if output in (Format.JSON, Format.JSONL):
            emit_value(rows.stats_value(found))
            return
        emit(rows.stats_rows(found), output, ("of", "value", Column("count", right=True)), empty=rows.NOTHING_YET)

    @app.command()
    def runs(
        ctx: typer.Context,
        run_id: Annotated[str, typer.Argument(metavar="[RUN]", help="Show this run's scopes.")] = "",
        state: Annotated[str, typer.Option(help="Only scopes in this state: denied, timeout, …")] = "",
        limit: Limit = 20,
        output: Output = Format.TABLE,
    ) -> None:
        """List collections, or one collection's scopes with their states and errors."""
        inventory = open_inventory(ctx)
        if state and state not in set(ScopeState):
            raise unknown_word("state", state, map(str, ScopeState))
        if run_id or state:
            scopes = inventory.run_scopes(run_id) if run_id else inventory.scopes()
            listed = [rows.status_row(one) for one in scopes if not state or str(one.state) == state]
            columns = [
                "account_id",
                "region",
                "type",
                "state",
                "state_since",
                "last_good_at",
                Column("resources", right=True),
                Column("details_unknown", right=True),
                "error_code",
                "error",
            ]
            emit(listed, output, columns, now=clock.now(), empty="No such scopes.")
            return
        counts = [
            Column(key, right=True)
            for key in ("scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")
        ]
        emit(
            (rows.run_row(run) for run in inventory.runs(limit)),
            output,
            ["run_id", "started_at", "status", Column("duration_s", right=True), *counts],
            now=clock.now(),
            empty=rows.NOTHING_YET,
        )

    @app.command()
    def coverage(
        ctx: typer.Context,
        accounts: Annotated[list[str] | None, typer.Option("--account", "-a", help="Only these accounts.")] = None,
        regions: Annotated[list[str] | None, typer.Option("--region", "-r", help="Only these regions.")] = None,
        services: Annotated[list[str] | None, typer.Option("--service", help="Only these services: s3, ec2 …")] = None,
        state: Annotated[str, typer.Option(help="Only this state: denied, unscanned, partial, ok …")] = "",
        output: Output = Format.TABLE,
    ) -> None:
        """Show what could be read where: state, since when, last good time and unknown details per account, region, service.

        Example: windlass inventory coverage --state denied
        Example: windlass inventory coverage -a 111111111111 --service s3 -o json
        """
        inventory = open_inventory(ctx)
        listed = select_rows(
            inventory.coverage(),
            account_id=accounts or (),
            region=regions or (),
            service=services or (),
            state=[state] if state else (),
        )
        now = clock.now()
        emit((rows.coverage_row(one) for one in listed), output, COVERED, now=now, empty=rows.NOTHING_YET)
        for line in account_notes(inventory.accounts()):
            print(line, file=sys.stderr)

    @app.command()
    def types(ctx: typer.Context, output: Output = Format.TABLE) -> None:
        """List the resource types that are collected, and how many of each are there."""
        columns = ["type", "title", "scope", Column("details", right=True), Column("count", right=True)]
        emit((rows.type_row(one) for one in open_inventory(ctx).types()), output, columns)

    @app.command()
    def ip(
        ctx: typer.Context, address: Annotated[str, typer.Argument()], at: At = "", output: Output = Format.TABLE
    ) -> None:
        """Find who holds an IP address, or held it at a time."""
        now = clock.now()
        inventory = open_inventory(ctx)
        found = inventory.ip(address, at=clock.parse_when(at, at=now) if at else None)
        columns = ("address", "type", "name", "resource_id", "account_id", "region", "valid_from", "valid_to")
        emit(
            (rows.holder_row(one) for one in found),
            output,
            columns,
            now=now,
            empty=_empty(inventory, f"Nothing known held {address}."),
        )

    @app.command()
    def export(
        ctx: typer.Context,
        path: Annotated[
            Path, typer.Argument(help="File to write: .jsonl, .csv or .parquet; - for JSON lines on stdout.")
        ],
        types: Annotated[list[str] | None, typer.Option("--type", "-t", help="Only these types.")] = None,
        where: Where = None,
        at: At = "",
    ) -> None:
        """Export resources with their documents."""
        inventory = open_inventory(ctx)
        query = _checked(inventory, parse_query(types or (), where or (), at=at, now=clock.now()))
        count = inventory.export(query, path)
        print(f"{count:,} resources{'' if str(path) == '-' else f' in {path}'}", file=sys.stderr)

    @app.command()
    def prune(
        ctx: typer.Context,
        older_than: Annotated[str, typer.Option(help="Thin out revisions from before this time.")],
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    ) -> None:
        """Thin out old history: one revision per day stays, and the current one always."""
        now = clock.now()
        count = open_inventory(ctx).prune(clock.parse_when(older_than, at=now), dry_run=dry_run)
        print(f"{count:,} revisions {'would be' if dry_run else 'were'} removed")

    return app


def _checked(inventory: Inventory, query: Query) -> Query:
    """The query. UsageError for a type, account, region or path that nothing has: a typo must not read as "none"."""
    inventory.check(query, account_ids=[account.account_id for account in inventory.accounts()])
    return query


def _empty(inventory: Inventory, otherwise: str) -> str:
    """What to say of an empty answer."""
    return rows.NOTHING_YET if inventory.is_empty() else otherwise


def _report(inventory: Inventory, run: Run, output: Format) -> None:
    if output is Format.TABLE:
        print(
            f"{run.status}: {run.resources:,} resources in {run.scopes_done:,} scopes; "
            f"{run.created:,} created, {run.updated:,} updated, {run.deleted:,} deleted; {run.calls:,} calls"
        )
    else:
        emit([rows.run_row(run)], output, list(rows.run_row(run)))
    for line in account_notes(one for one in inventory.accounts() if one.checked_at >= run.started_at):
        print(line, file=sys.stderr)
    _raise_unread(run, inventory.run_scopes(run.run_id))


def _raise_unread(run: Run, scopes: Sequence[ScopeStatus]) -> None:
    """PartialFailure when scopes, or details in them, were not read; AccessRefused when all scopes were denied."""
    unread = [one for one in scopes if one.state not in (ScopeState.OK, ScopeState.UNSUPPORTED)]
    if not unread:
        return
    first = unread[0]
    message = (
        f"{len(unread):,} of {run.scopes_total:,} scopes could not be read completely; "
        f"the first: {first.scope.account_id} {first.scope.region} {first.scope.type}: {first.state} {first.error}"
    )
    hint = f"`windlass inventory runs {run.run_id}` lists them; what they held is kept as last seen."
    if len(unread) == run.scopes_total and all(one.state is ScopeState.DENIED for one in unread):
        raise AccessRefused(message, hint="`windlass whoami` shows which identity is used, and why it is refused.")
    raise PartialFailure(message, hint=hint)
