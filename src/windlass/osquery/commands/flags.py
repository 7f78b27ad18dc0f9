"""`windlass osquery flags`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.present.commands import settings_of

__all__ = ["flags"]


def flags(
    ctx: typer.Context,
    server: Annotated[
        str, typer.Option("--server", metavar="ADDRESS", help="Host name and port at which agents reach this server.")
    ],
    secret_file: Annotated[
        str, typer.Option("--secret-file", metavar="FILE", help="Where the hosts keep the enrollment secret.")
    ] = "/etc/osquery/enroll_secret",
    certificates: Annotated[
        str,
        typer.Option("--certificates", metavar="FILE", help="The server's certificate authority on the hosts."),
    ] = "",
) -> None:
    """Print the flag file of an agent: save it as /etc/osquery/osquery.flags.

    Examples:
      windlass osquery flags --server windlass.example.com:8470
      windlass osquery flags --server windlass.example.com --certificates /etc/osquery/ca.pem
    """
    from windlass.osquery.agent_config import flag_file

    config = settings_of(ctx).osquery
    print(flag_file(config, server=server, secret_file=secret_file, certificates=certificates), end="")
