"""`windlass policy`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.core.errors import UsageError
from windlass.core.suggest import nearest
from windlass.deploy.policy import PolicyIdentity, Statement, document, facts_of, merged, size_of, split
from windlass.present.commands import settings_of
from windlass.present.output import Column, Format, emit

if TYPE_CHECKING:
    from windlass.deploy.capabilities import Capability

__all__ = ["NAMES", "policy"]

NAMES = (
    "inventory",
    "facts",
    "queues",
    "pipelines",
    "aggregation",
    "replication",
    "clients",
    "memcached",
    "watch",
    "deploy",
)
"""The capabilities that have a policy; tests/cli compares them with deploy.capabilities, which is slow to import."""
_COLUMNS = (Column("sid"), Column("actions"), Column("resources"), Column("conditions"), Column("why"))


class Shape(StrEnum):
    """How a policy is printed."""

    JSON = "json"
    TABLE = "table"


def policy(
    ctx: typer.Context,
    capability: Annotated[str, typer.Argument(metavar="CAPABILITY", help=f"One of {', '.join(NAMES)}.")],
    use: Annotated[
        PolicyIdentity | None,
        typer.Option("--for", help="The identity: a worker, a Lambda function, or a person (operator)."),
    ] = None,
    function: Annotated[
        str, typer.Option("--for-function", metavar="NAME", help="For the Lambda function of this name.")
    ] = "",
    account: Annotated[
        str,
        typer.Option(
            "--account", "-a", metavar="ID", help="The account; the first of estate.accounts by default, else any."
        ),
    ] = "",
    kms_key: Annotated[
        list[str] | None,
        typer.Option(
            "--kms-key", metavar="ARN", help="A key that encrypts buckets, queues or tables. Repeat for more."
        ),
    ] = None,
    logs: Annotated[
        list[str] | None,
        typer.Option("--logs", metavar="S3URL", help="clients: where CloudTrail's files are; any bucket by default."),
    ] = None,
    dead_letters: Annotated[
        list[str] | None,
        typer.Option(
            "--dead-letters", metavar="QUEUE", help="Dead-letter queues; by default names that begin with the queue's."
        ),
    ] = None,
    cluster: Annotated[
        str, typer.Option("--cluster", metavar="ID", help="replication: the EMR cluster; any by default.")
    ] = "",
    application: Annotated[
        str,
        typer.Option(
            "--application", metavar="ID", help="replication: the EMR Serverless application; any by default."
        ),
    ] = "",
    execution_role: Annotated[
        str,
        typer.Option("--execution-role", metavar="ARN", help="replication: the role of Spark jobs; any by default."),
    ] = "",
    versions: Annotated[
        bool, typer.Option("--versions", help="replication: allow copies of noncurrent versions.")
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="replication: allow restores of archived objects.")
    ] = False,
    output: Annotated[
        Shape, typer.Option("--output", "-o", help="Format; table shows the reason of each statement.")
    ] = Shape.JSON,
) -> None:
    """Print the least-privilege IAM policy of a capability, for what windlass.toml configures.

    A policy that exceeds the size of a managed policy is printed as a list of policies, to be attached together.

    Examples:
      windlass policy inventory
      windlass policy pipelines --for function -a 111111111111 -o table
    """
    settings, chosen = settings_of(ctx), _capability(capability)
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
    _print(merged(chosen.statements(settings, facts, _use(chosen, use, function))), facts.account, output)


def _capability(name: str) -> Capability:
    from windlass.deploy.capabilities import CAPABILITIES

    capability = next((entry for entry in CAPABILITIES if entry.name == name), None)
    if capability is None:
        close = nearest(name, NAMES)
        hint = f"Did you mean {close}?" if close else f"Capabilities: {', '.join(NAMES)}."
        raise UsageError(f"there is no capability {name!r}", hint=hint)
    return capability


def _use(capability: Capability, use: PolicyIdentity | None, function: str) -> PolicyIdentity:
    chosen = PolicyIdentity.FUNCTION if function else use or capability.uses[0]
    if chosen not in capability.uses:
        raise UsageError(
            f"{capability.name} has no policy for a {chosen}",
            hint=f"It has one for: {', '.join(capability.uses)}.",
        )
    return chosen


def _print(statements: tuple[Statement, ...], account: str, output: Shape) -> None:
    _print_notes(statements, account)
    if output is Shape.TABLE:
        emit([_row(statement) for statement in statements], Format.TABLE, _COLUMNS)
    else:
        parts = [document(part) for part in split(statements)]
        print(json.dumps(parts[0] if len(parts) == 1 else parts or document(()), indent=2))


def _print_notes(statements: tuple[Statement, ...], account: str) -> None:
    if not statements:
        print(
            "windlass: windlass.toml configures nothing of this capability, so no permission is needed", file=sys.stderr
        )
    if account == "*":
        print("windlass: the account is unknown, so the policy allows any account: give --account", file=sys.stderr)
    size, limit = size_of(statements)
    if size > limit:
        print(
            f"windlass: the policy has {size:,} characters, and a managed policy may have {limit:,}: it is split into "
            f"{len(split(statements))}; a role may have 10 managed policies (a quota that AWS raises on request)",
            file=sys.stderr,
        )


def _row(statement: Statement) -> dict[str, object]:
    conditions = json.dumps(statement.conditions) if statement.conditions else ""
    return {
        "sid": statement.sid,
        "actions": statement.actions,
        "resources": statement.resources,
        "conditions": conditions,
        "why": statement.why,
    }
