"""`windlass local up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from windlass.cli.context import loaded_settings
from windlass.cli.embedded_aws import replace_process

if TYPE_CHECKING:
    from windlass.settings.model import LocalConfig

__all__ = ["up"]

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. Default: local.port.")]
Populate = Annotated[bool, typer.Option("--populate/--no-populate", help="Create the sample estate.")]
SimulateChanges = Annotated[
    bool, typer.Option("--simulate-changes", help="Make local.changes_per_minute random changes to the estate.")
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        help="Also accept this host name, such as host.docker.internal; *.NAME accepts its subdomains. Repeat for more."
    ),
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(
        help="Let pages of this origin, such as http://localhost:5173, read S3 as its CORS rules allow. Repeat for more."
    ),
]
RequireSignature = Annotated[
    bool | None,
    typer.Option(
        "--require-signature/--no-require-signature",
        help="Accept only requests signed (SigV4) with a new secret, which is printed as the second line on stdout.",
    ),
]
MotoApi = Annotated[bool, typer.Option("--moto-api", help="Serve moto's control API (/moto-api/reset …).")]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]


def up(
    ctx: typer.Context,
    port: Port = None,
    populate: Populate = True,
    simulate_changes: SimulateChanges = False,
    allow_host: AllowHost = None,
    allow_origin: AllowOrigin = None,
    require_signature: RequireSignature = None,
    moto_api: MotoApi = False,
    with_parent: WithParent = False,
) -> None:
    """Serve the embedded AWS to programs of this machine until Ctrl-C. The first line on stdout is its URL.

    Examples:
      windlass local up --allow-host host.docker.internal
      windlass local up --no-populate --require-signature
    """
    config = loaded_settings(ctx).settings.local
    words = ["up", "--port", str(config.port if port is None else port), "--cache-node-s", str(config.cache_node_s)]
    words += ["--random-seed", str(config.random_seed), "--scale", str(config.scale)]
    words += ["--populate" if populate else "--no-populate"]
    words += ["--changes-per-minute", str(config.changes_per_minute if simulate_changes else 0)]
    words += _access(config, allow_host or [], allow_origin or [])
    signed = config.require_signature if require_signature is None else require_signature
    words += [flag for flag, enabled in (("--require-signature", signed), ("--moto-api", moto_api)) if enabled]
    words += ["--until-stdin-closes"] if with_parent else []
    raise typer.Exit(replace_process(*words))


def _access(config: LocalConfig, hosts: list[str], origins: list[str]) -> list[str]:
    return [
        *(f"--allow-host={host}" for host in (*config.allow_hosts, *hosts)),
        *(f"--allow-origin={origin}" for origin in (*config.allow_origins, *origins)),
    ]
