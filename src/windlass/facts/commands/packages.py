"""`windlass facts packages`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from windlass.core import clock
from windlass.facts.commands.options import At, Kind, Owner, Package, open_facts, time_of
from windlass.present.options import Accounts, Limit, Output
from windlass.present.output import Format, emit

__all__ = ["packages"]


def packages(
    ctx: typer.Context,
    package: Package,
    below: Annotated[str, typer.Option("--below", metavar="VERSION", help="Only older versions.")] = "",
    at_least: Annotated[str, typer.Option("--at-least", metavar="VERSION", help="Only this or newer.")] = "",
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="Only this version.")] = "",
    kind: Kind = "",
    owner: Owner = "",
    accounts: Accounts = None,
    without: Annotated[bool, typer.Option("--without", help="List the hosts that do not have it.")] = False,
    at: At = "",
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the hosts that have a package, in which version, whose they are, and since when; hosts with unknown packages are named.

    Versions are compared by the rules of dpkg, rpm, PEP 440 and semantic versioning.

    Examples:
      windlass facts packages openssl --below 3.0.14
      windlass facts packages 'log4j*' --at 2026-11-20 -o csv
    """
    from windlass.core.errors import UsageError
    from windlass.facts.packages import PackageQuery
    from windlass.facts.rows import HOST_COLUMNS, PACKAGE_COLUMNS, host_row, package_row, unknown_line

    if without and at:
        raise UsageError("--without answers about now", hint="Leave out --at.")
    query = PackageQuery(
        name=package,
        kind=kind,
        below=below,
        at_least=at_least,
        version=version,
        owner=owner,
        accounts=tuple(accounts or ()),
        at=time_of(at),
    )
    facts = open_facts(ctx)
    if without:
        rows, columns = [host_row(host) for host in facts.without_package(query)], HOST_COLUMNS
    else:
        rows, columns = [package_row(match) for match in facts.packages(query)], PACKAGE_COLUMNS
    no_hosts = not rows and not facts.hosts(gone=True)
    nothing = "No host has facts yet. Run `windlass facts collect`." if no_hosts else "No host matches."
    emit(rows, output, columns, now=clock.now(), limit=limit, empty=nothing)
    if not at and (line := unknown_line(facts.hosts_with_unknown_packages(kind))):
        print(line, file=sys.stderr)
