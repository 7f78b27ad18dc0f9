"""`windlass local populate`."""

from __future__ import annotations

import os

import typer

from windlass.cli.commands.local.status import Url
from windlass.cli.context import loaded_settings
from windlass.cli.embedded_aws import SECRET_VARIABLE, replace_process

__all__ = ["populate"]


def populate(ctx: typer.Context, url: Url = "") -> None:
    """Create the sample estate in a running embedded AWS: the same for the same local.random_seed.

    Examples:
      windlass local populate
      windlass local populate --url http://127.0.0.1:9000
    """
    settings = loaded_settings(ctx).settings
    config = settings.local
    words = ["populate", "--url", url or f"http://127.0.0.1:{config.port}"]
    words += ["--random-seed", str(config.random_seed), "--scale", str(config.scale)]
    environ = {**os.environ, SECRET_VARIABLE: settings.estate.endpoint_secret}
    raise typer.Exit(replace_process(*words, environ=environ))
