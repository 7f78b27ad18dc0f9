"""`windlass policy CAPABILITY`: the least-privilege IAM policy of what is configured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from windlass.core.errors import UsageError
from windlass.deploy.capabilities import CAPABILITIES, Capability
from windlass.deploy.policy import Statement, Use, document, facts_of, merged, size_of
from windlass.present.output import Column, Format, emit
from windlass.settings import Settings

__all__ = ["policy_command"]

_NAMES = ", ".join(one.name for one in CAPABILITIES)
_COLUMNS = (Column("sid"), Column("actions"), Column("resources"), Column("conditions"), Column("why"))


class Shape(StrEnum):
    """How a policy is printed."""

    JSON = "json"
    TABLE = "table"


def policy_command(load: Callable[[typer.Context], Settings]) -> typer.Typer:
    """The command over what loads the settings: `load(context) -> Settings`."""
    app = typer.Typer(rich_markup_mode=None, help="Print the least-privilege IAM policy of a capability.")

    @app.command()
    def policy(
        ctx: typer.Context,
        capability: Annotated[str, typer.Argument(metavar="CAPABILITY", help=f"One of {_NAMES}.")],
        use: Annotated[
            Use | None, typer.Option("--for", help="Who it is for: a worker that runs, a function in Lambda, a person.")
        ] = None,
        function: Annotated[
            str, typer.Option("--for-function", metavar="NAME", help="For the Lambda function of that name.")
        ] = "",
        account: Annotated[
            str, typer.Option(help="The account; the first of estate.accounts unless given, else any.")
        ] = "",
        kms_key: Annotated[
            list[str] | None,
            typer.Option(metavar="ARN", help="A key that buckets, queues or tables are encrypted with."),
        ] = None,
        logs: Annotated[
            list[str] | None,
            typer.Option(metavar="S3URL", help="clients: where CloudTrail's files are; any bucket unless given."),
        ] = None,
        dead_letters: Annotated[
            list[str] | None,
            typer.Option(metavar="QUEUE", help="Dead-letter queues; names that begin with the queue's unless given."),
        ] = None,
        cluster: Annotated[str, typer.Option(metavar="ID", help="replication: EMR's cluster; any unless given.")] = "",
        application: Annotated[
            str, typer.Option(metavar="ID", help="replication: of EMR Serverless; any unless given.")
        ] = "",
        execution_role: Annotated[
            str, typer.Option(metavar="ARN", help="replication: the Spark jobs' role; any unless given.")
        ] = "",
        versions: Annotated[
            bool, typer.Option("--versions", help="replication: noncurrent versions are seeded, too.")
        ] = False,
        restore: Annotated[
            bool, typer.Option("--restore", help="replication: archived objects are restored and copied.")
        ] = False,
        output: Annotated[
            Shape, typer.Option("--output", "-o", help="table shows each statement's reason.")
        ] = Shape.JSON,
    ) -> None:
        """Print the policy for what windlass.toml says: nothing missing, nothing unused."""
        settings: Settings = load(ctx)
        chosen = _capability(capability)
        facts = facts_of(
            settings,
            account=account,
            keys=kms_key or (),
            logs=logs or (),
            dead_letters=dead_letters or (),
            function=function,
            cluster=cluster,
            application=application,
            execution_role=execution_role,
            versions=versions,
            restore=restore,
        )
        found = merged(chosen.statements(settings, facts, _use(chosen, use, function)))
        _notes(found, facts.account)
        if output is Shape.TABLE:
            emit([_row(one) for one in found], Format.TABLE, _COLUMNS)
        else:
            print(json.dumps(document(found), indent=2))

    return app


def _capability(name: str) -> Capability:
    found = next((one for one in CAPABILITIES if one.name == name), None)
    if found is None:
        raise UsageError(f"there is no capability {name!r}", hint=f"There are: {_NAMES}.")
    return found


def _use(chosen: Capability, use: Use | None, function: str) -> Use:
    asked = Use.FUNCTION if function else use or chosen.uses[0]
    if asked not in chosen.uses:
        raise UsageError(
            f"{chosen.name} has no policy for a {asked}", hint=f"It has one for: {', '.join(chosen.uses)}."
        )
    return asked


def _notes(found: tuple[Statement, ...], account: str) -> None:
    if not found:
        print("windlass: nothing of it is configured, so nothing is needed", file=sys.stderr)
    if account == "*":
        print("windlass: the account is not known, so any will do: give --account, or estate.accounts", file=sys.stderr)
    size, most = size_of(found)
    if size > most:
        print(
            f"windlass: {size:,} characters are more than a managed policy may have ({most:,}): split it, or make it inline "
            "(a role's inline policies may have 10,240)",
            file=sys.stderr,
        )


def _row(one: Statement) -> dict[str, object]:
    conditions = json.dumps(one.conditions) if one.conditions else ""
    return {
        "sid": one.sid,
        "actions": one.actions,
        "resources": one.resources,
        "conditions": conditions,
        "why": one.why,
    }
